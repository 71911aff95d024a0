"""Labels next to lines and points, moved as little as possible so that they do not overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccentric.plots.style import HALO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform

__all__ = ["label_ends", "label_points", "spread"]

WIDTH_OF_A_LETTER = 0.56
"""Average width of a letter, as a fraction of the font size."""
HEIGHT_OF_A_LINE = 1.3
ARROW = {"arrowstyle": "-", "linewidth": 0.6}


def spread(wanted: Float[np.ndarray, " n"], gap: float) -> Float[np.ndarray, " n"]:
    """Positions at least `gap` apart, in the same order, with the smallest squared distance to the wanted positions."""
    from scipy.optimize import isotonic_regression

    order = np.argsort(wanted, kind="stable")
    steps = gap * np.arange(len(wanted))
    placed = np.empty(len(wanted))
    placed[order] = isotonic_regression(np.asarray(wanted, float)[order] - steps).x + steps
    return placed


def label_ends(axes: Axes, ends: Sequence[tuple[float, float]], texts: Sequence[str], colours: Sequence[str]) -> None:
    """Write a label to the right of the end of each line. The limits of the axes must be final.

    Args:
        axes: axes with the lines.
        ends: last point of each line, in data units.
        texts, colours: texts and colours of the labels.
    """
    if not ends:
        return
    size, extent, to_fractions = _geometry(axes)
    at = to_fractions.transform(ends).clip(0, 1)  # a line may end outside the axes
    gap = HEIGHT_OF_A_LINE * size / extent[1]
    for end, height, text, colour in zip(at, spread(at[:, 1], gap), texts, colours, strict=True):
        axes.annotate(
            text, end, xycoords="axes fraction", xytext=(1.05, height), textcoords="axes fraction", color=colour,
            va="center", arrowprops={**ARROW, "color": colour, "shrinkA": 1, "shrinkB": 3, "relpos": (0, 0.5)},
        )  # fmt: skip


def label_points(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    colours: Sequence[str],
    others: Float[np.ndarray, "n 2"],
) -> None:
    """Write a label next to each point, where it covers the fewest other labels and points.

    Args:
        axes: axes with final limits.
        points: points in data units.
        texts, colours: texts and colours of the labels.
        others: all points that labels should not cover, in data units.
    """
    size, extent, to_fractions = _geometry(axes)
    taken = to_fractions.transform(others) * extent
    boxes: list[np.ndarray] = []
    for point, text, colour in zip(points, texts, colours, strict=True):
        at = to_fractions.transform(point) * extent
        half = np.array([WIDTH_OF_A_LETTER * size * len(text), size]) / 2
        choices = []
        for distance in (5, 12, 20, 32, 46):
            for angle in np.arange(0, 2 * np.pi, np.pi / 6):
                centre = at + np.array([np.cos(angle), np.sin(angle)]) * (distance + half)
                box = np.array([centre - half, centre + half])
                choices.append((distance + _cost(box, extent, taken, boxes), *centre, box))
        _, x, y, kept = min(choices, key=lambda choice: choice[0])
        boxes.append(kept)
        axes.annotate(
            text, point, xytext=(x - at[0], y - at[1]), textcoords="offset points", color=colour,
            ha="center", va="center", zorder=6, path_effects=HALO,
            arrowprops={**ARROW, "color": colour, "shrinkA": 0, "shrinkB": 2},
        )  # fmt: skip


def _cost(
    box: Float[np.ndarray, "2 2"],
    extent: Float[np.ndarray, " 2"],
    points: Float[np.ndarray, "n 2"],
    boxes: Sequence[Float[np.ndarray, "2 2"]],
) -> float:
    """Cost of a position of a label in points, for parts outside the axes and for overlap with points and labels."""
    low, high = box
    outside = np.maximum(-low, 0).sum() + np.maximum(high - extent, 0).sum()
    covered = ((points > low - 2) & (points < high + 2)).all(1).sum()
    crossed = [np.prod(np.maximum(np.minimum(high, other[1]) - np.maximum(low, other[0]), 0)) for other in boxes]
    return float(20 * outside + 30 * covered + sum(crossed))


def _geometry(axes: Axes) -> tuple[float, Float[np.ndarray, " 2"], Transform]:
    """Font size and size of the axes in points, and the transform from data to fractions of the axes."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # computes the layout
    box = axes.get_position()
    extent = 72 * np.array([box.width, box.height]) * figure.get_size_inches()
    return float(axes.xaxis.label.get_fontsize()), extent, axes.transScale + axes.transLimits
