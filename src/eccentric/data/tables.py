"""Conversion of numeric columns to one float32 matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.data.splits import listing
from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from eccentric.data.splits import Division, Part

__all__ = [
    "LARGEST",
    "Spread",
    "bad_value",
    "blur_notes",
    "constant_notes",
    "from_columns",
    "from_matrices",
    "row_names",
]


LARGEST = 1e18
"""The variance of larger values overflows in float32, the precision of training."""
BLOCK = 1 << 19  # number of values converted at a time
COLUMNS = 128  # of them at most: a column of a few rows takes as long as one of a thousand
NAMELESS = ("", "Unnamed: 0", "__index_level_0__")
"""pandas' name for an unnamed column of row names or numbers."""


def row_names(
    tables: Mapping[str, pa.Table], division: Division, columns: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Unnamed columns with the names or ascending numbers of the rows, and notes on all unnamed columns."""
    import pyarrow as pa
    import pyarrow.compute as pc

    index, notes = [], []
    for name in [c for c in NAMELESS if c in columns]:
        parts = [tables[key][name] for key in {part.key: None for part in division.parts}]
        named = all(pa.types.is_string(p.type) or pa.types.is_large_string(p.type) for p in parts)
        if named and all(p.null_count == 0 and pc.count_distinct(p).as_py() == len(p) for p in parts):
            notes.append(f"column {name!r} left out: it contains the names of the rows")
        elif all(pa.types.is_integer(p.type) and p.null_count == 0 and _ascends(p.to_numpy()) for p in parts):
            notes.append(f"column {name!r} left out: it contains the row numbers that pandas writes")
        else:
            notes.append(f"column {name!r} kept although it has no name: its values are not row numbers")
            continue
        index.append(name)
    return index, notes


def _ascends(values: np.ndarray) -> bool:
    return bool(values.size and values[0] >= 0 and (values[1:] > values[:-1]).all())


def from_columns(
    tables: Mapping[str, pa.Table], division: Division, columns: Sequence[str], source: str
) -> tuple[list[np.ndarray], list[str]]:
    """Convert the columns, in order, to (n, f) float32 for each part, with notes."""
    if not columns:
        raise EccentricError(f"{source} has no columns left to learn from; drop fewer columns")
    matrices = [np.empty((len(part.rows), len(columns)), dtype=np.float32) for part in division.parts]
    vague: dict[str, None] = {}
    for key in {part.key: None for part in division.parts}:
        table = tables[key]
        _check_numbers(table, columns, source)
        here = [(part.rows, x) for part, x in zip(division.parts, matrices, strict=True) if part.key == key]
        vague |= dict.fromkeys(_fill(here, table, columns))
    for part, x in zip(division.parts, matrices, strict=True):
        table = tables[part.key]

        def original(i: int, j: int, table: pa.Table = table, part: Part = part) -> object:
            return table[columns[j]][int(part.rows[i])].as_py()

        _check_finite(x, part, columns, source, original)
    return matrices, [*_constant(matrices, columns), *blur_notes(vague)]


def _fill(parts: Sequence[tuple[np.ndarray, np.ndarray]], table: pa.Table, columns: Sequence[str]) -> list[str]:
    """Write the columns of a table to the matrices of its parts; returns the columns that float32 blurs.

    Each part is its rows, ascending, and its matrix. The table is converted in blocks that fit the processor's cache:
    whole columns would be written to memory far apart.
    """
    vague = []
    indices = {name: i for i, name in enumerate(table.column_names)}
    for left in range(0, len(columns), COLUMNS):
        names = columns[left : left + COLUMNS]
        spread = Spread()
        fine = np.zeros(len(names), bool)
        top = 0
        for batch in table.select([indices[name] for name in names]).to_batches(max_chunksize=BLOCK // len(names)):
            block = np.empty((batch.num_rows, len(names)))
            for j, column in enumerate(batch.columns):
                values = _numbers(column)
                fine[j] = is_fine(values)
                with np.errstate(invalid="ignore"):  # casting some NaN raises a warning
                    block[:, j] = values
            spread.add(block)
            for rows, x in parts:
                first, last = np.searchsorted(rows, (top, top + len(block)))
                with np.errstate(over="ignore"):  # beyond float32: becomes inf here, and an error in the caller
                    x[first:last, left : left + len(names)] = block[rows[first:last] - top]
            top += len(block)
        vague += [names[j] for j in np.flatnonzero(fine & spread.is_blurred()).tolist()]
    return vague


class Spread:
    """Range and standard deviation of columns that come block by block (Chan, Golub & LeVeque 1983)."""

    def __init__(self) -> None:
        self._count = 0
        self.low: Any = np.inf
        self.high: Any = -np.inf
        self._mean: Any = 0.0
        self._squares: Any = 0.0

    def add(self, block: np.ndarray) -> None:
        if not len(block):
            return
        with np.errstate(all="ignore"):
            mean = block.mean(0)
            before, self._count = self._count, self._count + len(block)
            apart = mean - self._mean
            self._squares += np.square(block - mean).sum(0) + apart**2 * (before * len(block) / self._count)
            self._mean += apart * (len(block) / self._count)
            self.low, self.high = np.minimum(self.low, block.min(0)), np.maximum(self.high, block.max(0))

    def is_blurred(self) -> np.ndarray:
        with np.errstate(all="ignore"):
            return _is_blurred(np.maximum(self.high, -self.low), np.sqrt(self._squares / self._count))


def from_matrices(
    matrices: Mapping[str, np.ndarray], division: Division, columns: Sequence[str], source: str
) -> tuple[list[np.ndarray], list[str]]:
    """Convert (n, f) arrays of any numeric type to float32 for each part, with notes."""
    if not columns:
        raise EccentricError(f"{source} has no columns")
    out: list[np.ndarray] = []
    vague: dict[str, None] = {}
    for part in division.parts:
        raw = matrices[part.key]
        vague |= {columns[j]: None for j in np.flatnonzero(blurred(raw[part.rows])).tolist()}
        with np.errstate(over="ignore", invalid="ignore"):  # casting some NaN raises a warning
            x = raw[part.rows].astype(np.float32, copy=False)

        def original(i: int, j: int, raw: np.ndarray = raw, part: Part = part) -> object:
            return raw[part.rows[i], j].item()

        _check_finite(x, part, columns, source, original)
        out.append(x)
    return out, [*_constant(out, columns), *blur_notes(vague)]


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow.types as t

    # null: a column without any value, which the check for missing values reports with its row
    kinds = (t.is_boolean, t.is_integer, t.is_floating, t.is_decimal, t.is_null)
    return any(is_kind(kind) for is_kind in kinds)


def _numbers(column: pa.Array) -> np.ndarray:
    import pyarrow as pa

    if not pa.types.is_integer(column.type) and not pa.types.is_floating(column.type):
        column = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column.cast(pa.float64())
    return column.to_numpy(zero_copy_only=False)  # missing values become nan


def _check_numbers(table: pa.Table, columns: Sequence[str], source: str) -> None:
    kinds = {field.name: field.type for field in table.schema}
    bad = [c for c in columns if not _is_number(kinds[c])]
    if not bad:
        return
    first = _first_text(table[bad[0]])
    names = ",".join(bad[:6]) + (",..." if len(bad) > 6 else "")
    raise EccentricError(
        f"{source}: {len(bad)} column{'s hold' if len(bad) > 1 else ' holds'} no numbers: {listing(bad)}{first}; use "
        f"one as the label (--label NAME), or leave out columns (--drop {names})"
    )


def _first_text(column: pa.ChunkedArray) -> str:
    """Value and row of the first entry that is not a number, to find a typing error in a numeric column."""
    import pyarrow.types as t

    if not (t.is_string(column.type) or t.is_large_string(column.type) or t.is_dictionary(column.type)):
        return f" ({column.type})"
    for row, value in enumerate(column):
        try:
            float(value.as_py() or "nan")
        except ValueError:
            return f" ({value.as_py()[:40]!r} in row {row})"
    return f" ({column.type})"


def _check_finite(x: np.ndarray, part: Part, columns: Sequence[str], source: str, original: Any) -> None:
    count, first = 0, (0, 0)
    rows = max(1, BLOCK // len(columns))
    for start in range(0, len(x), rows):
        bad = ~(np.abs(x[start : start + rows]) <= LARGEST)
        if bad.any():
            i, j = np.argwhere(bad)[0].tolist()
            first = first if count else (start + i, j)
            count += int(bad.sum())
    if not count:
        return
    i, j = first
    raise bad_value(source, columns[j], original(i, j), part.where(i), count)


def bad_value(source: str, column: str, value: Any, place: str, count: int) -> EccentricError:
    """The error for `count` values that are missing, infinite or too large; the first is `value` at `place`."""
    if value is None:
        what = "is empty"
    elif np.isfinite(value):
        what = f"is {value:g} (its square overflows in float32)"
    else:
        what = f"is {value}"
    more = f" ({count - 1:,} more such values)" if count > 1 else ""
    return EccentricError(
        f"{source}: column {column!r} {what} in {place}{more}; fill it, or remove the row or the column"
    )


def is_fine(values: np.ndarray) -> bool:
    """Whether a type can represent differences that float32 cannot."""
    return values.dtype.kind != "b" and values.dtype.itemsize >= 4


def blurred(values: np.ndarray) -> np.ndarray:
    """Columns (n, ...) with a variation so small relative to their size that float32 keeps fewer than three digits of
    it.
    """
    if not is_fine(values) or not len(values):
        return np.zeros(values.shape[1:], bool)
    with np.errstate(all="ignore"):
        return _is_blurred(np.abs(values).max(0), values.std(0, dtype=np.float64))


def _is_blurred(largest: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    return np.asarray((deviation > 0) & (deviation < 1000 * np.spacing(np.asarray(largest).astype(np.float32))))


def blur_notes(columns: Iterable[str]) -> list[str]:
    names = list(columns)
    if not names:
        return []
    return [blur_note("column", names)]


def blur_note(noun: str, names: Sequence[str]) -> str:
    if len(names) > 1:
        which, remedy = f"{len(names)} {noun}s vary too little for float32 relative to their size", "drop them"
    else:
        which, remedy = f"1 {noun} varies too little for float32 relative to its size", "drop it"
    return f"{which}: {listing(names)}; subtract an offset, or {remedy}"


def _constant(matrices: Sequence[np.ndarray], columns: Sequence[str]) -> list[str]:
    low = np.min([m.min(axis=0) for m in matrices], axis=0)
    high = np.max([m.max(axis=0) for m in matrices], axis=0)
    return constant_notes(low == high, columns)


def constant_notes(same: np.ndarray, columns: Sequence[str]) -> list[str]:
    names = [columns[j] for j in np.flatnonzero(same).tolist()]
    if not names:
        return []
    return [f"{len(names)} column{'s are' if len(names) > 1 else ' is'} constant: {listing(names)}"]
