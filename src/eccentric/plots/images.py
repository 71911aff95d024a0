"""Plots of images, (channels, height, width) with values from 0 to 255."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from eccentric.plots.style import GREY, MOST_PAIRS, WIDTH, styled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float, Num
    from matplotlib.axes import Axes


@styled
def eigenpairs(images: Num[np.ndarray, "k 2 c h w"], eigenvalues: Float[np.ndarray, " d"]) -> Figure:
    """Pairs of images at the minus and plus side of each component, with its eigenvalue (Figures 7 and 8).

    At most the first `MOST_PAIRS` components are drawn, in as many rows as needed.
    """
    images = images[:MOST_PAIRS]
    k = len(images)
    width, height = size_of(images, 0.52)
    pair = max(2 * width + 0.03, 0.78)
    gap = 0.16
    columns = max(1, min(k, int((WIDTH + gap) / (pair + gap))))
    columns = math.ceil(k / math.ceil(k / columns))  # rows of nearly the same length
    rows = math.ceil(k / columns)
    head, foot, between = 0.2, 0.22, 0.08
    figure, axes = canvas(rows * (head + height + foot + between))
    left = (WIDTH - columns * pair - (columns - 1) * gap) / 2
    for i in range(k):
        x = left + (i % columns) * (pair + gap)
        y = (i // columns) * (head + height + foot + between) + head
        inner = x + (pair - 2 * width - 0.03) / 2
        for side, sign in enumerate("−+"):
            at = inner + side * (width + 0.03)
            place(axes, images[i, side], at, y, width, height)
            axes.text(at + width / 2, y - 0.04, sign, ha="center", va="bottom", color=GREY)
        axes.text(x + pair / 2, y + height + 0.05, f"p{i + 1} ({eigenvalues[i]:.2f})", ha="center", va="top")
    return figure


@styled
def reconstructions(
    originals: Num[np.ndarray, "n c h w"], reconstructed: Num[np.ndarray, "n c h w"], rows: int = 2
) -> Figure:
    """Original images with their reconstructions below, in up to `rows` double rows."""
    width, height = size_of(originals, 0.56)
    space, gap = 0.75, 0.04
    columns = max(1, min(len(originals), int((WIDTH - space + gap) / (width + gap))))
    rows = min(rows, len(originals) // columns)
    scale = min(1.4, (WIDTH - space + gap) / columns / (width + gap))
    width, height = scale * (width + gap) - gap, scale * height
    double = 2 * height + gap + 0.14
    figure, axes = canvas(rows * double - 0.14)
    for i in range(min(len(originals), rows * columns)):
        x, y = space + (i % columns) * (width + gap), (i // columns) * double
        place(axes, originals[i], x, y, width, height)
        place(axes, reconstructed[i], x, y + height + gap, width, height)
    for row in range(rows):
        for text, at in (("original", 0.5 * height), ("model", 1.5 * height + gap)):
            axes.text(space - 0.08, row * double + at, text, ha="right", va="center", color=GREY)
    return figure


@styled
def samples(panels: Mapping[str, Num[np.ndarray, "n c h w"]]) -> Figure:
    """Random images by way of sampling, such as standard on the left and matched on the right (section 4.1).

    Args:
        panels: one or two sets of equal numbers of images, by title.
    """
    first = next(iter(panels.values()))
    width, height = size_of(first, 0.4)
    gap, between, head = 0.03, 0.22, 0.26
    half = (WIDTH - between) / 2
    columns = min(10, len(first), max(1, int((half + gap) / (width + gap))))
    scale = half / (columns * width + (columns - 1) * gap)
    width, height = width * scale, height * scale
    gap *= scale
    rows = max(1, min(6, len(first) // columns, int(5 / (height + gap))))
    figure, axes = canvas(head + rows * (height + gap) - gap)
    for number, (title, images) in enumerate(panels.items()):
        left = number * (half + between)
        axes.text(left, head - 0.08, title, va="bottom", fontsize=10)
        for i in range(min(len(images), rows * columns)):
            x, y = left + (i % columns) * (width + gap), head + (i // columns) * (height + gap)
            place(axes, images[i], x, y, width, height)
    return figure


@styled
def grid(images: Num[np.ndarray, "rows columns c h w"], horizontal: Sequence[int], vertical: Sequence[int]) -> Figure:
    """All combinations of the signs of chosen components (Figure 9), with the signs along the edges.

    Args:
        images: images in the order of `DeepComponents.grid`: 2**len(vertical) rows and 2**len(horizontal) columns.
        horizontal, vertical: components, numbered from 0, the slowest first.
    """
    rows, columns = images.shape[:2]
    gap, band = 0.03, 0.21
    level_width = 0.36 if max(vertical, default=0) < 9 else 0.44  # room for "+p10"
    space, head = level_width * len(vertical) + 0.06, band * len(horizontal) + 0.05
    width, height = size_of(images, 0.58)
    scale = min(1.6, (WIDTH - space + gap) / (columns * (width + gap)), 5.6 / (rows * (height + gap)))
    width, height = scale * (width + gap) - gap, scale * height
    across, down = max(width + gap, 0.36), max(height + gap, 0.17)  # space for the signs next to small images
    figure, axes = canvas(head + rows * down - gap)
    left = (WIDTH - space - columns * across + gap) / 2 + space
    for i in range(rows):
        for j in range(columns):
            x, y = left + j * across + (across - gap - width) / 2, head + i * down + (down - gap - height) / 2
            place(axes, images[i, j], x, y, width, height)
    rule = {"color": GREY, "linewidth": 0.7, "solid_capstyle": "butt"}
    for level, component in enumerate(horizontal):
        each = (columns >> (level + 1)) * across
        for part in range(2 << level):
            x, y = left + part * each, (level + 1) * band
            text = f"{'−+'[part % 2]}p{component + 1}"
            axes.text(x + (each - gap) / 2, y - 0.045, text, ha="center", va="bottom")
            axes.plot([x, x + each - gap], [y, y], **rule)  # type: ignore[arg-type]
    for level, component in enumerate(vertical):
        each = (rows >> (level + 1)) * down
        for part in range(2 << level):
            x, y = left - space + (level + 1) * level_width, head + part * each
            text = f"{'+−'[part % 2]}p{component + 1}"
            axes.text(x - 0.05, y + (each - gap) / 2, text, ha="right", va="center")
            axes.plot([x, x], [y, y + each - gap], **rule)  # type: ignore[arg-type]
    return figure


def canvas(height: float) -> tuple[Figure, Axes]:
    """A figure with one pair of axes with coordinates in inches from the upper left corner."""
    margin = 0.04
    figure = Figure(figsize=(WIDTH + 2 * margin, height + 2 * margin))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-margin, WIDTH + margin), ylim=(height + margin, -margin))
    axes.axis("off")
    return figure, axes


def size_of(images: np.ndarray, side: float) -> tuple[float, float]:
    """Size of one image in inches: the area of a square of `side`, or less if one side would be more than three times
    as long.
    """
    h, w = images.shape[-2:]
    ratio = math.sqrt(w / h)
    scale = min(1.0, 3 / max(ratio, 1 / ratio))
    return side * ratio * scale, side / ratio * scale


def place(axes: Axes, image: np.ndarray, x: float, y: float, width: float, height: float) -> None:
    channels = image.shape[0]
    pixels = np.clip(image, 0, 255)
    # Images with other than 1 or 3 channels are drawn in grey, by the mean of the channels.
    shown = pixels.transpose(1, 2, 0) / 255 if channels == 3 else pixels.mean(0) / 255
    axes.imshow(
        shown, cmap="gray", vmin=0, vmax=1, extent=(x, x + width, y + height, y), aspect="auto", interpolation="auto"
    )
