"""Plots of latents: variances of the components, and items along the first components."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from eccentric.plots.labels import Group, as_numbers, label_groups, label_kind
from eccentric.plots.style import BLUE, FAINT, HALO, INK, ORANGE, WIDTH, literal, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from matplotlib.axes import Axes

MOST_POINTS = 5000


@styled
def spectrum(eigenvalues: Float[np.ndarray, " d"]) -> Figure:
    """Variance along each component, with a line at 1, the value for a standard normal or a sphere of radius sqrt(d).

    The paper's Figure 5. Up to 12 components are shown as bars with values, up to 32 as bars, and more as steps.
    """
    d = len(eigenvalues)
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    axes = figure.subplots()
    number = np.arange(1, d + 1)
    if d <= 32:
        axes.bar(number, eigenvalues, width=0.72, color=BLUE)
        axes.set_xlim(0.4, max(d, 3) + 0.6)
    else:
        axes.stairs(eigenvalues, np.arange(d + 1) + 0.5, fill=True, color=BLUE)
        axes.set_xlim(0, d + 1)
    if d <= 12:
        axes.set_xticks(number, [f"p{k}" for k in number])
        axes.tick_params(axis="x", length=0)
        for k, value in zip(number, eigenvalues, strict=True):
            over_line = value < 1 < value + 0.1 * max(1.0, eigenvalues[0])
            axes.annotate(
                f"{value:.2f}",
                (k, 1 if over_line else value),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                path_effects=HALO,
            )
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 4, 5, 8, 10]))
        axes.set_xlabel("component")
    axes.axhline(1, color=ORANGE, linewidth=1.2, zorder=1.5)
    axes.set_ylim(0, 1.15 * max(1.0, float(eigenvalues.max())))
    axes.set_ylabel("eigenvalue (variance)")
    axes.set_title(f"trace = {eigenvalues.sum():.2f}, d = {d}")
    return figure


@styled
def scatter(
    p: Float[np.ndarray, "n k"],
    labels: Sequence[str] | np.ndarray | None = None,
    eigenvalues: Float[np.ndarray, " d"] | None = None,
    circle: bool = False,
) -> Figure:
    """The first two components of the items, with equal scales on both axes (Figure 3 of the paper).

    Args:
        p: coordinates along at least two components; a fixed random sample is shown if there are more than
            `MOST_POINTS` items.
        labels: labels as text, with colours as described in `label_kind`.
        eigenvalues: variances of the components, shown on the axes.
        circle: draw the circle of radius sqrt(2), which is meaningful if there are exactly two components.
    """
    p, labels = _subsample(p[:, :2], labels)
    figure = Figure(figsize=(WIDTH, 4.2), layout="compressed")
    axes = figure.subplots()
    many = len(p) > 1000
    size, alpha = (5.0, 0.6) if many else (12.0, 0.8)
    groups = label_groups(labels)
    if label_kind(labels) == "numbers":
        values = as_numbers(np.asarray(labels, dtype=str))
        points = axes.scatter(p[:, 0], p[:, 1], c=values, s=size, alpha=alpha, linewidths=0, cmap="viridis")
        bar = figure.colorbar(points, ax=axes, shrink=0.7, label="label")
        bar.solids.set_alpha(1)  # type: ignore[union-attr]
        bar.outline.set_visible(False)
    else:
        colours = np.full(len(p), BLUE, dtype=object)
        for _, mask, colour in groups:
            colours[mask] = colour
        axes.scatter(p[:, 0], p[:, 1], c=list(colours), s=size, alpha=alpha, linewidths=0)
        _legend(axes, groups)
        _name_in_place(axes, p, groups)
    if circle:
        angle = np.linspace(0, 2 * np.pi, 200)
        axes.plot(math.sqrt(2) * np.cos(angle), math.sqrt(2) * np.sin(angle), color=INK, linewidth=0.9, zorder=3)
    reach = 1.06 * max(float(np.abs(p).max()), math.sqrt(2) if circle else 0.0, 1e-6)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.axhline(0, color=FAINT, linewidth=0.6, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.6, zorder=0)
    axes.set_xlabel("p1" if eigenvalues is None else f"p1 (variance {eigenvalues[0]:.2f})")
    axes.set_ylabel("p2" if eigenvalues is None else f"p2 (variance {eigenvalues[1]:.2f})")
    return figure


@styled
def histogram(p: Float[np.ndarray, "n k"], labels: Sequence[str] | np.ndarray | None = None) -> Figure:
    """Histogram of the first component, stacked by label, for a model with one component."""
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.subplots()
    groups = label_groups(labels)
    parts = [p[mask, 0] for _, mask, _ in groups] or [p[:, 0]]
    bins = np.histogram_bin_edges(p[:, 0], bins=min(50, max(10, round(math.sqrt(len(p))))))
    axes.hist(parts, bins=list(bins), stacked=True, color=[colour for *_, colour in groups] or [BLUE])
    _legend(axes, groups)
    axes.set_xlabel("p1")
    axes.set_ylabel("items")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    return figure


def _legend(axes: Axes, groups: list[Group]) -> None:
    if groups:
        handles = [Line2D([], [], color=colour, marker="o", linestyle="", markersize=5) for *_, colour in groups]
        axes.legend(
            handles,
            [literal(name, 18) for name, *_ in groups],
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            handletextpad=0.1,
            borderaxespad=0.3,
        )


def _name_in_place(axes: Axes, p: np.ndarray, groups: list[Group]) -> None:
    """Write short names at the medians of well-separated classes, because not everyone can distinguish the colours."""
    if not groups or max(len(name) for name, *_ in groups) > 3:
        return
    centres = np.array([np.median(p[mask], axis=0) for _, mask, _ in groups])
    near = np.linalg.norm(centres[:, None] - centres[None, :], axis=2) < 0.12 * np.abs(p).max()
    for (name, *_), centre, neighbours in zip(groups, centres, near, strict=True):
        if neighbours.sum() == 1:  # itself
            x, y = centre
            axes.text(x, y, literal(name, 3), fontsize=11, weight="bold", ha="center", va="center", path_effects=HALO)


def _subsample(
    p: np.ndarray, labels: Sequence[str] | np.ndarray | None
) -> tuple[np.ndarray, Sequence[str] | np.ndarray | None]:
    # Random order even if all items are drawn, so that no class covers the others.
    chosen = np.random.default_rng(0).permutation(len(p))[:MOST_POINTS]
    return p[chosen], None if labels is None else np.asarray(labels)[chosen]
