"""Plots of sequences: curves of their features over the steps. Values beyond the end of a sequence are NaN."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from eccentric.plots.style import FAINT, GREY, MINUS, MOST_PAIRS, ORANGE, PLUS, WIDTH, literal, styled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float
    from matplotlib.axes import Axes

MOST_CURVES = 4  # features side by side
MOST_SEQUENCES = 6


@styled
def eigencurves(
    pairs: Float[np.ndarray, "k 2 t f"], eigenvalues: Float[np.ndarray, " d"], names: Sequence[str]
) -> Figure:
    """Sequences at the minus and plus side of each component, with one panel for each feature.

    The first `MOST_PAIRS` components are shown, and the `MOST_CURVES` features that change most, in the order of the
    data.

    Args:
        pairs: the decoded sequences.
        eigenvalues: of the components.
        names: of the features.
    """
    pairs = pairs[:MOST_PAIRS]
    change = np.nanmean(np.square(pairs[:, 1] - pairs[:, 0]), 1)
    chosen = _strongest(change.mean(0) / np.maximum(np.nanvar(pairs, axis=(0, 1, 2)), 1e-12))
    titles = [f"p{k + 1} ({eigenvalues[k]:.2f})" for k in range(len(pairs))]

    def draw(axes: Axes, row: int, feature: int) -> None:
        for side, colour in enumerate((MINUS, PLUS)):
            axes.plot(pairs[row, side, :, feature], color=colour, linewidth=1.1)

    handles = [Line2D([], [], color=colour) for colour in (MINUS, PLUS)]
    return _panels(draw, titles, [names[j] for j in chosen], chosen, (handles, ["− side", "+ side"]))


@styled
def curve_reconstructions(
    originals: Float[np.ndarray, "n t f"], reconstructions: Float[np.ndarray, "n t f"], names: Sequence[str]
) -> Figure:
    """Sequences and their reconstructions, with one row for each of the first `MOST_SEQUENCES`.

    Args:
        originals, reconstructions: NaN beyond the ends.
        names: of the features, of which the first `MOST_CURVES` are drawn.
    """
    originals = originals[:MOST_SEQUENCES]
    chosen = list(range(min(originals.shape[2], MOST_CURVES)))
    titles = [f"test item {i + 1}" for i in range(len(originals))]

    def draw(axes: Axes, row: int, feature: int) -> None:
        axes.plot(originals[row, :, feature], color=GREY, linewidth=1.1)
        axes.plot(reconstructions[row, :, feature], color=ORANGE, linewidth=1.1)

    handles = [Line2D([], [], color=colour) for colour in (GREY, ORANGE)]
    return _panels(draw, titles, [names[j] for j in chosen], chosen, (handles, ["real", "reconstruction"]))


def _panels(
    draw: Callable[[Axes, int, int], None],
    rows: Sequence[str],
    names: Sequence[str],
    features: Sequence[int],
    legend: tuple[list[Line2D], list[str]],
) -> Figure:
    """One panel for each row and feature. With a single feature, `MOST_CURVES` panels are placed next to each other."""
    single = len(features) == 1
    across = min(len(rows), MOST_CURVES) if single else len(features)
    down = math.ceil(len(rows) / across) if single else len(rows)
    figure = Figure(figsize=(WIDTH, 0.55 + (0.85 if single else 0.62) * down), layout="constrained")
    # The same range for all panels of a feature, so that they can be compared.
    grid = figure.subplots(down, across, sharex=True, sharey=True if single else "col", squeeze=False)
    for place, axes in enumerate(grid.flat):
        if single and place >= len(rows):
            axes.set_visible(False)
            continue
        row, column = (place, 0) if single else divmod(place, across)
        draw(axes, row, features[column])
        axes.grid(axis="y", color=FAINT, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=7, length=2)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(3))
        if single:
            axes.set_title(rows[row], fontsize=8)
        elif column == 0:
            axes.set_ylabel(rows[row], rotation=0, ha="right", va="center", fontsize=8)
        if not single and row == 0:
            axes.set_title(literal(names[column], 60 // across), fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("step", fontsize=8)
    if single and len(rows) % across:
        for axes in grid[-2, len(rows) % across :]:
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("step", fontsize=8)
    figure.legend(*legend, loc="outside upper right", ncols=2, fontsize=8)
    return figure


def _strongest(strength: Float[np.ndarray, " f"]) -> list[int]:
    return sorted(int(j) for j in np.argsort(-strength, kind="stable")[:MOST_CURVES])
