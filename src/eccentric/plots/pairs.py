"""Pairs of images along components for several models (Figures 7 and 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eccentric.plots.images import canvas, place, size_of
from eccentric.plots.style import GREY, WIDTH, literal, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from jaxtyping import Float, Num
    from matplotlib.figure import Figure

HEAD, GAP, APART = 0.24, 0.05, 0.16


@dataclass(frozen=True)
class PairPanel:
    """Pairs of one model.

    Attributes:
        title: title of the panel.
        images: images at the minus and plus side of each component.
        eigenvalues: of the components.
        names: of the components; p1, p2, ... by default.
    """

    title: str
    images: Num[np.ndarray, "k 2 c h w"]
    eigenvalues: Float[np.ndarray, " k"]
    names: Sequence[str] = ()


@styled
def pair_panels(rows: Sequence[Sequence[PairPanel]]) -> Figure:
    """Panels of paired images, with the minus side above the plus side and name and eigenvalue below each pair.

    Args:
        rows: rows of panels. All images have the same size, which depends on the longest row.
    """
    widths = [sum(len(panel.images) for panel in row) for row in rows]
    gaps = max(len(row) for row in rows) - 1
    across = (WIDTH - 0.2 - gaps * APART) / max(widths)
    width, height = size_of(rows[0][0].images, min(across - GAP, 0.6))
    scale = min(1.0, (across - GAP) / width)
    width, height = scale * width, scale * height
    foot = 0.36
    down = HEAD + 2 * height + 0.02 + foot
    figure, axes = canvas(len(rows) * down - 0.02)
    for r, row in enumerate(rows):
        top = r * down + HEAD
        x = 0.2
        for side, sign in enumerate("−+"):
            axes.text(0.14, top + (side + 0.5) * height, sign, ha="right", va="center", color=GREY)
        for panel in row:
            axes.text(
                x,
                top - 0.07,
                literal(panel.title, 60),
                va="bottom",
                fontsize=10,
            )
            for k, pair in enumerate(panel.images):
                for side, image in enumerate(pair):
                    place(axes, image, x, top + side * (height + 0.02), width, height)
                name = panel.names[k] if panel.names else f"p{k + 1}"
                text = f"{name}\n{panel.eigenvalues[k]:.2f}"
                axes.text(x + width / 2, top + 2 * height + 0.05, text, ha="center", va="top", linespacing=1.05)
                x += across
            x += APART
    return figure
