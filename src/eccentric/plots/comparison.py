"""Methods side by side: what repeatability costs, errors by number of components, and spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import matplotlib
import matplotlib.ticker
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eccentric.plots.style import FAINT, GREY, INK, ORANGE, WIDTH, literal, styled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float
    from matplotlib.axes import Axes

COLUMNS = 2  # of the legend
MARKERS = "osD^v<>Ph*X"
Role = Literal["ours", "plain", "pca", "kernel-pca"]
ROLES: dict[str, dict[str, Any]] = {
    "ours": {"color": ORANGE, "linewidth": 2.2, "zorder": 3},
    "plain": {"color": INK, "linewidth": 1.8, "zorder": 4},
    "pca": {"color": GREY, "linestyle": (0, (4, 2))},
    "kernel-pca": {"color": GREY, "linestyle": (0, (1, 1))},
}


@styled
def compared_trade_offs(
    points: Mapping[str, Float[np.ndarray, "weights 2"]], null: float, roles: Mapping[str, Role]
) -> Figure:
    """Repeatability against reconstruction error, a line for each method over its weights.

    Args:
        points: by method, its weights ascending: reconstruction error and MCC.
        null: the MCC that chance gives.
        roles: of methods that stand out; the others share a range of colours.
    """
    figure, axes = _axes(len(points))
    styles = _styles(points, roles)
    for name, values in points.items():
        axes.plot(values[:, 0], values[:, 1], label=literal(name, 36), **styles[name])
        if len(values) > 1:  # the largest weight is filled, so that the direction can be read
            axes.plot(*values[-1], linestyle="none", **{**styles[name], "markerfacecolor": styles[name]["color"]})
    axes.axhline(null, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate(
        "chance", (1, null), xycoords=("axes fraction", "data"), xytext=(0, 2), textcoords="offset points",
        ha="right", va="bottom",
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set(xlabel="reconstruction error on test rows", ylabel="MCC between runs", ylim=(0, 1.02))
    axes.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 3, 5)))
    axes.xaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axes.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    axes.set_title("○ smaller weights, ● the largest", fontsize=9)
    return _finished(figure, axes)


@styled
def compared_errors(errors: Mapping[str, Float[np.ndarray, " d"]], roles: Mapping[str, Role]) -> Figure:
    """Reconstruction error with the first k components kept, for k = 1 ... d.

    Args:
        errors: by method.
        roles: of methods that stand out; the others share a range of colours.
    """
    return _by_component(errors, roles, "first k components kept", "reconstruction error on test rows")


@styled
def compared_spectra(eigenvalues: Mapping[str, Float[np.ndarray, " d"]], roles: Mapping[str, Role]) -> Figure:
    """Variances along the components, as shares of their sum.

    Args:
        eigenvalues: by method.
        roles: of methods that stand out; the others share a range of colours.
    """
    shares = {name: values / values.sum() for name, values in eigenvalues.items() if values.sum() > 0}
    figure = _by_component(shares, roles, "component", "share of the variance")
    smallest = min(float(values[values > 0].min()) for values in shares.values())
    figure.axes[0].set_ylim(bottom=max(smallest / 1.5, 1e-3))
    return figure


def _by_component(
    curves: Mapping[str, Float[np.ndarray, " d"]], roles: Mapping[str, Role], xlabel: str, ylabel: str
) -> Figure:
    figure, axes = _axes(len(curves))
    styles = _styles(curves, roles)
    for name, values in curves.items():
        axes.plot(np.arange(1, len(values) + 1), values, label=literal(name, 36), **styles[name])
    axes.set_yscale("log")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    return _finished(figure, axes)


def _axes(lines: int) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, 3.4 + 0.2 * -(-lines // COLUMNS)), layout="constrained")
    return figure, figure.subplots()


def _finished(figure: Figure, axes: Axes) -> Figure:
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=COLUMNS, handlelength=2, columnspacing=1.2, labelspacing=0.3)
    return figure


def _styles(names: Mapping[str, Any], roles: Mapping[str, Role]) -> dict[str, dict[str, Any]]:
    """A line style for each method."""
    # Without the oranges and greys, which have meanings.
    colours = [colour for k, colour in enumerate(matplotlib.colormaps["tab20"].colors) if k not in (2, 3, 14, 15)]  # type: ignore[attr-defined]
    styles: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(names):
        style: dict[str, Any] = {
            "color": colours[k % len(colours)],
            "marker": MARKERS[k % len(MARKERS)],
            "markersize": 4,
            "markerfacecolor": "white",
            "markeredgewidth": 1,
            "linewidth": 1,
        }
        styles[name] = style | ROLES.get(roles.get(name, ""), {})
    return styles
