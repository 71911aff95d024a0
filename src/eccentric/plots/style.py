"""Common style of the plots: size, colours, fonts, and output as PNG, SVG or PDF."""

from __future__ import annotations

import io
import warnings
from functools import wraps
from typing import TYPE_CHECKING, Literal, ParamSpec

import matplotlib.style
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patheffects import withStroke

from eccentric.files import atomic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.figure import Figure

WIDTH = 5.2
DPI = 220
MOST_PAIRS = 16
"""Maximum number of components shown as pairs of images or columns of a map."""
INK, GREY, FAINT, BLUE, ORANGE = "#24292f", "#6b7280", "#d5d9de", "#2f6db3", "#d9741a"
MINUS, PLUS = BLUE, ORANGE
"""Colours of the minus and the plus side of a component, in all pictures."""
SIGNED = LinearSegmentedColormap.from_list("signed", ["#1a3f6b", MINUS, "white", PLUS, "#8a4208"])
"""Colour map from minus to plus, for limits that are symmetric about zero."""
Format = Literal["png", "svg", "pdf"]
STYLE = {
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.4,
}
HALO = [withStroke(linewidth=2.2, foreground="white")]
P = ParamSpec("P")
_DATED = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}  # would differ between files


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorator: draw in this style, regardless of the user's matplotlibrc, which is not changed."""

    @wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(["default", STYLE]):
            return draw(*args, **kwargs)

    return in_style


def file_bytes(figure: Figure, format: Format) -> bytes:
    """The figure as the bytes of a file; the same figure gives the same bytes.

    Text in an SVG or PDF file stays text.
    """
    buffer = io.BytesIO()
    text = {"svg.hashsalt": "eccentric", "svg.fonttype": "none", "pdf.fonttype": 42}
    with matplotlib.style.context(["default", STYLE, text]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # characters that the font lacks are drawn as boxes
        figure.savefig(buffer, format=format, metadata={_DATED[format]: None})
    return buffer.getvalue()


def write_figure(path: Path, figure: Figure, format: Format = "png") -> None:
    """Write a figure as PNG to `path`, and in another format next to it."""
    for suffix in dict.fromkeys(("png", format)):
        with atomic(path.with_suffix(f".{suffix}")) as temporary:
            temporary.write_bytes(file_bytes(figure, suffix))


def png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    return file_bytes(figure, "png")


def literal(name: str, most: int) -> str:
    """Convert a name from the data to text that matplotlib shows literally: no mathematics, no hidden legend entries,
    limited length.

    Long names are shortened in the middle, because names with the same beginning differ at the end.
    """
    name = " ".join(str(name).split())
    if len(name) > most:
        name = name[: (most - 1) // 2].rstrip() + "…" + name[len(name) - most // 2 :].lstrip()
    name = name.replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name
