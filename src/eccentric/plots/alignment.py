"""Correspondence of the components of several runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eccentric.plots.style import FAINT, SIGNED, WIDTH, literal, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from matplotlib.axes import Axes

MOST_RUNS = 4


@styled
def cross_correlation(
    before: Float[np.ndarray, "runs d d"], after: Float[np.ndarray, "runs d d"], names: Sequence[str], reference: str
) -> Figure:
    """Correlation of the components of each run with those of the reference, before and after alignment (Figure 6 of
    the paper).

    Each of the first `MOST_RUNS` runs has a row of two maps; blue is positive, red negative, and white zero.

    Args:
        before, after: correlation of each component of the run (row) with each component of the reference (column).
        names: of the runs.
        reference: name of the reference.
    """
    before, after = before[:MOST_RUNS], after[:MOST_RUNS]
    figure = Figure(figsize=(WIDTH, 0.9 + 2.36 * len(before)), layout="compressed")
    maps = figure.subplots(len(before), 2, sharex=True, sharey=True, squeeze=False)
    for row, name, *matrices in zip(maps, names, before, after, strict=False):
        for axes, matrix in zip(row, matrices, strict=True):
            edges = (0.5, len(matrix) + 0.5, len(matrix) + 0.5, 0.5)
            colours = axes.imshow(matrix, cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest", extent=edges)
            _number(axes, len(matrix))
        row[0].set_ylabel(literal(name, 28))
    for axes, title in zip(maps[0], ("before alignment", "after alignment"), strict=True):
        axes.set_title(title)
    for axes in maps[-1]:
        axes.set_xlabel(literal(reference, 28))
    bar = figure.colorbar(colours, ax=maps, location="bottom", shrink=0.6, aspect=30, pad=0.04, ticks=[-1, 0, 1])
    bar.set_label("correlation")
    bar.outline.set_visible(False)
    return figure


def _number(axes: Axes, d: int) -> None:
    """Number the components from 1; a few components also get names and separating lines."""
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(FAINT)
    for axis in (axes.xaxis, axes.yaxis):
        if d > 10:
            axis.set_major_locator(MaxNLocator(5, integer=True))
        else:
            axis.set_ticks(range(1, d + 1), [f"p{k + 1}" for k in range(d)])
            axis.set_ticks(np.arange(1, d) + 0.5, minor=True)
            axis.grid(which="minor", color="white", linewidth=1)
