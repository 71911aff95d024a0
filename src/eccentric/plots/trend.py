"""Results over the course of training, compared with published values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from eccentric.plots.style import FAINT, GREY, WIDTH, styled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    Course = tuple[str, Sequence[float], float | None, float | None]


@styled
def trends(panels: Mapping[str, Sequence[Course]], seen: Sequence[float], goal: float, comparable: bool) -> Figure:
    """One panel for each group of numbers, with their course over training and the published values at its end.

    Args:
        panels: by title, lines (label, values, published value or None, its deviation or None).
        seen: number of items seen in training for each of the values.
        goal: number of items seen in the published training.
        comparable: whether the published values are on the same scale; otherwise they are not drawn.
    """
    figure = Figure(figsize=(WIDTH, 0.25 + 2.35 * len(panels)), layout="constrained")
    rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, lines) in zip(rows, panels.items(), strict=True):
        _panel(axes, title, lines, seen, goal, comparable)
    rows[-1].set_xlabel("items seen in training, all epochs together")
    return figure


def _panel(
    axes: Axes, title: str, lines: Sequence[Course], seen: Sequence[float], goal: float, comparable: bool
) -> None:
    colours = matplotlib.colormaps["viridis"]
    for k, (label, values, published, spread) in enumerate(lines):
        colour = colours(0.9 * k / max(1, len(lines) - 1))
        axes.plot(seen, values, color=colour, marker="o", markersize=3.5, label=label)
        if published is not None and comparable:
            axes.errorbar(
                goal, published, yerr=spread, color=colour, marker="*", markersize=9, capsize=2, linestyle="none"
            )
            axes.plot((seen[-1], goal), (values[-1], published), color=colour, linewidth=0.8, linestyle=(0, (1, 3)))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(numticks=12))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title(title)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.axvline(goal, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), label="the paper")
    axes.set_xlim(seen[0] / 1.5, goal * 2.2)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
