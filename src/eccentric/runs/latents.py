"""Encoded items and latents.parquet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.errors import EccentricError
from eccentric.files import atomic

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow


@dataclass(frozen=True)
class Latents:
    """Encoded items of one split.

    Attributes:
        p: (n, d) float32, coordinates along the components; (n, 0) for a method without components.
        labels: (n,) names as text, or None.
        rows: (n,) int64, row of the item in its source.
        z: (n, d) float32, latents of the encoder, or None if they were not stored.
        files: (n,) file of each image within its folder as text, or None if images are not single files.
    """

    p: np.ndarray
    labels: np.ndarray | None
    rows: np.ndarray
    z: np.ndarray | None = None
    files: np.ndarray | None = None


def latents_table(splits: dict[str, Latents]) -> pyarrow.Table:
    """An Arrow table with columns split, row, file and label (if they exist), p1 ... pd and z1 ... zd."""
    import pyarrow as pa

    parts = list(splits.items())
    columns: dict[str, Any] = {
        "split": np.concatenate([np.full(len(part.p), name) for name, part in parts]),
        "row": np.concatenate([part.rows for _, part in parts]),
    }
    for column, texts in (("file", [part.files for _, part in parts]), ("label", [part.labels for _, part in parts])):
        if any(text is not None for text in texts):  # only one split may have them
            columns[column] = np.concatenate(
                [
                    np.full(len(part.p), None) if text is None else text.astype(object)
                    for text, (_, part) in zip(texts, parts, strict=True)
                ]
            )
    for letter in ("p", "z"):
        coordinates = [getattr(part, letter) for _, part in parts]
        if all(values is not None for values in coordinates):
            joined = np.concatenate(coordinates)
            columns |= {f"{letter}{k + 1}": np.ascontiguousarray(joined[:, k]) for k in range(joined.shape[1])}
    return pa.table(columns)


def write_latents(path: Path, splits: dict[str, Latents]) -> None:
    """Write the table of encoded items as Parquet."""
    import pyarrow.parquet as pq

    with atomic(path) as temporary:
        pq.write_table(latents_table(splits), temporary)


def read_latents(path: Path, split: str) -> Latents:
    """Read the encoded items of a split. Files of version 0.1.0 contain neither z nor file names.

    Raises:
        EccentricError: the file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, filters=[("split", "=", split)])
        p, z = _coordinates(table, "p"), _coordinates(table, "z")
        if p is None:
            if z is None:
                raise ValueError("it has no column p1")
            p = z[:, :0]
        rows = table["row"].to_numpy().astype(np.int64)
        return Latents(p, _texts(table, "label"), rows, z, _texts(table, "file"))
    except FileNotFoundError:
        raise EccentricError(f"there is no file {path}") from None
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise EccentricError(f"cannot read {path} ({str(error).splitlines()[0]}); the file is damaged") from None


def _coordinates(table: pyarrow.Table, letter: str) -> np.ndarray | None:
    """Columns p1, p2, ... or z1, z2, ... as (n, d), or None if they do not exist."""
    names = [name for name in table.column_names if name[:1] == letter and name[1:].isdigit()]
    return np.stack([table[name].to_numpy() for name in names], 1).astype(np.float32) if names else None


def _texts(table: pyarrow.Table, column: str) -> np.ndarray | None:
    """A column of text, or None if it is absent or empty."""
    known = column in table.column_names and table[column].null_count == 0
    return np.array(table[column].to_pylist()) if known else None
