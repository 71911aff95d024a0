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
        p: (n, d) float32, coordinates along the components.
        labels: (n,) names as text, or None.
        rows: (n,) int64, the item's row in its source.
    """

    p: np.ndarray
    labels: np.ndarray | None
    rows: np.ndarray


def latents_table(splits: dict[str, Latents]) -> pyarrow.Table:
    """An Arrow table with columns split, row, label (where there are labels) and p1 ... pd."""
    import pyarrow as pa

    parts = list(splits.items())
    columns: dict[str, Any] = {
        "split": np.concatenate([np.full(len(part.p), name) for name, part in parts]),
        "row": np.concatenate([part.rows for _, part in parts]),
    }
    if any(part.labels is not None for _, part in parts):  # one split alone may have them
        labels = [
            np.full(len(part.p), None) if part.labels is None else part.labels.astype(object) for _, part in parts
        ]
        columns["label"] = np.concatenate(labels)
    p = np.concatenate([part.p for _, part in parts])
    columns |= {f"p{k + 1}": np.ascontiguousarray(p[:, k]) for k in range(p.shape[1])}
    return pa.table(columns)


def write_latents(path: Path, splits: dict[str, Latents]) -> None:
    """The table of encoded items as Parquet."""
    import pyarrow.parquet as pq

    with atomic(path) as temporary:
        pq.write_table(latents_table(splits), temporary)


def read_latents(path: Path, split: str) -> Latents:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, filters=[("split", "=", split)])
        names = [name for name in table.column_names if name[0] == "p" and name[1:].isdigit()]
        p = np.stack([table[name].to_numpy() for name in names], 1)
        labelled = "label" in table.column_names and table["label"].null_count == 0
        labels = np.array(table["label"].to_pylist()) if labelled else None
        return Latents(p, labels, table["row"].to_numpy())
    except FileNotFoundError:
        raise EccentricError(f"there is no file {path}") from None
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise EccentricError(f"cannot read {path} ({str(error).splitlines()[0]}); the file is damaged") from None
