"""One function per picture: plain arrays in, a matplotlib figure out, no pyplot and nothing left open.

Figures are `WIDTH` inches wide with text of 9 points, so that they print in a column of text as they are. Components
are numbered from 1 for the reader: p1, p2, ... Images are (channels, height, width) with values from 0 to 255.

>>> import numpy as np
>>> from eccentric import plots
>>> figure = plots.spectrum(np.array([1.21, 1.09, 1.02, 0.99, 0.90, 0.52]))
>>> plots.png(figure)[1:4]
b'PNG'
"""

from __future__ import annotations

import io
import math
import warnings
from functools import wraps
from typing import TYPE_CHECKING, Literal, ParamSpec

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float, Num
    from matplotlib.axes import Axes

__all__ = [
    "curves",
    "eigenpairs",
    "feature_effects",
    "feature_errors",
    "grid",
    "histogram",
    "label_kind",
    "png",
    "reconstructions",
    "samples",
    "scatter",
    "spectrum",
]

WIDTH = 5.2
DPI = 220
MOST_PAIRS = 16
MOST_FEATURES = 24
MOST_POINTS = 5000
INK, GREY, FAINT, BLUE, ORANGE = "#24292f", "#6b7280", "#d5d9de", "#2f6db3", "#d9741a"
# M. Petroff's ten, told apart with every common colour blindness; his second grey darkened, away from the first.
CLASSES = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#3a3d45", "#92dadd")
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
LabelKind = Literal["none", "classes", "frequent", "numbers", "too many"]
P = ParamSpec("P")


def _styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in our style alone, whatever the user's matplotlibrc says, and leave theirs as it was."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(["default", STYLE]):
            return draw(*args, **kwargs)

    return styled


def png(figure: Figure) -> bytes:
    """The picture as the bytes of a PNG file, the same for the same figure."""
    buffer = io.BytesIO()
    with matplotlib.style.context(["default", STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a label in a script the font lacks is drawn as boxes
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


# --- training -------------------------------------------------------------------------------------------------------


@_styled
def curves(
    epochs: Float[np.ndarray, " rows"],
    reconstruction: Float[np.ndarray, " rows"],
    test_reconstruction: Float[np.ndarray, " rows"],
    eccentric: Float[np.ndarray, " rows"],
    trace: Float[np.ndarray, " rows"],
    dim: int,
    pca: float | None = None,
) -> Figure:
    """The course of training: reconstruction error, Eccentric loss and trace against epochs.

    Args:
        epochs: passes over the training data, fractions allowed.
        reconstruction, eccentric, trace: one value a row.
        test_reconstruction: NaN where it was not measured.
        dim: d, where the trace belongs.
        pca: test error of PCA with as many components, drawn as a line.
    """
    figure = Figure(figsize=(WIDTH, 4.9), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 2))
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
    middle.plot(epochs, eccentric, color=BLUE, marker=marker, markersize=4)
    middle.set_title("Eccentric loss")
    bottom.plot(epochs, trace, color=BLUE, marker=marker, markersize=4)
    if trace.max() > 5 * dim:
        bottom.set_yscale("log")
    else:
        bottom.set_ylim(0, 1.15 * max(dim, trace.max()))
    bottom.axhline(dim, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    bottom.annotate(
        f"d = {dim}",
        (1, dim),
        xycoords=("axes fraction", "data"),
        xytext=(-2, -3 if trace[-1] > dim else 3),
        textcoords="offset points",
        ha="right",
        va="top" if trace[-1] > dim else "bottom",
        color=GREY,
    )
    bottom.set_title("Trace (sum of the variances of the latents)")
    bottom.set_xlabel("epoch")
    bottom.set_xlim(0, epochs[-1] * (1 if len(epochs) > 1 else 2))
    for axes in (top, middle, bottom):
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
    return figure


def _log_if_wide(axes: Axes) -> None:
    """A log axis with ticks such as 0.02 where the lines span more than a factor of four; else a linear one."""
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


# --- latents --------------------------------------------------------------------------------------------------------


@_styled
def spectrum(eigenvalues: Float[np.ndarray, " d"]) -> Figure:
    """Variance along each component, and the line at 1 where a standard normal or a sphere of radius sqrt(d) has them.

    The paper's Figure 5. Bars with their values for up to 12 components, bars to 32, steps beyond.
    """
    d = len(eigenvalues)
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    axes = figure.subplots()
    number = np.arange(1, d + 1)
    if d <= 32:
        axes.bar(number, eigenvalues, width=0.72, color=BLUE)
        axes.set_xlim(0.4, max(d, 3) + 0.6)
    else:
        axes.stairs(eigenvalues, np.arange(d + 1) + 0.5, fill=True, color=BLUE)
        axes.set_xlim(0, d + 1)
    if d <= 12:
        axes.set_xticks(number, [f"p{k}" for k in number])
        axes.tick_params(axis="x", length=0)
        for k, value in zip(number, eigenvalues, strict=True):
            over_line = value < 1 < value + 0.1 * max(1.0, eigenvalues[0])
            axes.annotate(
                f"{value:.2f}",
                (k, 1 if over_line else value),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                path_effects=HALO,
            )
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 4, 5, 8, 10]))
        axes.set_xlabel("component")
    axes.axhline(1, color=ORANGE, linewidth=1.2, zorder=1.5)
    axes.set_ylim(0, 1.15 * max(1.0, float(eigenvalues.max())))
    axes.set_ylabel("eigenvalue (variance)")
    axes.set_title(f"trace = {eigenvalues.sum():.2f}, d = {d}")
    return figure


