"""Error and stability against the number of components."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eccentric.plots.style import BLUE, FAINT, GREY, ORANGE, WIDTH, styled

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float, Int


@styled
def choice(
    numbers: Int[np.ndarray, " k"],
    error: Float[np.ndarray, " k"],
    noise: Float[np.ndarray, " k"],
    chosen: int,
    *,
    pca_error: Float[np.ndarray, " k"] | None = None,
    stability: Float[np.ndarray, " k"] | None = None,
    title: str = "",
) -> Figure:
    """The error on held-out rows against the number of components and, below it, the stability.

    Args:
        numbers: of components.
        error: on held-out rows.
        noise: half the length of the error bars.
        chosen: number of components of the fitted model, marked by a line.
        pca_error: of PCA with as many components.
        stability: for each number; NaN is left out.
        title: of the figure.
    """
    rows = 1 if stability is None else 2
    figure = Figure(figsize=(WIDTH, 1.0 + 1.8 * rows), layout="constrained")
    panels = figure.subplots(rows, 1, sharex=True, squeeze=False, height_ratios=(3, 2)[:rows])[:, 0]
    top = panels[0]
    top.errorbar(numbers, error, noise, color=BLUE, marker="o", markersize=4, capsize=2, label="autoencoder")
    if pca_error is not None:
        top.plot(numbers, pca_error, color=GREY, linestyle="--", marker=".", label="PCA")
        top.legend()
    top.set_ylim(bottom=0)
    top.set_ylabel("held-out error")
    top.set_title(title)
    if stability is not None:
        panels[1].plot(numbers, stability, "o", color=BLUE, markersize=4, clip_on=False)
        panels[1].set_ylim(0, 1)
        panels[1].grid(axis="y", color=FAINT, linewidth=0.6)
        panels[1].set_ylabel("correlation\nbetween runs")
    for panel in panels:
        panel.axvline(chosen, color=ORANGE, linewidth=1, zorder=0)
    panels[-1].set_xlabel("number of components")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
