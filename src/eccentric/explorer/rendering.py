"""Rendering of items for the page: images as PNG, rows of a table as bars over a range."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped, UInt8

    from eccentric.explorer.scene import Scene

__all__ = ["TableRanges", "png", "rgba", "table_ranges"]

MOST_COLUMNS = 100
MOST_ROWS = 10_000


def pixels_of(image: Shaped[np.ndarray, "c h w"]) -> UInt8[np.ndarray, "h w k"]:
    """Pixels of an image with values from 0 to 255.

    One channel is shown in grey and three in colour; of any other number, the mean is shown in grey.
    """
    values = image if image.shape[0] in (1, 3) else image.mean(0, keepdims=True)
    return values.round().clip(0, 255).astype(np.uint8).transpose(1, 2, 0)


def rgba(image: Shaped[np.ndarray, "c h w"]) -> bytes:
    """Pixels row by row, with four bytes each, for a canvas of the browser."""
    pixels = pixels_of(image)
    painted = np.full((*pixels.shape[:2], 4), 255, np.uint8)
    painted[..., :3] = pixels
    return painted.tobytes()


def png(image: Shaped[np.ndarray, "c h w"]) -> bytes:
    """Encode an image with values from 0 to 255."""
    from PIL import Image

    pixels = pixels_of(image)
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(buffer, "png", compress_level=1)
    return buffer.getvalue()


@dataclass(frozen=True)
class TableRanges:
    """The columns that are shown, and the effect of each component on them.

    Attributes:
        columns: indices of the shown columns, in the order of the data.
        names: names of these columns.
        low, high: ranges of these columns.
        left_out: number of columns that are not shown.
        moves: for each component, the columns that it changes most, as (index among the shown columns, change). The
            change is that from -PAIR to +PAIR standard deviations, as a fraction of the column's range.
    """

    columns: list[int]
    names: list[str]
    low: list[float]
    high: list[float]
    left_out: int
    moves: list[list[tuple[int, float]]]

    def to_json(self) -> dict[str, Any]:
        return {
            "names": self.names,
            "low": self.low,
            "high": self.high,
            "leftOut": self.left_out,
            "moves": self.moves,
        }

    def values(self, row: Float[np.ndarray, " features"]) -> list[float]:
        """The shown values of a row."""
        return [float(value) for value in row[self.columns]]


def table_ranges(scene: Scene) -> TableRanges:
    """Ranges of the columns over the reconstructed test rows and the stored real rows.

    A run folder does not contain the data, so no other rows are available. If there are more than 100 columns, those
    that the components change most are shown.
    """
    rows = np.concatenate([scene.decode(scene.test_states[:MOST_ROWS]), scene.stored])
    low, high = rows.min(0), rows.max(0)
    width = np.where(high > low, high - low, 1.0)
    change = np.stack([np.subtract(*scene.pair(k)[::-1]) for k in range(scene.dim)]) / width
    most_changed = np.argsort(-np.abs(change).max(0), kind="stable")[:MOST_COLUMNS]
    columns = sorted(int(column) for column in most_changed)
    shown = change[:, columns]
    moves = [[(int(i), float(of[i])) for i in np.argsort(-np.abs(of), kind="stable")[:3]] for of in shown]
    return TableRanges(
        columns,
        [scene.view.columns[column] for column in columns],
        low[columns].tolist(),
        high[columns].tolist(),
        scene.view.size - len(columns),
        moves,
    )
