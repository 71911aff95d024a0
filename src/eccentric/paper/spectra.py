"""Figure 5: spectra of the latents and their variation between runs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from eccentric.paper import published
from eccentric.paper.items import Item
from eccentric.paper.results import Claim, Number, Result, ordered, summarised
from eccentric.paper.scale import Spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jaxtyping import Float

    from eccentric.paper.run_store import RunStore

ENDS = (published.MUS[0], published.MUS[-1])
"""Values of mu with four runs in the paper."""


def face_spec(store: RunStore, weight: float, mu: float, seed: int) -> Spec:
    """A CelebA run of the paper for Figures 5, 6, 8, 9 and Tables 1, 2, 4, 5."""
    return Spec("celeba", store.face_dim, weight, mu, seed)


def face_specs(store: RunStore, mus: Iterable[float] = ENDS, least: int = 1) -> dict[tuple[float, float], list[Spec]]:
    """Runs for each (weight, mu), with the number of seeds of the paper or of the scale."""
    return {
        (weight, mu): [
            face_spec(store, weight, mu, seed) for seed in store.scale.seeds("celeba", published.RUNS.get(mu, 2), least)
        ]
        for weight in published.WEIGHTS
        for mu in mus
    }


def four_runs(store: RunStore) -> list[Spec]:
    return [spec for specs in face_specs(store, least=2).values() for spec in specs]


def figure_5(store: RunStore) -> Result:
    from eccentric.plots import spectra

    found: dict[tuple[float, float], Float[np.ndarray, "runs d"]] = {
        setting: np.array([store.run(spec).components.eigenvalues.numpy() for spec in specs])
        for setting, specs in face_specs(store, least=2).items()
    }
    d = store.face_dim
    low, high = published.WEIGHTS
    one, end = ENDS
    width = {setting: float((values.max(1) / values.min(1)).mean()) for setting, values in found.items()}
    uneven = {
        setting: summarised(
            f"{_place(setting)}: standard deviation of the eigenvalues / their mean",
            values.std(1) / values.mean(1),
            digits=3,
        )
        for setting, values in found.items()
    }
    trace = {setting: float(values.sum(1).mean()) for setting, values in found.items()}
    apart = {setting: _area(itertools.combinations(values, 2)) for setting, values in found.items()}
    others = {pair: _area(itertools.product(*(found[s] for s in pair))) for pair in itertools.combinations(found, 2)}
    nearest = min(others, key=lambda pair: others[pair])
    flatter = sum(found[high, mu].std(1).mean() < found[low, mu].std(1).mean() for mu in ENDS)
    numbers = [
        Number("largest eigenvalue of all", max(float(v.max()) for v in found.values()), published.FIGURE_5_LARGEST),
        Number("smallest eigenvalue of all", min(float(v.min()) for v in found.values()), published.FIGURE_5_SMALLEST),
    ]
    for setting in found:
        place = _place(setting)
        numbers += [
            Number(f"{place}: largest / smallest eigenvalue", width[setting]),
            uneven[setting],
            Number(f"{place}: standard deviation of the eigenvalues", float(found[setting].std(1).mean()), digits=3),
            Number(f"{place}: trace / d", trace[setting] / d, 1.0, digits=3),
            Number(
                f"{place}: area between the curves of two runs / area below them",
                100 * apart[setting],
                digits=1,
                unit="%",
            ),
        ]
    claims = [
        Claim(
            "the eigenvalues become more uniform as λ increases",
            ordered((uneven[high, mu], uneven[low, mu]) for mu in ENDS),
            "; ".join(
                f"for μ = {mu:g} their standard deviation divided by their mean is {uneven[low, mu].text()} at "
                f"λ = {low:g} and {uneven[high, mu].text()} at λ = {high:g}"
                for mu in ENDS
            ),
        ),
        Claim(
            "to a lesser extent, the eigenvalues also become more uniform as μ increases",
            # To a lesser extent: increasing λ makes them more uniform than increasing μ.
            ordered(
                [
                    *((uneven[weight, end], uneven[weight, one]) for weight in published.WEIGHTS),
                    (uneven[high, one], uneven[low, end]),
                ]
            ),
            "; ".join(
                f"at λ = {weight:g} this ratio is {uneven[weight, one].text()} for μ = {one:g} and "
                f"{uneven[weight, end].text()} for μ = {end:g}"
                for weight in published.WEIGHTS
            ),
        ),
        Claim(
            "the sum of the eigenvalues is about d",
            all(abs(value / d - 1) < 0.15 for value in trace.values()),
            ", ".join(f"{value:.2f} for {_place(setting)}" for setting, value in trace.items()) + f" (d = {d})",
        ),
        Claim(
            "independent runs have almost exactly the same spectrum",
            max(apart.values()) < min(0.1, others[nearest]),
            "the area between the curves of two runs, relative to the area below them, is "
            + ", ".join(f"{100 * value:.1f} % for {_place(setting)}" for setting, value in apart.items())
            + f"; between two settings it is at least {100 * others[nearest]:.1f} % "
            f"({_place(nearest[0])} and {_place(nearest[1])})",
        ),
    ]
    return Result(
        numbers=numbers,
        claims=claims,
        figure=spectra(
            [[found[weight, mu] for mu in ENDS] for weight in published.WEIGHTS],
            [[_place((weight, mu)) for mu in ENDS] for weight in published.WEIGHTS],
        ),
        alt="Eigenvalues in descending order for two λ and two μ, one line for each run.",
        series={
            "eigenvalues": {"component": np.arange(1, d + 1)}
            | {f"{_place(s)}, run {k + 1}": v for s, values in found.items() for k, v in enumerate(values)}
        },
        notes=[
            "The uniformity of a spectrum is measured by the standard deviation divided by the mean, which does not "
            "depend on the trace; after a short training, the trace may differ from d. The standard deviation itself, "
            f"which is also among the numbers, is smaller for the larger λ at {flatter} of {len(ENDS)} values of μ.",
            "Spectra count as almost exactly the same if the area between the curves of two runs is less than a tenth "
            "of the area below them, and less than between any two settings.",
            "± is the standard deviation over runs.",
            "The values of μ are those with four runs in the paper (Table 1); its text does not state those of the "
            "figure.",
            *([] if claims[0].holds is True else [_leading(found)]),
        ],
    )


def _leading(found: Mapping[tuple[float, float], Float[np.ndarray, "runs d"]]) -> str:
    """A sentence on the uniformity of the leading eigenvalues; small ones can hide it."""
    low, high = published.WEIGHTS
    leading = max(1, next(iter(found.values())).shape[1] // 4)
    first = {s: values[:, :leading] for s, values in found.items()}
    uneven = {s: summarised("", values.std(1) / values.mean(1), digits=3).text() for s, values in first.items()}
    share = {s: 100 * float((first[s].sum(1) / found[s].sum(1)).mean()) for s in found}
    return (
        f"Of the first {leading} eigenvalues alone, the standard deviation divided by the mean is "
        + "; ".join(
            f"{uneven[low, mu]} at λ = {low:g} and {uneven[high, mu]} at λ = {high:g} for μ = {mu:g}" for mu in ENDS
        )
        + ". Their share of the trace is "
        + "; ".join(f"{share[low, mu]:.0f} % and {share[high, mu]:.0f} %" for mu in ENDS)
        + "."
    )


def _area(pairs: Iterable[tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]]]) -> float:
    """Area between two curves relative to the mean of the areas below them, averaged over pairs."""
    return float(np.mean([2 * np.abs(a - b).sum() / (a + b).sum() for a, b in pairs]))


def _place(setting: tuple[float, float]) -> str:
    return f"λ = {setting[0]:g}, μ = {setting[1]:g}"


FIGURE_5 = Item(
    "fig5",
    "Spectra of the latents of independent runs, superimposed",
    "16 trainings on CelebA: two λ, two μ, four runs each",
    figure_5,
    four_runs,
    trend={
        "Deviation of the eigenvalues / their mean": r"^(.*): standard deviation .* their mean$",
        "Largest and smallest of all eigenvalues": r"^(largest|smallest) eigenvalue of all$",
    },
)
