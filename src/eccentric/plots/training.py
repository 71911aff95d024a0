"""Learning curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from eccentric.plots.style import BLUE, FAINT, GREY, ORANGE, WIDTH, styled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float
    from matplotlib.axes import Axes


@styled
def curves(
    epochs: Float[np.ndarray, " rows"],
    reconstruction: Float[np.ndarray, " rows"],
    test_reconstruction: Float[np.ndarray, " rows"],
    terms: Mapping[str, Float[np.ndarray, " rows"]],
    trace: Float[np.ndarray, " rows"] | None,
    dim: int,
    pca: float | None = None,
) -> Figure:
    """Learning curves: reconstruction error, terms of the method and trace against epochs.

    Args:
        epochs: passes over the training data, fractions allowed.
        reconstruction: error on training items, one value per row.
        terms: values of each term of the objective, by its name for readers.
        test_reconstruction: error on test items, NaN in rows without a measurement.
        trace: sum of the variances of the latents, one value per row; None if the latents have no spectrum.
        dim: d, drawn as a line beside the trace.
        pca: test error of PCA with as many components, drawn as a line.
    """
    panels = len(terms) + (trace is not None)
    figure = Figure(figsize=(WIDTH, 2.3 + 1.3 * panels), layout="constrained")
    grid = figure.subplots(1 + panels, 1, sharex=True, squeeze=False, height_ratios=(3, *[2] * panels))
    all_axes: list[Axes] = list(grid[:, 0])
    top, bottom = all_axes[0], all_axes[-1]
    marker = "o" if len(epochs) < 2 else None
    measured = np.isfinite(test_reconstruction)
    few = "o" if measured.sum() <= 30 else None

    top.plot(epochs, reconstruction, color=BLUE, marker=marker, markersize=4, label="training items")
    top.plot(
        epochs[measured], test_reconstruction[measured], color=ORANGE, marker=few, markersize=3, label="test items"
    )
    if pca is not None:
        top.axhline(pca, color=GREY, linewidth=1, linestyle=(0, (4, 3)), label="PCA, test items")
    top.legend(loc="upper right", frameon=True, facecolor="white", edgecolor="none", framealpha=1)
    _log_if_wide(top)
    top.set_title("Reconstruction error")
    for axes, (title, values) in zip(all_axes[1:], terms.items(), strict=False):
        axes.plot(epochs, values, color=BLUE, marker=marker, markersize=4)
        axes.set_title(title)
    if trace is not None:
        _draw_trace(bottom, epochs, trace, dim, marker)
    bottom.set_xlabel("epoch")
    bottom.set_xlim(0, epochs[-1] * (1.01 if len(epochs) > 1 else 2))  # room for the last marker
    for axes in all_axes:
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
    return figure


def _draw_trace(
    axes: Axes, epochs: Float[np.ndarray, " rows"], trace: Float[np.ndarray, " rows"], dim: int, marker: str | None
) -> None:
    axes.plot(epochs, trace, color=BLUE, marker=marker, markersize=4)
    if trace.max() > 5 * dim:
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, 1.15 * max(dim, trace.max()))
    axes.axhline(dim, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        f"d = {dim}",
        (1, dim),
        xycoords=("axes fraction", "data"),
        xytext=(-2, -3 if trace[-1] > dim else 3),
        textcoords="offset points",
        ha="right",
        va="top" if trace[-1] > dim else "bottom",
        color=GREY,
    )
    axes.set_title("Trace (sum of the variances of the latents)")


def _log_if_wide(axes: Axes) -> None:
    """Use a logarithmic axis with ticks such as 0.02 if the lines span more than a factor of four."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])
    low, high = values.min(), values.max()
    if not 4 * low < high < 1e6 * low:
        return
    axes.set_yscale("log")
    if high < 1000 * low:
        steps = (1, 2, 5) if high > 30 * low else (1, 2, 3, 5, 7)
        decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        axes.set_yticks([step * 10.0**decade for decade in decades for step in steps])
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.minorticks_off()
    margin = 1.05 * (high / low) ** 0.05
    axes.set_ylim(low / margin, high * margin)