def label_kind(labels: Sequence[str] | np.ndarray | None) -> LabelKind:
    """How `scatter` colours by these labels.

    "classes": a colour each, for up to ten. "numbers": more, and all of them numbers, on a scale. "frequent": the nine
    most frequent, the rest grey. "too many": no colours, as the nine most frequent hold under a third of the items.
    """
    if labels is None or len(labels) == 0:
        return "none"
    names, counts = np.unique(np.asarray(labels, dtype=str), return_counts=True)
    if len(names) <= len(CLASSES):
        return "classes"
    if _numbers(names) is not None:
        return "numbers"
    return "frequent" if 3 * np.sort(counts)[-9:].sum() >= counts.sum() else "too many"


@_styled
def scatter(
    p: Float[np.ndarray, "n k"],
    labels: Sequence[str] | np.ndarray | None = None,
    eigenvalues: Float[np.ndarray, " d"] | None = None,
    circle: bool = False,
) -> Figure:
    """The first two components of the items, equal scales on both axes (the paper's Figure 3).

    Args:
        p: coordinates along the components, at least two; of more than `MOST_POINTS` items a fixed random choice.
        labels: as text, coloured as `label_kind` says.
        eigenvalues: the components' variances, named on the axes.
        circle: draw the circle of radius sqrt(2), which has a meaning where there are two components in all.
    """
    p, labels = _subsample(p[:, :2], labels)
    figure = Figure(figsize=(WIDTH, 4.2), layout="compressed")
    axes = figure.subplots()
    many = len(p) > 1000
    size, alpha = (5.0, 0.6) if many else (12.0, 0.8)
    groups = _groups(labels)
    if label_kind(labels) == "numbers":
        values = _numbers(np.asarray(labels, dtype=str))
        points = axes.scatter(p[:, 0], p[:, 1], c=values, s=size, alpha=alpha, linewidths=0, cmap="viridis")
        bar = figure.colorbar(points, ax=axes, shrink=0.7, label="label")
        bar.solids.set_alpha(1)  # type: ignore[union-attr]
        bar.outline.set_visible(False)
    else:
        colours = np.full(len(p), BLUE, dtype=object)
        for _, mask, colour in groups:
            colours[mask] = colour
        axes.scatter(p[:, 0], p[:, 1], c=list(colours), s=size, alpha=alpha, linewidths=0)
        _legend(axes, groups)
        _name_in_place(axes, p, groups)
    if circle:
        angle = np.linspace(0, 2 * np.pi, 200)
        axes.plot(math.sqrt(2) * np.cos(angle), math.sqrt(2) * np.sin(angle), color=INK, linewidth=0.9, zorder=3)
    reach = 1.06 * max(float(np.abs(p).max()), math.sqrt(2) if circle else 0.0, 1e-6)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ticks = MaxNLocator(5, steps=[1, 2, 5, 10])
    axes.xaxis.set_major_locator(ticks)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.axhline(0, color=FAINT, linewidth=0.6, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.6, zorder=0)
    axes.set_xlabel("p1" if eigenvalues is None else f"p1 (variance {eigenvalues[0]:.2f})")
    axes.set_ylabel("p2" if eigenvalues is None else f"p2 (variance {eigenvalues[1]:.2f})")
    return figure


