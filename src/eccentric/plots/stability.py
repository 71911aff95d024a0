"""The spectrum with the stability of the components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eccentric.plots.style import BLUE, FAINT, GREY, HALO, INK, WIDTH, styled

if TYPE_CHECKING:
    from jaxtyping import Float


@styled
def stable_spectrum(
    eigenvalues: Float[np.ndarray, " d"],
    runs: Float[np.ndarray, "r d"],
    correlation: Float[np.ndarray, " d"],
    spread: Float[np.ndarray, " d"],
) -> Figure:
    """Variances along the components with their range over repeated runs, and below the correlation between runs.

    Args:
        eigenvalues: variances of the run that is kept.
        runs: variances of every run, with components in the order of the kept one.
        correlation: mean absolute correlation of a component over the pairs of runs, on held-out rows.
        spread: its standard deviation.
    """
    d = len(eigenvalues)
    number = np.arange(1, d + 1)
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    low, high = runs.min(0), runs.max(0)
    if d <= 32:
        top.bar(number, eigenvalues, width=0.72, color=BLUE)
        top.bar(number, high - low, bottom=low, width=0.3, color=FAINT, edgecolor=INK, linewidth=0.6, alpha=0.85)
    else:
        top.stairs(eigenvalues, np.arange(d + 1) + 0.5, fill=True, color=BLUE)
        top.fill_between(number, low, high, step="mid", color=GREY, alpha=0.5, linewidth=0)
    top.set_ylim(0, 1.1 * float(high.max()))
    top.set_ylabel("eigenvalue (variance)")
    top.set_title(f"trace = {eigenvalues.sum():.2f}, d = {d}; inner boxes: range over {len(runs)} runs")

    lower, upper = np.clip(correlation - spread, 0, 1), np.clip(correlation + spread, 0, 1)
    bottom.vlines(number, lower, upper, color=BLUE, linewidth=3, alpha=0.35)
    bottom.plot(number, correlation, "o", color=BLUE, markersize=5 if d <= 32 else 2.5, clip_on=False)
    if d <= 12:
        for k, value in zip(number, correlation, strict=True):
            above = value < 0.5
            bottom.annotate(
                f"{value:.2f}",
                (k, upper[k - 1] if above else lower[k - 1]),
                xytext=(0, 5 if above else -6),
                textcoords="offset points",
                ha="center",
                va="bottom" if above else "top",
                path_effects=HALO,
            )
        bottom.set_xticks(number, [f"p{k}" for k in number])
        bottom.tick_params(axis="x", length=0)
        top.tick_params(axis="x", length=0)
    else:
        bottom.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 4, 5, 8, 10]))
        bottom.set_xlabel("component")
    bottom.set_xlim(0.4, max(d, 3) + 0.6)
    bottom.set_ylim(0, 1)
    bottom.set_yticks([0, 0.5, 1])
    bottom.grid(axis="y", color=FAINT, linewidth=0.6)
    bottom.set_axisbelow(True)
    bottom.set_ylabel("correlation\nbetween runs")
    return figure
