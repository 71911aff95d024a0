"""Figures 1, 2 and 4, which are computed from formulas without training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from eccentric.paper import published
from eccentric.paper.items import Item
from eccentric.paper.results import Claim, Number, Result
from eccentric.theory import kernel_constant, repulsive_force, stationary_radius

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from eccentric.paper.run_store import RunStore

DIMS = range(3, 301)
FORCE_DIM = 64
SAMPLED_DIMS = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
POINTS, TYPICAL = 8192, 512


def radius_deviations(dims: Sequence[int] = DIMS) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Deviation of the stationary radius from sqrt(d) with the paper's N (Figure 1).

    For each dimension, the largest deviation in percent over mu from 1 to 2d + 1 in steps of 0.01, and its mu.
    """
    greatest, worst = np.empty(len(dims)), np.empty(len(dims))
    for k, d in enumerate(dims):
        mu = np.arange(100, 100 * (2 * d + 1) + 1) / 100
        deviation = 100 * np.abs(stationary_radius(d, mu, kernel_constant(d, mu)) / math.sqrt(d) - 1)
        greatest[k], worst[k] = deviation.max(), mu[deviation.argmax()]
    return greatest, worst


def figure_1(store: RunStore) -> Result:
    from eccentric.plots import radius_deviation

    dims = np.array(DIMS)
    deviations, worst = radius_deviations(DIMS)
    numbers, claims = [], []
    for start, bound in published.FIGURE_1.items():
        first = int(dims[np.flatnonzero(deviations > bound)[-1] + 1])
        what = f"smallest d from which the radius stays within {bound:g} % of √d"
        numbers.append(Number(what, first, start, digits=0))
        at, before = deviations[dims == start][0], deviations[dims == start - 1][0]
        claims.append(
            Claim(
                f"the radius is within {bound:g} % of √d for d ≥ {start}",
                bool((deviations[dims >= start] <= bound).all()),
                f"the deviation is {at:.4g} % at d = {start} and {before:.4g} % at d = {start - 1}",
            )
        )
    return Result(
        numbers=numbers,
        claims=claims,
        notes=[
            f"The largest deviation occurs at μ between {worst.min():.2f} and {worst.max():.2f}, so the upper "
            'limit of μ does not matter. With `N="exact"`, the deviation is zero for every d and μ.'
        ],
        figure=radius_deviation(dims, deviations, published.FIGURE_1),
        alt="The largest deviation of the stationary radius from the square root of d, decreasing from d = 3 to 300.",
        series={"deviation": {"d": dims, "percent": deviations, "worst_mu": worst}},
        protocol={
            "grid": f"d from {dims[0]} to {dims[-1]}, μ from 1 to 2d + 1 in steps of 0.01",
            "method": "root of the equation of Theorem 1 by quadrature, accurate to rounding",
        },
    )


def figure_2(store: RunStore) -> Result:
    from eccentric.plots import repulsive_forces

    d = FORCE_DIM
    mus = np.array(published.MUS)
    constants = kernel_constant(d, mus)
    peaks = np.sqrt(constants)
    distance = np.linspace(0, 24, 4801)
    forces = repulsive_force(distance, mus[:, None], constants[:, None])
    rises = all(
        (np.diff(force[distance <= peak]) > 0).all() and (np.diff(force[distance >= peak]) < 0).all()
        for force, peak in zip(forces, peaks, strict=True)
    )
    found = distance[forces.argmax(1)]
    end = d + 0.5
    numbers = [
        Number(f"N for μ = {mu:g}", N, published.TABLE_1_N[mu]) for mu, N in zip(mus.tolist(), constants, strict=True)
    ]
    numbers += [
        Number(f"largest force for μ = {mu:g}, at distance √N", mu * peak)
        for mu, peak in zip(mus.tolist(), peaks, strict=True)
    ]
    claims = [
        Claim(
            "the repulsive force increases until a distance of √N and decreases thereafter",
            rises and bool(np.abs(found - peaks).max() < 2 * distance[1]),
            "the maxima of the curves are at "
            + ", ".join(f"{at:.2f} (√N = {p:.2f})" for at, p in zip(found, peaks, strict=True)),
        ),
        Claim(
            "N is about 1 for μ = d + 1/2, and about 2d + 1 for μ = 1",
            abs(kernel_constant(d, end) - 1) < 0.01 and abs(kernel_constant(d, 1) / (2 * d + 1) - 1) < 0.01,
            f"{kernel_constant(d, end):.4f} and {kernel_constant(d, 1):.2f} (2d + 1 = {2 * d + 1})",
        ),
        Claim(
            "for μ = 1 the force is largest at about √(2d), the distance between typical points",
            abs(peaks[0] / math.sqrt(2 * d) - 1) < 0.01,
            f"{peaks[0]:.2f} against {math.sqrt(2 * d):.2f}",
        ),
    ]
    return Result(
        numbers=numbers,
        claims=claims,
        figure=repulsive_forces(distance, forces, mus, peaks, typical=math.sqrt(2 * d)),
        alt="Five curves of the repulsive force against distance, with their maxima marked.",
        series={"forces": {"distance": distance} | {f"mu={mu:g}": f for mu, f in zip(mus, forces, strict=True)}},
        protocol={"d": str(d), "N": "the paper's formula"},
    )