@_styled
def histogram(p: Float[np.ndarray, "n k"], labels: Sequence[str] | np.ndarray | None = None) -> Figure:
    """The first component alone, for a model that has no second: counts, stacked by label."""
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.subplots()
    groups = _groups(labels)
    parts = [p[mask, 0] for _, mask, _ in groups] or [p[:, 0]]
    bins = np.histogram_bin_edges(p[:, 0], bins=min(50, max(10, round(math.sqrt(len(p))))))
    axes.hist(parts, bins=list(bins), stacked=True, color=[colour for *_, colour in groups] or [BLUE])
    _legend(axes, groups)
    axes.set_xlabel("p1")
    axes.set_ylabel("items")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    return figure


Group = tuple[str, np.ndarray, str]


def _groups(labels: Sequence[str] | np.ndarray | None) -> list[Group]:
    """(name, mask, colour) of each class to be coloured; none where the labels do not make classes."""
    kind = label_kind(labels)
    if kind not in ("classes", "frequent"):
        return []
    text = np.asarray(labels, dtype=str)
    names, counts = np.unique(text, return_counts=True)
    if kind == "classes":
        values = _numbers(names)
        names = names if values is None else names[np.argsort(values, kind="stable")]
        return [(name, text == name, colour) for name, colour in zip(names, CLASSES, strict=False)]
    first = names[np.argsort(-counts, kind="stable")][:9]
    colours = [colour for colour in CLASSES if colour != "#94a4a2"]
    rest = ~np.isin(text, first)
    named = [(name, text == name, colour) for name, colour in zip(first, colours, strict=True)]
    return [*named, (f"{len(names) - 9} others", rest, FAINT)]


def _legend(axes: Axes, groups: list[Group]) -> None:
    if groups:
        handles = [Line2D([], [], color=colour, marker="o", linestyle="", markersize=5) for *_, colour in groups]
        axes.legend(
            handles,
            [_text(name, 18) for name, *_ in groups],
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            handletextpad=0.1,
            borderaxespad=0.3,
        )


def _name_in_place(axes: Axes, p: np.ndarray, groups: list[Group]) -> None:
    """Short names at the median of their items as well, where those lie apart: colours alone do not reach everyone."""
    if not groups or max(len(name) for name, *_ in groups) > 3:
        return
    centres = np.array([np.median(p[mask], axis=0) for _, mask, _ in groups])
    near = np.linalg.norm(centres[:, None] - centres[None, :], axis=2) < 0.12 * np.abs(p).max()
    for (name, *_), centre, neighbours in zip(groups, centres, near, strict=True):
        if neighbours.sum() == 1:  # itself
            x, y = centre
            axes.text(x, y, _text(name, 3), fontsize=11, weight="bold", ha="center", va="center", path_effects=HALO)


def _subsample(
    p: np.ndarray, labels: Sequence[str] | np.ndarray | None
) -> tuple[np.ndarray, Sequence[str] | np.ndarray | None]:
    # In random order even where all are drawn, so that no class lies on top of the others.
    chosen = np.random.default_rng(0).permutation(len(p))[:MOST_POINTS]
    return p[chosen], None if labels is None else np.asarray(labels)[chosen]


def _numbers(names: np.ndarray) -> np.ndarray | None:
    try:
        values = names.astype(float)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


# --- images ---------------------------------------------------------------------------------------------------------


