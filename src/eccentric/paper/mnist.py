"""Figures 3 and 7: MNIST in two dimensions, and the eigen-digits."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from eccentric.paper import published
from eccentric.paper.items import Item
from eccentric.paper.pictures import decode_pairs
from eccentric.paper.results import Claim, Number, Result, decimal, ordered
from eccentric.paper.scale import Spec
from eccentric.theory import kernel_constant, stationary_radius

if TYPE_CHECKING:
    from jaxtyping import Float

    from eccentric.paper.run_store import RunStore
    from eccentric.training import Run

PLANE = 2
SINGLE = 0.05
"""Assumed relative spread between runs in Figure 3, which has one run for each setting."""


def plane_spec(weight: float, mu: float) -> Spec:
    return Spec("mnist", PLANE, weight, mu, seed=0)


def plane_specs(store: RunStore) -> list[Spec]:
    return [plane_spec(weight, mu) for mu in published.FIGURE_3_MUS for weight in published.FIGURE_3_WEIGHTS]


def figure_3(store: RunStore) -> Result:
    from eccentric.plots import planes

    weights, mus = published.FIGURE_3_WEIGHTS, published.FIGURE_3_MUS
    runs = {(weight, mu): store.run(plane_spec(weight, mu)) for mu in mus for weight in weights}
    test = {setting: run.latents("test") for setting, run in runs.items()}
    eigenvalues = {setting: run.components.eigenvalues.numpy() for setting, run in runs.items()}
    off = {
        (weight, mu): Number(
            f"λ = {weight:g}, μ = {mu:g}: RMS of radius / √d − 1", off_the_circle(run, test[weight, mu].p)
        )
        for (weight, mu), run in runs.items()
    }
    ratio = {setting: Number("", float(values[0] / values[1])) for setting, values in eigenvalues.items()}
    trace = {setting: float(values.sum()) for setting, values in eigenvalues.items()}

    numbers = []
    for (weight, mu), values in eigenvalues.items():
        place = f"λ = {weight:g}, μ = {mu:g}"
        theirs = (
            published.FIGURE_7[PLANE] if (weight, mu) == (published.DIGIT_WEIGHT, published.DIGIT_MU) else (None, None)
        )
        numbers += [
            Number(f"{place}: eigenvalue {k}", float(value), known)
            for k, (value, known) in enumerate(zip(values, theirs, strict=True), 1)
        ]
        numbers.append(off[weight, mu])
    largest, smallest = max(weights), min(weights)
    claims = [
        Claim(
            "with λ = 0.1 the items lie close to the circle of radius √d",
            all(off[largest, mu].ours < 0.15 for mu in mus),
            "the root mean square of radius − √d is " + _listed(off, largest, mus, " √d"),
        ),
        Claim(
            "the items move away from the circle as λ decreases",
            ordered(((off[a, mu], off[b, mu]) for mu in mus for a, b in itertools.pairwise(weights)), single=SINGLE),
            "the root mean square of radius − √d is "
            + "; ".join(
                ", ".join(f"{off[weight, mu].text()} √d at λ = {weight:g}" for weight in weights) + f" for μ = {mu:g}"
                for mu in mus
            ),
        ),
        Claim(
            "the eccentricity increases as λ decreases, especially for μ = 1",
            ordered(
                [
                    *((ratio[largest, mu], ratio[smallest, mu]) for mu in mus),
                    (ratio[smallest, max(mus)], ratio[smallest, min(mus)]),
                ],
                single=SINGLE,
            ),
            "eigenvalue 1 / eigenvalue 2 at λ = 0.001 is "
            + _listed(ratio, smallest, mus)
            + "; at λ = 0.1, it is "
            + _listed(ratio, largest, mus),
        ),
        Claim(
            "the trace of the covariance matrix is about d",
            all(abs(value / PLANE - 1) < 0.15 for value in trace.values()),
            f"between {min(trace.values()):.2f} and {max(trace.values()):.2f}",
        ),
    ]
    gain, curvature = inside_of_the_circle(mus[-1])
    return Result(
        numbers=numbers,
        claims=claims,
        notes=[
            f"For d = 2 and μ = {mus[-1]:g}, the circle does not minimise the loss: the energy of a point is "
            f"{gain:.3f} lower at the centre than on the circle (it is lower for μ ≥ 1.55), and on the circle the "
            f"second derivative of the energy along the radius is {decimal(curvature, 3)} (it is negative for "
            "μ ≥ 2.06), so the circle is unstable. The lower left panel can therefore not show a circle, however large "
            "λ is.",
            "λ and μ are those of the paper's panels. The paper does not state which items it plots. Each panel is one "
            f"run, so differences of less than {100 * SINGLE:.0f} % count as undecided.",
            *_plane_errors(runs),
        ],
        figure=planes(
            [[test[weight, mu].p for weight in weights] for mu in mus],
            test[weights[0], mus[0]].labels,
            [[f"λ = {weight:g}, μ = {mu:g}" for weight in weights] for mu in mus],
            math.sqrt(PLANE),
        ),
        alt="Six scatter plots of the test items with the circle of radius root two, with λ decreasing from left to "
        "right.",
    )


def _plane_errors(runs: dict[tuple[float, float], Run]) -> list[str]:
    """A sentence on the classification error of all panels, which Table 3 has for one of them."""
    found = {setting: run.evaluation for setting, run in runs.items()}
    if any("neighbour_error" not in evaluation for evaluation in found.values()):
        return []
    neighbours = next(iter(found.values()))["neighbours"]
    listed = ", ".join(
        f"{100 * evaluation['neighbour_error']:.1f} (λ = {weight:g}, μ = {mu:g})"
        for (weight, mu), evaluation in found.items()
    )
    return [
        f"Errors of {neighbours} nearest neighbours with all labels, in percent: {listed}. Table 3 has the error for "
        f"λ = {published.DIGIT_WEIGHT:g}, μ = {published.DIGIT_MU:g}; the other panels show whether λ or μ limits it."
    ]


def off_the_circle(run: Run, p: Float[np.ndarray, "n d"]) -> float:
    """Root mean square of the length minus sqrt(d), in units of sqrt(d), for the latents, which in contrast to p are
    not centred.
    """
    components = run.components
    radius = np.linalg.norm(p + (components.basis @ components.mean).numpy(), axis=1)
    return float(np.sqrt(np.mean((radius / math.sqrt(p.shape[1]) - 1) ** 2)))


def inside_of_the_circle(mu: float) -> tuple[float, float]:
    """Energy of one point among many on the stationary circle (d = 2), which shows that the circle is unstable for
    large mu.

    At distance r from the centre it is r^2 / 2 - mu N E[log(1 + D/N)], a mean that is elementary for d = 2.

    Returns:
        The energy on the circle minus that at the centre, and the second derivative of the energy with respect to r on
        the circle. The centre is preferred if the first is positive; the circle is unstable if the second is negative.
    """
    N = kernel_constant(2, mu)
    rho = stationary_radius(2, mu, N)

    def energy(r: float) -> float:
        a, b = 1 + (r * r + rho * rho) / N, 2 * r * rho / N
        return r * r / 2 - mu * N * math.log((a + math.sqrt(a * a - b * b)) / 2)

    h = 1e-4 * rho
    curvature = (energy(rho + h) - 2 * energy(rho) + energy(rho - h)) / h**2
    return energy(rho) - energy(0), curvature


def _listed(values: dict[tuple[float, float], Number], weight: float, mus: tuple[float, ...], unit: str = "") -> str:
    return ", ".join(f"{values[weight, mu].text()}{unit} for μ = {mu:g}" for mu in mus)


def digit_spec(dim: int, seed: int = 0) -> Spec:
    """The MNIST run of the paper for Figure 7 and Table 3."""
    return Spec("mnist", dim, published.DIGIT_WEIGHT, published.DIGIT_MU, seed)


def figure_7(store: RunStore) -> Result:
    from eccentric.plots import PairPanel, pair_panels

    panels, numbers, traces = {}, [], {}
    for letter, dim in zip("abcd", published.DIGIT_DIMS, strict=True):
        run = store.run(digit_spec(dim))
        values = run.components.eigenvalues.numpy()
        panels[dim] = PairPanel(f"({letter}) d = {dim}", decode_pairs(run), values)
        traces[dim] = float(values.sum())
        numbers += [
            Number(f"d = {dim}: eigenvalue {k}", float(value), known)
            for k, (value, known) in enumerate(zip(values, published.FIGURE_7[dim], strict=True), 1)
        ]
        numbers.append(Number(f"d = {dim}: trace", traces[dim], sum(published.FIGURE_7[dim])))
    claims = [
        Claim(
            "the trace of the covariance matrix is about d",
            all(abs(trace / dim - 1) < 0.15 for dim, trace in traces.items()),
            ", ".join(f"{trace:.2f} for d = {dim}" for dim, trace in sorted(traces.items())),
        )
    ]
    a, b, c, d = (panels[dim] for dim in published.DIGIT_DIMS)
    return Result(
        numbers=numbers,
        claims=claims,
        notes=[
            "Images are decoded at −2 and +2 standard deviations along each component, with all others at their mean; "
            "the paper does not state the scale of its pairs. The sign of a component is arbitrary."
        ],
        figure=pair_panels([[a, b], [c, d]]),
        alt="Pairs of digits, one for each component, for models of 6, 4, 8 and 2 dimensions.",
    )


FIGURE_3 = Item(
    "fig3",
    "MNIST in two dimensions, for three λ and two μ",
    "6 trainings on MNIST with d = 2",
    figure_3,
    plane_specs,
    trend={
        "RMS of radius / √d − 1": r"^(.*): RMS of radius",
        "Eigenvalues for λ = 0.001, μ = 1": r"^λ = 0\.001, μ = 1: (eigenvalue .*)$",
    },
)
FIGURE_7 = Item(
    "fig7",
    "Paired eigen-digits with their eigenvalues",
    "4 trainings on MNIST, with d = 2, 4, 6 and 8",
    figure_7,
    lambda store: [digit_spec(dim) for dim in published.DIGIT_DIMS],
    trend={"Largest and smallest eigenvalue": r"^(d = 8: eigenvalue [18]|d = 4: eigenvalue [14])$"},
)
