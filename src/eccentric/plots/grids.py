"""The same plot for several settings with common axes: planes of two components, and spectra (Figures 3 and 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from eccentric.plots.labels import CLASSES, as_numbers
from eccentric.plots.style import BLUE, FAINT, GREY, INK, ORANGE, WIDTH, literal, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

MOST_IN_PLANE = 2500


@styled
def planes(
    p: Sequence[Sequence[Float[np.ndarray, "n 2"]]],
    labels: Sequence[str] | np.ndarray | None,
    titles: Sequence[Sequence[str]],
    radius: float,
) -> Figure:
    """Items in the plane of two components, one panel for each setting, with common axes (Figure 3).

    Args:
        p: rows of panels with the same items; a fixed random sample is shown if there are more than `MOST_IN_PLANE`.
        labels: labels of the items, shown as colours for up to ten classes.
        titles: titles of the panels.
        radius: radius of a circle around the origin, sqrt(d).
    """
    rows, columns = len(p), len(p[0])
    chosen = np.random.default_rng(0).permutation(len(p[0][0]))[:MOST_IN_PLANE]
    names, colours = _colours(labels)
    # A few outliers would make all panels small.
    reach = max(1.25 * radius, max(float(np.quantile(np.abs(panel), 0.999)) for row in p for panel in row))
    side = (WIDTH - 0.35) / columns
    figure = Figure(figsize=(WIDTH, rows * (side + 0.22) + 0.75), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    angle = np.linspace(0, 2 * np.pi, 200)
    for axes_row, panels, words in zip(grid, p, titles, strict=True):
        for axes, panel, title in zip(axes_row, panels, words, strict=True):
            shown = panel[chosen]
            colour = BLUE if colours is None else list(colours[chosen])
            axes.scatter(shown[:, 0], shown[:, 1], c=colour, s=2.2, alpha=0.75, linewidths=0)
            axes.plot(radius * np.cos(angle), radius * np.sin(angle), color=INK, linewidth=0.7)
            axes.set_title(literal(title, 30), fontsize=9)
            axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    for axis in (grid[0, 0].xaxis, grid[0, 0].yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    for axes in grid[-1]:
        axes.set_xlabel("p1")
    for axes in grid[:, 0]:
        axes.set_ylabel("p2")
    if names:
        handles = [
            Line2D([], [], color=colour, marker="o", linestyle="", markersize=4.5) for colour in CLASSES[: len(names)]
        ]
        figure.legend(
            handles,
            [literal(name, 8) for name in names],
            loc="outside lower center",
            ncols=len(names),
            handletextpad=0.0,
            columnspacing=0.8,
        )
    return figure


def _colours(labels: Sequence[str] | np.ndarray | None) -> tuple[list[str], np.ndarray | None]:
    """Names of the classes, in numerical order if they are numbers, and a colour for each item."""
    if labels is None:
        return [], None
    names, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    if len(names) > len(CLASSES):
        return [], None
    values = as_numbers(names)
    order = np.arange(len(names)) if values is None else np.argsort(values, kind="stable")
    place = np.argsort(order)
    return [str(name) for name in names[order]], np.array(CLASSES, dtype=object)[place[codes]]


@styled
def spectra(eigenvalues: Sequence[Sequence[Float[np.ndarray, "runs d"]]], titles: Sequence[Sequence[str]]) -> Figure:
    """Variances of the components for several settings, with the runs of each setting superimposed (Figure 5).

    Args:
        eigenvalues: rows of panels, one line for each run.
        titles: titles of the panels.
    """
    rows, columns = len(eigenvalues), len(eigenvalues[0])
    top = 1.08 * max(float(panel.max()) for row in eigenvalues for panel in row)
    figure = Figure(figsize=(WIDTH, 1.9 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    shades = (BLUE, ORANGE, INK, GREY)
    for axes_row, panels, words in zip(grid, eigenvalues, titles, strict=True):
        for axes, panel, title in zip(axes_row, panels, words, strict=True):
            number = np.arange(1, panel.shape[1] + 1)
            axes.axhline(1, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
            for k, values in enumerate(panel):
                axes.plot(number, values, color=shades[k % len(shades)], linewidth=1.1)
            axes.set_title(literal(title, 40), fontsize=9)
            axes.set(xlim=(1, max(2, panel.shape[1])), ylim=(0, top))
            axes.grid(axis="y", color=FAINT, linewidth=0.6)
    grid[0, 0].xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 4, 5, 8, 10]))
    for axes in grid[-1]:
        axes.set_xlabel("component")
    for axes in grid[:, 0]:
        axes.set_ylabel("eigenvalue")
    return figure