@_styled
def eigenpairs(images: Num[np.ndarray, "k 2 c h w"], eigenvalues: Float[np.ndarray, " d"]) -> Figure:
    """For each component the pair of images at its minus and plus side, with its eigenvalue (Figures 7 and 8).

    At most the first `MOST_PAIRS` are drawn, wrapped to as many rows as they need.
    """
    images = images[:MOST_PAIRS]
    k = len(images)
    width, height = _size(images, 0.52)
    pair = max(2 * width + 0.03, 0.78)
    gap = 0.16
    columns = max(1, min(k, int((WIDTH + gap) / (pair + gap))))
    columns = math.ceil(k / math.ceil(k / columns))  # rows of nearly the same length
    rows = math.ceil(k / columns)
    head, foot, between = 0.2, 0.22, 0.08
    figure, axes = _canvas(rows * (head + height + foot + between))
    left = (WIDTH - columns * pair - (columns - 1) * gap) / 2
    for i in range(k):
        x = left + (i % columns) * (pair + gap)
        y = (i // columns) * (head + height + foot + between) + head
        inner = x + (pair - 2 * width - 0.03) / 2
        for side, sign in enumerate("−+"):
            at = inner + side * (width + 0.03)
            _place(axes, images[i, side], at, y, width, height)
            axes.text(at + width / 2, y - 0.04, sign, ha="center", va="bottom", color=GREY)
        axes.text(x + pair / 2, y + height + 0.05, f"p{i + 1} ({eigenvalues[i]:.2f})", ha="center", va="top")
    return figure


@_styled
def reconstructions(
    originals: Num[np.ndarray, "n c h w"], reconstructed: Num[np.ndarray, "n c h w"], rows: int = 2
) -> Figure:
    """Originals, and under each what the model makes of it, in up to `rows` double rows."""
    width, height = _size(originals, 0.56)
    space, gap = 0.75, 0.04
    columns = max(1, min(len(originals), int((WIDTH - space + gap) / (width + gap))))
    rows = min(rows, len(originals) // columns)
    scale = min(1.4, (WIDTH - space + gap) / columns / (width + gap))
    width, height = scale * (width + gap) - gap, scale * height
    double = 2 * height + gap + 0.14
    figure, axes = _canvas(rows * double - 0.14)
    for i in range(min(len(originals), rows * columns)):
        x, y = space + (i % columns) * (width + gap), (i // columns) * double
        _place(axes, originals[i], x, y, width, height)
        _place(axes, reconstructed[i], x, y + height + gap, width, height)
    for row in range(rows):
        for text, at in (("original", 0.5 * height), ("model", 1.5 * height + gap)):
            axes.text(space - 0.08, row * double + at, text, ha="right", va="center", color=GREY)
    return figure


@_styled
def samples(standard: Num[np.ndarray, "n c h w"], matched: Num[np.ndarray, "m c h w"]) -> Figure:
    """Random images, standard sampling on the left and matched on the right (section 4.1)."""
    width, height = _size(standard, 0.4)
    gap, between, head = 0.03, 0.22, 0.26
    half = (WIDTH - between) / 2
    columns = min(10, len(standard), max(1, int((half + gap) / (width + gap))))
    scale = half / (columns * width + (columns - 1) * gap)
    width, height = width * scale, height * scale
    gap *= scale
    rows = max(1, min(6, len(standard) // columns, int(5 / (height + gap))))
    figure, axes = _canvas(head + rows * (height + gap) - gap)
    for images, left, title in ((standard, 0.0, "standard"), (matched, half + between, "matched")):
        axes.text(left, head - 0.08, title, va="bottom", fontsize=10)
        for i in range(min(len(images), rows * columns)):
            x, y = left + (i % columns) * (width + gap), head + (i // columns) * (height + gap)
            _place(axes, images[i], x, y, width, height)
    return figure


@_styled
def grid(images: Num[np.ndarray, "rows columns c h w"], horizontal: Sequence[int], vertical: Sequence[int]) -> Figure:
    """All combinations of chosen components to either side (Figure 9), signs written along the edges.

    Args:
        images: as `DeepComponents.grid` orders them: 2**len(vertical) rows and 2**len(horizontal) columns.
        horizontal, vertical: the components, numbered from 0, the slowest first.
    """
    rows, columns = images.shape[:2]
    gap, band = 0.03, 0.21
    space, head = 0.36 * len(vertical) + 0.06, band * len(horizontal) + 0.05
    width, height = _size(images, 0.58)
    scale = min(1.6, (WIDTH - space + gap) / (columns * (width + gap)), 5.6 / (rows * (height + gap)))
    width, height = scale * (width + gap) - gap, scale * height
    across, down = max(width + gap, 0.36), max(height + gap, 0.17)  # room for the signs beside small images
    figure, axes = _canvas(head + rows * down - gap)
    left = (WIDTH - space - columns * across + gap) / 2 + space
    for i in range(rows):
        for j in range(columns):
            x, y = left + j * across + (across - gap - width) / 2, head + i * down + (down - gap - height) / 2
            _place(axes, images[i, j], x, y, width, height)
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
            x, y = left - space + (level + 1) * 0.36, head + part * each
            text = f"{'+−'[part % 2]}p{component + 1}"
            axes.text(x - 0.05, y + (each - gap) / 2, text, ha="right", va="center")
            axes.plot([x, x], [y, y + each - gap], **rule)  # type: ignore[arg-type]
    return figure


def _canvas(height: float) -> tuple[Figure, Axes]:
    """A figure whose one pair of axes is measured in inches from its upper left corner."""
    margin = 0.04
    figure = Figure(figsize=(WIDTH + 2 * margin, height + 2 * margin))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-margin, WIDTH + margin), ylim=(height + margin, -margin))
    axes.axis("off")
    return figure, axes


def _size(images: np.ndarray, side: float) -> tuple[float, float]:
    """Inches of one image: the area of a square of `side`; less where one side would be more than thrice as long."""
    h, w = images.shape[-2:]
    ratio = math.sqrt(w / h)
    scale = min(1.0, 3 / max(ratio, 1 / ratio))
    return side * ratio * scale, side / ratio * scale


def _place(axes: Axes, image: np.ndarray, x: float, y: float, width: float, height: float) -> None:
    channels = image.shape[0]
    pixels = np.clip(image, 0, 255)
    # A model for other than 1 or 3 channels is drawn in grey, by their mean.
    shown = pixels.transpose(1, 2, 0) / 255 if channels == 3 else pixels.mean(0) / 255
    axes.imshow(
        shown, cmap="gray", vmin=0, vmax=1, extent=(x, x + width, y + height, y), aspect="auto", interpolation="auto"
    )


# --- tables ---------------------------------------------------------------------------------------------------------


@_styled
def feature_effects(effects: Float[np.ndarray, "k f"], names: Sequence[str]) -> Figure:
    """What each component does to the columns of a table, as a map of colours: blue falls, red rises.

    The columns with the greatest effect of any component, at most `MOST_FEATURES`, ordered by the component that moves
    them most; the first `MOST_PAIRS` components.

    Args:
        effects: change of each column from a component's minus to its plus side, in standard deviations of the column.
        names: of the columns.
    """
    effects = effects[:MOST_PAIRS]
    chosen = strongest(effects)
    shown = effects[:, chosen].T
    k, f = len(effects), len(chosen)
    reach = max(float(np.abs(shown).max()), 1e-6)
    figure = Figure(figsize=(WIDTH, 0.9 + 0.2 * f), layout="constrained")
    axes = figure.subplots()
    colours = axes.imshow(shown, cmap="RdBu_r", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(k), [f"p{i + 1}" if k <= 10 else f"{i + 1}" for i in range(k)])
    if k > 10:
        axes.set_xlabel("component")
        axes.xaxis.set_label_position("top")
    axes.set_yticks(range(f), [_text(names[j], 24) for j in chosen])
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
            colour = "white" if abs(value) > 0.6 * reach else INK
            axes.text(i, j, _signed(float(value)), ha="center", va="center", color=colour)
    bar = figure.colorbar(colours, ax=axes, location="bottom", shrink=0.6, aspect=30, pad=0.02)
    bar.set_label("change from − to + side, in standard deviations")
    bar.outline.set_visible(False)
    return figure


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "0"


def strongest(effects: Float[np.ndarray, "k f"]) -> list[int]:
    """The columns `feature_effects` draws, in its order."""
    strength = np.abs(effects).max(0)
    chosen = np.argsort(-strength, kind="stable")[:MOST_FEATURES]
    owner = np.abs(effects).argmax(0)
    return [int(j) for j in sorted(chosen, key=lambda j: (owner[j], -strength[j]))]


@_styled
def feature_errors(errors: Float[np.ndarray, " f"], names: Sequence[str]) -> Figure:
    """How well each column of a table is reconstructed, worst first; the worst and best halves where they are many.

    Args:
        errors: mean squared error of each column over its variance: 0 is perfect, 1 no better than its mean.
        names: of the columns.
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
    ticks, texts = list(at), [_text(names[j], 24) for j in chosen]
    if cut:
        ticks.insert(half, half)
        texts.insert(half, f"… {len(order) - len(chosen)} between …")
    axes.set_yticks(ticks, texts)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(at[-1] + 0.6, -0.6)
    axes.set_xlim(0, 1.05 * max(1.0, float(errors.max())))
    axes.axvline(1, color=ORANGE, linewidth=1.2, zorder=0)
    axes.grid(axis="x", color=FAINT, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("squared error / variance")
    return figure


def _text(name: str, most: int) -> str:
    """A name from the data as matplotlib shows it literally: no mathematics, no hidden legend entries, not too long."""
    name = " ".join(str(name).split())
    name = name if len(name) <= most else name[: most - 1].rstrip() + "…"
    name = name.replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name
