"""Plots of the columns of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from eccentric.plots.style import BLUE, FAINT, INK, MOST_PAIRS, ORANGE, SIGNED, WIDTH, literal, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

MOST_FEATURES = 24


@styled
def feature_effects(effects: Float[np.ndarray, "k f"], names: Sequence[str], one_unit: bool = False) -> Figure:
    """Effect of each component on the columns of a table as a colour map: blue means decrease, orange increase.

    At most `MOST_FEATURES` columns with the largest effects are shown, ordered by the component with the largest
    effect, and the first `MOST_PAIRS` components.

    Args:
        effects: change of each column from the minus to the plus side of a component, in standard deviations of the
            column.
        names: of the columns.
        one_unit: whether all changes are divided by the same number instead.
    """
    effects = effects[:MOST_PAIRS]
    chosen = _strongest(effects)
    shown = effects[:, chosen].T
    k, f = len(effects), len(chosen)
    reach = max(float(np.abs(shown).max()), 1e-6)
    figure = Figure(figsize=(WIDTH, 0.9 + 0.2 * f), layout="constrained")
    axes = figure.subplots()
    colours = axes.imshow(shown, cmap=SIGNED, vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(k), [f"p{i + 1}" if k <= 10 else f"{i + 1}" for i in range(k)])
    if k > 10:
        axes.set_xlabel("component")
        axes.xaxis.set_label_position("top")
    axes.set_yticks(range(f), [literal(names[j], 24) for j in chosen])
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(f + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="minor", length=0)
    if k <= 8:
        for j, i in np.ndindex(f, k):
            value = shown[j, i]
            colour = "white" if not -0.4 * reach < value < 0.6 * reach else INK  # blue is darker than orange
            axes.text(i, j, _signed(float(value)), ha="center", va="center", color=colour)
    bar = figure.colorbar(colours, ax=axes, location="bottom", shrink=0.6, aspect=30, pad=0.02)
    bar.set_label(f"change from − to + side, in {'one unit for all columns' if one_unit else 'standard deviations'}")
    bar.outline.set_visible(False)
    return figure


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "0"


def _strongest(effects: Float[np.ndarray, "k f"]) -> list[int]:
    """The columns shown by `feature_effects`, in order."""
    strength = np.abs(effects).max(0)
    chosen = np.argsort(-strength, kind="stable")[:MOST_FEATURES]
    owner = np.abs(effects).argmax(0)
    return [int(j) for j in sorted(chosen, key=lambda j: (owner[j], -strength[j]))]


@styled
def feature_errors(errors: Float[np.ndarray, " f"], names: Sequence[str], one_unit: bool = False) -> Figure:
    """Reconstruction error of each column of a table, largest first; with many columns, only the largest and smallest
    are shown.

    Args:
        errors: mean squared error of each column divided by its variance: 0 is perfect, 1 is no better than the mean.
        names: of the columns.
        one_unit: whether all errors are divided by the same number instead, so that 1 has no meaning for a single
            column.
    """
    order = np.argsort(-errors, kind="stable")
    half = MOST_FEATURES // 2
    cut = len(order) > MOST_FEATURES
    chosen = np.concatenate([order[:half], order[-half:]]) if cut else order
    figure = Figure(figsize=(WIDTH, 0.65 + 0.19 * (len(chosen) + cut)), layout="constrained")
    axes = figure.subplots()
    at = np.arange(len(chosen)) + np.where(np.arange(len(chosen)) >= half, cut, 0)
    axes.hlines(at, 0, errors[chosen], color=BLUE, linewidth=1.4)
    axes.plot(errors[chosen], at, "o", color=BLUE, markersize=4.5, clip_on=False)
    ticks, texts = list(at), [literal(names[j], 24) for j in chosen]
    if cut:
        ticks.insert(half, half)
        texts.insert(half, f"… {len(order) - len(chosen)} between …")
    axes.set_yticks(ticks, texts)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(at[-1] + 0.6, -0.6)
    if one_unit:
        axes.set_xlim(0, 1.05 * float(errors.max()) or 1)
        axes.locator_params(axis="x", nbins=4)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")  # no power of ten across the label
    else:
        axes.set_xlim(0, 1.05 * max(1.0, float(errors.max())))
        axes.axvline(1, color=ORANGE, linewidth=1.2, zorder=0)
    axes.grid(axis="x", color=FAINT, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("squared error / mean variance of the columns" if one_unit else "squared error / variance")
    return figure
