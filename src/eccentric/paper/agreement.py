"""Figure 6 and Table 2: do two runs find the same components?"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from eccentric.alignment import algorithm_1, align, cross_correlation, similarity
from eccentric.paper import published
from eccentric.paper.items import Item
from eccentric.paper.results import Claim, Number, Result, Table, ordered, summarised
from eccentric.paper.spectra import ENDS, face_spec, face_specs, four_runs

if TYPE_CHECKING:
    from jaxtyping import Float

    from eccentric.alignment import Similarity
    from eccentric.paper.workshop import Spec, Workshop
    from eccentric.training import Run

MEASURES = {"distance": (1, ""), "cosine": (2, ""), "angle": (0, "°")}
METHODS = {"Algorithm 1": "paper", "assignment": "assignment", "Procrustes": "procrustes"}

SIGNS = (
    "The listing of Algorithm 1 leaves the sign of a pair that it never moves; as the paper's text says, all of the "
    "diagonal is made positive here."
)


def figure_6_specs(workshop: Workshop) -> list[Spec]:
    return [face_spec(workshop, weight, 1.0, seed) for weight in reversed(published.WEIGHTS) for seed in (0, 1)]


def figure_6(workshop: Workshop) -> Result:
    from eccentric.plots import cross_correlation as draw

    low, high = published.WEIGHTS
    before, after = {}, {}
    for weight in (high, low):
        first, second = (workshop.run(face_spec(workshop, weight, 1.0, seed)) for seed in (0, 1))
        p, q = second.latents("test").p, first.latents("test").p
        turned, turned_reference = algorithm_1(second.latents("train").p, first.latents("train").p)
        before[weight] = cross_correlation(p, q)
        after[weight] = cross_correlation(turned.apply(p), turned_reference.apply(q))
    numbers = []
    for weight in (high, low):
        numbers += [
            Number(f"λ = {weight:g}: mean absolute correlation on the diagonal, before", _diagonal(before[weight])),
            Number(f"λ = {weight:g}: mean absolute correlation on the diagonal, after", _diagonal(after[weight])),
            Number(f"λ = {weight:g}: share of the squared correlations near the diagonal, after", _near(after[weight])),
        ]
    claims = [
        Claim(
            "alignment brings the correlation closer to the diagonal",
            all(_diagonal(after[w]) > _diagonal(before[w]) for w in (high, low)),
            "; ".join(f"λ = {w:g}: from {_diagonal(before[w]):.2f} to {_diagonal(after[w]):.2f}" for w in (high, low)),
        ),
        Claim(
            "and turns it from negative to positive",
            all((np.diagonal(after[w]) > 0).mean() >= 0.9 for w in (high, low)),
            "; ".join(
                f"λ = {w:g}: {100 * (np.diagonal(before[w]) > 0).mean():.0f} % of the diagonal is positive before, "
                f"{100 * (np.diagonal(after[w]) > 0).mean():.0f} % after"
                for w in (high, low)
            ),
        ),
        Claim(
            "the correlation is more concentrated along the diagonal for λ = 0.0001 than for 0.001",
            _diagonal(after[low]) > _diagonal(after[high]),
            f"mean absolute correlation on it {_diagonal(after[low]):.2f} against {_diagonal(after[high]):.2f}",
        ),
    ]
    return Result(
        numbers=numbers,
        claims=claims,
        notes=["Aligned by the paper's Algorithm 1 on training items, drawn on test items. " + SIGNS],
        figure=draw(
            np.array([before[high], before[low]]),
            np.array([after[high], after[low]]),
            [f"λ = {high:g}, a run", f"λ = {low:g}, a run"],
            "another run",
        ),
        alt="Four maps of correlations between the components of two runs, before alignment and after it, for two λ.",
    )


def _diagonal(correlation: Float[np.ndarray, "d d"]) -> float:
    return float(np.abs(np.diagonal(correlation)).mean())


def _near(correlation: Float[np.ndarray, "d d"]) -> float:
    """Share of the squared correlations on the diagonal and beside it."""
    i, j = np.indices(correlation.shape)
    return float((correlation**2)[np.abs(i - j) <= 1].sum() / (correlation**2).sum())


def pair_similarities(first: Run, second: Run) -> dict[str, Similarity]:
    """How far two runs agree on test items, aligned on training items by each method."""
    p, q = ({split: run.latents(split).p for split in ("train", "test")} for run in (first, second))
    found = {}
    for name, method in METHODS.items():
        alignment = align(q["train"], p["train"], method)  # type: ignore[arg-type]
        found[name] = similarity(alignment.apply(q["test"]), p["test"])
    return found


def table_2(workshop: Workshop) -> Result:
    numbers: list[Number] = []
    rows: list[list[str]] = []
    means: dict[tuple[float, float], dict[str, dict[str, Number]]] = {}
    pairs = 0
    for (weight, mu), specs in face_specs(workshop, least=2).items():
        runs = [workshop.run(spec) for spec in specs]
        found = [pair_similarities(a, b) for a, b in itertools.combinations(runs, 2)]
        pairs = len(found)
        place = f"λ = {weight:g}, μ = {mu:g}"
        means[weight, mu] = {}
        for method in METHODS:
            means[weight, mu][method] = {
                measure: summarised(
                    f"{place}: {measure}" + ("" if method == "Algorithm 1" else f", {method}"),
                    [getattr(each[method], measure) for each in found],
                    published.TABLE_2[weight, mu][measure] if method == "Algorithm 1" else None,
                    digits=digits,
                    unit=unit,
                )
                for measure, (digits, unit) in MEASURES.items()
            }
            numbers += means[weight, mu][method].values()
        ours = means[weight, mu]["Algorithm 1"]
        rows.append([f"{weight:g}", f"{mu:g}", *(number.text() for number in ours.values())])
        rows.append(["", "*paper*", *(f"*{number.published_text()}*" for number in ours.values())])
        rows += [
            ["", method, *(number.text() for number in means[weight, mu][method].values())]
            for method in METHODS
            if method != "Algorithm 1"
        ]
    low, high = published.WEIGHTS
    one, end = ENDS
    distance = {setting: found["Algorithm 1"]["distance"] for setting, found in means.items()}
    cosine = {method: np.mean([found[method]["cosine"].ours for found in means.values()]) for method in METHODS}
    claims = [
        Claim(
            "the encodings are closer for λ = 0.0001 than for λ = 0.001",
            ordered((distance[low, mu], distance[high, mu]) for mu in ENDS),
            "; ".join(f"μ = {mu:g}: {distance[low, mu].text()} against {distance[high, mu].text()}" for mu in ENDS),
        ),
        Claim(
            "for λ = 0.001 they are closer for μ = 1 than for μ = 64.5",
            ordered([(distance[high, one], distance[high, end])]),
            f"{distance[high, one].text()} against {distance[high, end].text()}",
        ),
    ]
    return Result(
        numbers=numbers,
        claims=claims,
        notes=[
            "Beyond the paper: the best one-to-one matching (assignment) and the best rotation within groups of close "
            "eigenvalues (Procrustes). Mean cosine over all settings: "
            + ", ".join(f"{value:.2f} by {method}" for method, value in cosine.items())
            + ".",
            f"± is the standard deviation over {pairs} pair{'s' * (pairs != 1)} of runs.",
            SIGNS,
        ],
        table=Table(["λ", "μ", "distance", "cosine", "angle"], rows),
        protocol={"alignment": "on training items", "measured": "on test items"},
    )


FIGURE_6 = Item(
    "fig6",
    "Cross-correlation of the components of two runs, before and after alignment",
    "4 trainings on CelebA: two λ, two runs each",
    figure_6,
    figure_6_specs,
)
TABLE_2 = Item(
    "table2",
    "Distance, cosine and angle between the encodings of independent runs",
    "16 trainings on CelebA: two λ, two μ, four runs each",
    table_2,
    four_runs,
)
