"""Rows of a sparse matrix, which become dense only where they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from eccentric.data.tables import LARGEST, Spread, bad_value, blur_notes, constant_notes, is_fine
from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Float
    from scipy import sparse
    from torch import Tensor

    from eccentric.data.splits import Division

__all__ = ["Matrix", "SparseRows", "from_sparse", "take_rows"]

BLOCK = 1 << 22
"""Number of values that are dense at a time while the columns are examined: 32 MB."""


class Matrix(NamedTuple):
    """A sparse matrix (n, f) in canonical CSR format, and the names of its columns."""

    x: sparse.csr_matrix
    names: list[str]


class SparseRows:
    """A table in sparse form that takes the place of a float32 tensor (n, f).

    It has the length, shape, type, indexing and `split` of a tensor. Each of these returns dense tensors of the
    requested rows, so training, evaluation and encoding hold one dense batch at a time. `x[:]` is the whole table, for
    work that needs it.

    Args:
        x: float32 matrix in CSR format.
    """

    dtype = torch.float32
    device = torch.device("cpu")
    ndim = 2

    def __init__(self, x: sparse.csr_matrix) -> None:
        self._x = x
        self.shape = torch.Size(x.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | slice | Tensor | np.ndarray) -> Float[Tensor, "..."]:
        """Dense rows: (f,) for a number, else (k, f)."""
        if isinstance(rows, int):
            return self[torch.tensor([rows])][0]
        dense = self.take(rows)._x.toarray()
        return torch.from_numpy(dense)

    def take(self, rows: slice | Tensor | np.ndarray) -> SparseRows:
        """Rows in sparse form."""
        return SparseRows(self._x[rows if isinstance(rows, slice) else np.asarray(rows)])

    def split(self, size: int) -> Iterator[Float[Tensor, "b f"]]:
        """Dense batches of `size` rows; the last one may be smaller."""
        for start in range(0, len(self), size):
            yield self[start : start + size]

    def element_size(self) -> int:
        return 4

    def nelement(self) -> int:
        return self.shape.numel()


def take_rows(x: Tensor, rows: np.ndarray) -> Tensor:
    """The given rows; those of a sparse matrix stay sparse."""
    return x.take(rows) if isinstance(x, SparseRows) else x[rows]


def from_sparse(
    matrix: Matrix, division: Division, columns: Sequence[str], source: str
) -> tuple[list[SparseRows], list[str]]:
    """Convert the columns, in order, to float32 rows for each part, with the checks and notes of a dense table."""
    if not columns:
        raise EccentricError(f"{source} has no columns left to learn from; drop fewer columns")
    x: Any = matrix.x
    if list(columns) != matrix.names:
        places = {name: j for j, name in enumerate(matrix.names)}
        x = x[:, [places[name] for name in columns]]
        x.sort_indices()
    if x.dtype.kind not in "buif":
        raise EccentricError(f"{source} contains {x.dtype}, not numbers; convert the matrix to a numeric type")
    spread = Spread()
    step = max(1, BLOCK // len(columns))
    for start in range(0, x.shape[0], step):
        spread.add(x[start : start + step].toarray().astype(np.float64, copy=False))
    blurred = spread.is_blurred() if is_fine(x.data) else np.zeros(len(columns), bool)
    vague = [columns[j] for j in np.flatnonzero(blurred).tolist()]
    parts = []
    for part in division.parts:
        # A slice of all rows shares memory; a choice of rows is a copy.
        rows = x if len(part.rows) == x.shape[0] else x[part.rows]
        with np.errstate(over="ignore", invalid="ignore"):  # beyond float32: becomes inf here, and an error below
            values = rows.data.astype(np.float32, copy=False)
        bad = np.flatnonzero(~(np.abs(values) <= LARGEST))
        if bad.size:
            i = int(np.searchsorted(rows.indptr, bad[0], side="right")) - 1
            column = columns[int(rows.indices[bad[0]])]
            raise bad_value(source, column, rows.data[bad[0]].item(), part.where(i), bad.size)
        parts.append(SparseRows(type(rows)((values, rows.indices, rows.indptr), shape=rows.shape)))
    same = np.float32(spread.low) == np.float32(spread.high)
    return parts, [*constant_notes(same, columns), *blur_notes(vague)]