def ellipse(d: int) -> Float[np.ndarray, " d"]:
    """Variances of an ellipse with the range of the paper's Figure 5, 3.24 to 0.47, and the trace d."""
    low, high = published.FIGURE_5_SMALLEST, published.FIGURE_5_LARGEST
    bend = (high - low) / (1 - low) - 1  # gives a mean of 1 for growing d
    variances = low + (high - low) * (1 - (np.arange(d) + 0.5) / d) ** bend
    return variances * (d / variances.sum())


def balance(
    z: Float[np.ndarray, "m d"], points: Float[np.ndarray, "n d"], mu: float, N: float
) -> Float[np.ndarray, " m"]:
    """The radial component of the mean repulsion by `points`, as a multiple of the attraction |z|: 1 is balance."""
    squared = (z**2).sum(1)
    product = z @ points.T
    distances = squared[:, None] + (points**2).sum(1) - 2 * product
    return 2 * mu * ((squared[:, None] - product) / (1 + distances / N)).mean(1) / squared


def sphere_points(n: int, d: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
    """Uniformly distributed points on the sphere of radius sqrt(d)."""
    y = rng.standard_normal((n, d))
    return y * (math.sqrt(d) / np.linalg.norm(y, axis=1, keepdims=True))


def measured_balance(dims: Sequence[int], mu: float) -> dict[str, np.ndarray]:
    """`balance` for samples of the sphere and of the ellipse, by dimension.

    Returns:
        Columns d, sphere (mean over typical points), ellipse (their mean), low and high (within which 90 % of them
        lie), long and short (the points at the ends of the ellipse's longest and shortest axis).
    """
    rng = np.random.default_rng(0)
    rows = []
    for d in dims:
        N = kernel_constant(d, mu)
        points, z = sphere_points(POINTS, d, rng), sphere_points(TYPICAL, d, rng)
        axes = np.sqrt(ellipse(d))
        ends = np.zeros((2, d))
        ends[0, 0], ends[1, -1] = math.sqrt(d), math.sqrt(d)
        typical = balance(z * axes, points * axes, mu, N)
        rows.append(
            [
                d,
                balance(z, points, mu, N).mean(),
                typical.mean(),
                *np.quantile(typical, (0.05, 0.95)),
                *balance(ends * axes, points * axes, mu, N),
            ]
        )
    names = ("d", "sphere", "ellipse", "low", "high", "long", "short")
    return dict(zip(names, np.array(rows).T, strict=True))


def figure_4(store: RunStore) -> Result:
    from eccentric.plots import force_balance

    d, mu = FORCE_DIM, 1.0
    N = kernel_constant(d, mu)
    by_dim = measured_balance(SAMPLED_DIMS, mu)
    at = list(SAMPLED_DIMS).index(d)
    value = {name: float(column[at]) for name, column in by_dim.items()}
    variances = ellipse(d)
    pair = 2 * mu / (1 + 2 * d / N)
    stretch = math.sqrt((1 + variances[0]) / 2)
    widths = by_dim["high"] - by_dim["low"]
    last = int(by_dim["d"][-1])
    claims = [
        Claim(
            "a typical point of the sphere repels z with a radial component of about z: 2μ / (1 + 2d/N) ≃ 1",
            abs(pair - 1) < 0.02,
            f"{pair:.4f} for d = {d} and μ = 1",
        ),
        Claim(
            "over the whole sphere repulsion and attraction are in balance",
            bool(np.abs(by_dim["sphere"] - 1).max() < 0.02),
            f"repulsion is {value['sphere']:.4f} of the attraction for d = {d}; for every d from {SAMPLED_DIMS[0]} to "
            f"{last} between {by_dim['sphere'].min():.4f} and {by_dim['sphere'].max():.4f}",
        ),
        Claim(
            "on the ellipse they stay in balance at typical points, more closely for larger d",
            bool(np.abs(by_dim["ellipse"] - 1).max() < 0.02 and (np.diff(widths) < 0).all()),
            f"{value['ellipse']:.3f} for d = {d}, with 90 % of the points between {value['low']:.3f} and "
            f"{value['high']:.3f}; for d = {last} between {by_dim['low'][-1]:.3f} and {by_dim['high'][-1]:.3f}",
        ),
        Claim(
            "the point z' of the figure, at the end of an axis, keeps its distance from typical points and its balance",
            abs(value["long"] - 1) < 0.05 and abs(stretch - 1) < 0.05,
            f"at the end of the longest axis (variance {variances[0]:.2f}) the distance is {stretch:.2f} times as "
            f"large and the repulsion is {value['long']:.3f} of the attraction; at the end of the shortest axis "
            f"(variance {variances[-1]:.2f}) the repulsion is {value['short']:.3f} of the attraction; neither "
            "approaches 1 as d grows",
        ),
    ]
    return Result(
        numbers=[
            Number("repulsion / attraction: by a typical point of the sphere, d = 64", pair, 1.0, digits=3),
            Number("repulsion / attraction: by the whole sphere", value["sphere"], 1.0, digits=3),
            Number("repulsion / attraction: at typical points of the ellipse", value["ellipse"], 1.0, digits=3),
            Number("repulsion / attraction: at the end of its longest axis", value["long"], 1.0, digits=3),
            Number("repulsion / attraction: at the end of its shortest axis", value["short"], 1.0, digits=3),
        ],
        claims=claims,
        notes=[
            "Let z' be the end of an axis with variance σ², and z'⊥ a typical point of the ellipse, which is nearly "
            "orthogonal to z' and has a length of about √d. The forces on z' are not in balance because |z' − z'⊥|² is "
            "about d (1 + σ²) instead of 2d. The repulsion is therefore 2μ / (1 + (1 + σ²) d/N) of the attraction, "
            f"{2 * mu / (1 + (1 + variances[0]) * d / N):.3f} for σ² = {variances[0]:.2f}. For μ = 1 and many "
            "dimensions this ratio is 4 / (3 + σ²), which is near 1 only if σ² is. On the ellipse, the forces on most "
            "points are in balance because the lengths of these points stay near √d. The imbalance shortens long axes "
            "and lengthens short ones: the loss alone would restore the sphere, and an ellipse remains only if it "
            "lowers the reconstruction error.",
        ],
        figure=force_balance(d, mu, N, variances, by_dim),
        alt="A circle and an ellipse with the forces on a point as arrows, and curves of their ratio against d.",
        series={"balance": by_dim},
        protocol={
            "ellipse": f"variances {variances[0]:.2f} to {variances[-1]:.2f} at d = {d}, as in the paper's Figure 5",
            "samples": f"{POINTS:,} repelling points, {TYPICAL} typical points, seed 0",
        },
    )


FIGURE_1 = Item("fig1", "Deviation of the stationary radius from √d", "formulas only; seconds", figure_1)
FIGURE_2 = Item("fig2", "Repulsive force between two items (d = 64)", "formulas only; a second", figure_2)
FIGURE_4 = Item("fig4", "Forces on a point of the sphere and of the ellipse", "formulas and samples; seconds", figure_4)
