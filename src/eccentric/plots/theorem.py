"""Plots of the theory: radius, force and balance of forces (Figures 1, 2 and 4 of the paper)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, FancyArrowPatch
from matplotlib.ticker import NullFormatter

from eccentric.plots.style import BLUE, FAINT, GREY, HALO, INK, ORANGE, WIDTH, styled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float
    from matplotlib.axes import Axes


@styled
def radius_deviation(
    dims: Float[np.ndarray, " n"], percent: Float[np.ndarray, " n"], bounds: Mapping[int, float]
) -> Figure:
    """Deviation of the stationary radius from sqrt(d) (Figure 1), with the bounds stated in the paper.

    Args:
        dims: ascending.
        percent: largest deviation over mu, positive.
        bounds: bounds in percent by the dimension from which they hold.
    """
    figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
    axes = figure.subplots()
    for start, bound in bounds.items():
        axes.plot([start, dims[-1]], [bound, bound], color=FAINT, linewidth=1)
        axes.plot([start, start], [bound, percent.min() / 2], color=FAINT, linewidth=1)
    axes.plot(dims, percent, color=BLUE)
    for start, bound in bounds.items():
        at = float(percent[dims == start][0])
        axes.plot([start], [at], "o", color=ORANGE, markersize=5, zorder=3)
        axes.annotate(
            f"{bound:g} % from d = {start}", (start, at), xytext=(7, 4), textcoords="offset points", path_effects=HALO
        )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(xlim=(0, dims[-1]), ylim=(0.8 * percent.min(), 1.4 * percent.max()))
    axes.set_xlabel("d")
    axes.set_title("Greatest deviation of ρ from √d")
    return figure


@styled
def repulsive_forces(
    distance: Float[np.ndarray, " n"],
    forces: Float[np.ndarray, "m n"],
    mus: Float[np.ndarray, " m"],
    peaks: Float[np.ndarray, " m"],
    typical: float,
) -> Figure:
    """The force between two items by distance (Figure 2), with the maximum of each curve marked at sqrt(N).

    Args:
        distance: ascending, from 0.
        forces: for each mu.
        mus: of the curves.
        peaks: sqrt(N) of each.
        typical: sqrt(2d), the typical distance of pairs on the sphere.
    """
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    colours = matplotlib.colormaps["viridis"](np.linspace(0.88, 0.12, len(mus)))
    for mu, force, peak, colour in zip(mus, forces, peaks, colours, strict=True):
        axes.plot(distance, force, color=colour, label=f"μ = {mu:g}")
        axes.plot([peak], [float(np.interp(peak, distance, force))], "o", color=ORANGE, markersize=4.5, zorder=3)
    axes.axvline(typical, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    axes.annotate(
        "√(2d), the typical distance\nof points on the sphere",
        (typical, 0.42),
        xycoords=("data", "axes fraction"),
        xytext=(6, 0),
        textcoords="offset points",
        color=GREY,
    )
    axes.plot([], [], "o", color=ORANGE, markersize=4.5, label="maximum, at √N")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend([*handles[-2::-1], handles[-1]], [*labels[-2::-1], labels[-1]], loc="upper right")
    axes.set(xlim=(0, distance[-1]), ylim=(0, 1.1 * forces.max()))
    axes.set_xlabel("distance")
    axes.set_title("Repulsive force between two items")
    return figure


@styled
def force_balance(
    d: int, mu: float, N: float, variances: Float[np.ndarray, " d"], by_dim: Mapping[str, Float[np.ndarray, " n"]]
) -> Figure:
    """The forces on a point of the sphere and of the ellipse, to scale (Figure 4), and their ratio for growing d.

    Args:
        d, mu, N: of the loss.
        variances: of the ellipse along its axes, the greatest first, with trace d.
        by_dim: columns d; radial repulsion over attraction on the sphere, on typical points of the ellipse
            ("ellipse", with "low" and "high" around most of them), and at the ends of its "long" and "short" axis.
    """
    figure = Figure(figsize=(WIDTH, 5.8), layout="constrained")
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(2.4, 3.4))[:, 0]
    stretch = math.sqrt(variances[0])
    extents = [(-1.1 * sigma, 1.1 * sigma + 0.6) for sigma in (1.0, stretch)]
    planes = upper.subplots(1, 2, squeeze=False, width_ratios=[right - left for left, right in extents])
    for axes, sigma, mark, (left, right) in zip(planes[0], (1.0, stretch), ("", "′"), extents, strict=True):
        ratio = _forces(axes, 2 * mu, d / N, sigma, mark)
        axes.set(xlim=(left, right), ylim=(-1.3, 1.1), aspect="equal")
        what = f"Ellipse, variance {variances[0]:.2f}" if mark else "Sphere"
        axes.set_title(f"{what}: ratio {ratio:.2f}")
    arrows = [Line2D([], [], color=colour, linewidth=2) for colour in (ORANGE, BLUE, FAINT)]
    words = ["attraction", f"repulsion by z⊥, radial (d = {d})", "repulsion"]
    upper.legend(arrows, words, loc="outside lower center", ncols=3, handlelength=1.2, columnspacing=1.4)
    _ratios(lower.subplots(), by_dim)
    return figure


def _forces(axes: Axes, strength: float, inverse: float, sigma: float, mark: str) -> float:
    """The plane of z and a typical point, lengths in sqrt(d), forces at half their scale; returns their ratio.

    Args:
        strength: 2 mu.
        inverse: d / N.
        sigma: half the width of the ellipse; its height is that of the circle, as the typical point's length is.
        mark: behind the names of points.
    """
    axes.axis("off")
    axes.add_patch(Ellipse((0, 0), 2 * sigma, 2, fill=False, edgecolor=GREY, linewidth=1))
    z, typical = np.array([sigma, 0.0]), np.array([0.0, -1.0])
    force = strength * (z - typical) / (1 + ((z - typical) ** 2).sum() * inverse)
    axes.plot(*zip(typical, z, strict=True), color=FAINT, linewidth=1, zorder=0)
    for end, colour in ((z + force / 2, FAINT), (z + force * (0.5, 0), BLUE), (z / 2, ORANGE)):
        _arrow(axes, z, end, colour)
    names = ((z, f"z{mark}", (5, -12)), (typical, f"z{mark}⊥", (2, -12)), (np.zeros(2), "0", (-5, -11)))
    for point, label, shift in names:
        axes.plot(*point, "o", color=INK, markersize=3.5, zorder=4)
        axes.annotate(
            label, (point[0], point[1]), xytext=shift, textcoords="offset points", ha="center", path_effects=HALO
        )
    return float(force[0] / z[0])


def _arrow(axes: Axes, start: np.ndarray, end: np.ndarray, colour: str) -> None:
    axes.add_patch(
        FancyArrowPatch(
            tuple(start),
            tuple(end),
            arrowstyle="-|>",
            mutation_scale=9,
            color=colour,
            linewidth=1.6,
            shrinkA=0,
            shrinkB=0,
        )
    )


def _ratios(axes: Axes, by_dim: Mapping[str, np.ndarray]) -> None:
    d = by_dim["d"]
    axes.axhline(1, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    axes.fill_between(d, by_dim["low"], by_dim["high"], color=BLUE, alpha=0.18, linewidth=0)
    axes.plot(d, by_dim["ellipse"], color=BLUE, marker="o", markersize=3.5)
    axes.plot(d, by_dim["sphere"], color=INK, marker="o", markersize=3.5)
    axes.plot(d, by_dim["long"], color=ORANGE, marker="o", markersize=3.5)
    axes.plot(d, by_dim["short"], color=ORANGE, marker="o", markersize=3.5)
    axes.set_xscale("log", base=2)
    axes.set_xticks(d, [f"{value:g}" for value in d])
    axes.minorticks_off()
    axes.set_xlabel("d")
    axes.set_title("The same with all points: radial repulsion / attraction")
    words = (
        ("short", "end of the shortest axis", (0, 6), ORANGE),
        ("high", "ellipse, 90 % of points", (0, 9), BLUE),
        ("long", "end of the longest axis", (0, 7), ORANGE),
    )
    for name, text, shift, colour in words:
        at = len(d) - 1 if name != "high" else len(d) // 2
        axes.annotate(
            text,
            (d[at], by_dim[name][at]),
            xytext=shift,
            textcoords="offset points",
            ha="right" if name != "high" else "left",
            va="bottom",
            color=colour,
            path_effects=HALO,
        )
    axes.annotate(
        "sphere", (d[0], by_dim["sphere"][0]), xytext=(2, 5), textcoords="offset points", color=INK, path_effects=HALO
    )
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
