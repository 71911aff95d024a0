"""Comparison of methods: repeatability against error, errors by number of components, and spectra.

A few methods are named and coloured; the others are grey lines, so that many methods can be shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import matplotlib
import matplotlib.ticker
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eccentric.plots.direct_labels import label_ends, label_points
from eccentric.plots.style import FAINT, GREY, INK, ORANGE, WIDTH, literal, styled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Role = Literal["ours", "plain", "pca", "kernel-pca", "named"]
ROLES: dict[str, dict[str, Any]] = {
    "ours": {"color": ORANGE, "linewidth": 2.2, "zorder": 5},
    "plain": {"color": INK, "linewidth": 1.8, "zorder": 4},
    "pca": {"color": GREY, "linestyle": (0, (4, 2)), "linewidth": 1.2, "zorder": 3},
    "kernel-pca": {"color": GREY, "linestyle": (0, (1, 1)), "linewidth": 1.2, "zorder": 3},
}
OTHER = {"color": "#b9bfc7", "linewidth": 0.8, "zorder": 2}
COLOURS = ("#2f6db3", "#3a8f5c", "#8a5fb0", "#b5403f", "#138a9e", "#7a5a3a", "#c2558f", "#6b7d1f")
"""Colours of the named methods, without oranges and greys, which have meanings."""
MARKER: dict[str, Any] = {"marker": "o", "markersize": 3.5, "markeredgewidth": 1}
LONGEST = 22


@styled
def compared_trade_offs(
    points: Mapping[str, Float[np.ndarray, "weights 2"]],
    chosen: Mapping[str, int],
    null: float,
    roles: Mapping[str, Role],
) -> Figure:
    """Repeatability against reconstruction error, with one line for each method over its weights.

    Args:
        points: reconstruction error and MCC by method, in ascending order of weights.
        chosen: index of the chosen weight by method; its point is filled.
        null: MCC expected by chance.
        roles: of the methods that are named.
    """
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    axes = _prepared(figure)
    styles = _styles(points, roles)
    for name, values in points.items():
        style = {**MARKER, **styles[name]}
        axes.plot(values[:, 0], values[:, 1], label=literal(name, LONGEST), markerfacecolor="white", **style)
        axes.plot(*values[chosen.get(name, 0)], **{**style, "linestyle": "none"})
    axes.axhline(null, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate(
        "chance", (1, null), xycoords=("axes fraction", "data"), xytext=(0, 2), textcoords="offset points",
        ha="right", va="bottom",
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set(xlabel="reconstruction error on test rows", ylabel="MCC between runs", ylim=(0, 1.02))
    _plain_numbers(axes.xaxis)
    axes.set_title(_explained("● chosen weight, ○ others", points, roles), fontsize=9)
    named = [name for name in points if name in roles]
    label_points(
        axes,
        [tuple(points[name][chosen.get(name, 0)]) for name in named],
        [literal(name, LONGEST) for name in named],
        [styles[name]["color"] for name in named],
        np.concatenate(list(points.values())),
    )
    return figure


@styled
def compared_errors(errors: Mapping[str, Float[np.ndarray, " d"]], roles: Mapping[str, Role]) -> Figure:
    """Reconstruction error with the first k components, for k = 1 ... d.

    Args:
        errors: by method.
        roles: of the methods that are named.
    """
    return _by_component(errors, roles, "first k components kept", "reconstruction error on test rows")


@styled
def compared_spectra(eigenvalues: Mapping[str, Float[np.ndarray, " d"]], roles: Mapping[str, Role]) -> Figure:
    """Variances along the components as fractions of their sum.

    Args:
        eigenvalues: by method.
        roles: of the methods that are named.
    """
    shares = {name: values / values.sum() for name, values in eigenvalues.items() if values.sum() > 0}
    smallest = min(float(values[values > 0].min()) for values in shares.values())
    return _by_component(shares, roles, "component", "share of the variance", max(smallest / 1.5, 1e-3))


def _by_component(
    curves: Mapping[str, Float[np.ndarray, " d"]],
    roles: Mapping[str, Role],
    xlabel: str,
    ylabel: str,
    bottom: float | None = None,
) -> Figure:
    figure = Figure(figsize=(WIDTH, 3.8), layout="constrained")
    axes = _prepared(figure)
    styles = _styles(curves, roles)
    for name, values in curves.items():
        marker = MARKER if name in roles else {}
        axes.plot(np.arange(1, len(values) + 1), values, label=literal(name, LONGEST), **marker, **styles[name])
    axes.set_yscale("log")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    _plain_numbers(axes.yaxis)
    axes.set_ylim(bottom=bottom)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.set_title(_explained("", curves, roles), fontsize=9)
    named = [name for name in curves if name in roles]
    label_ends(
        axes,
        [(len(curves[name]), float(curves[name][-1])) for name in named],
        [literal(name, LONGEST) for name in named],
        [styles[name]["color"] for name in named],
    )
    return figure


def _prepared(figure: Figure) -> Axes:
    axes = figure.subplots()
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def _plain_numbers(axis: Axis) -> None:
    """Ticks of a logarithmic axis at 1, 2, 3 and 5 times powers of ten, written without exponents."""
    axis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 3, 5)))
    axis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def _explained(first: str, names: Mapping[str, Any], roles: Mapping[str, Role]) -> str:
    """The title: what the marks mean, and how many methods have no name."""
    others = sum(name not in roles for name in names)
    return "; ".join([*([first] if first else []), *([f"light grey: {others} other methods"] if others else [])])


def _styles(names: Mapping[str, Any], roles: Mapping[str, Role]) -> dict[str, dict[str, Any]]:
    """A line style for each method."""
    named = [name for name, role in roles.items() if role == "named"]  # so that all pictures have the same colours
    colours = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(named)}
    return {
        name: {"color": colours[name], "linewidth": 1.4, "zorder": 3}
        if name in colours
        else ROLES.get(roles.get(name, ""), OTHER)
        for name in names
    }
