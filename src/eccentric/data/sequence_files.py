"""Sequences in tables: columns of lists, or a folder of text tables with one sequence in each file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccentric.data import sequences, tables
from eccentric.data.files import read_table
from eccentric.data.image_folders import lay_out
from eccentric.data.source import Arrays, Source
from eccentric.data.splits import listing, undivided
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

__all__ = ["from_lists", "sequence_folder"]


def from_lists(table: pa.Table, columns: Sequence[str], where: str) -> Arrays:
    """Columns of lists of numbers: each row is a sequence, each column a feature, each list the values of its steps.

    Raises:
        UsageError: a column holds something else, or there are no columns.
        EccentricError: a list is missing, or the lists of a row differ in length.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = {name: table.schema.field(name).type for name in columns}
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    other = [
        name
        for name, kind in kinds.items()
        if not any(is_list(kind) for is_list in lists)
        or not (pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type))
    ]
    if not columns or len(other) == len(columns):
        raise UsageError(
            f"{where} has no columns of lists of numbers, which are the features of sequences; a folder of .csv files "
            "holds one sequence in each"
        )
    if other:
        raise UsageError(
            f"{where}: {listing(other)} hold no lists of numbers, but the features of sequences do; leave them out "
            f"(--drop {','.join(other[:6])})"
        )
    lengths: np.ndarray | None = None
    values = []
    for name in columns:
        column = table[name]
        if column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy())[0])
            raise EccentricError(f"{where}: column {name!r} has no list in row {row}; fill it, or remove the row")
        found = pc.list_value_length(column).to_numpy()
        lengths = found if lengths is None else lengths
        if (found != lengths).any():
            row = int(np.flatnonzero(found != lengths)[0])
            raise EccentricError(
                f"{where}: the lists of row {row} differ in length, {lengths[row]} in {columns[0]!r} and {found[row]} "
                f"in {name!r}; correct them, or remove the row"
            )
        flat = pc.list_flatten(column)
        values.append(flat.to_numpy().astype(np.float64, copy=False))  # a missing value becomes NaN
    assert lengths is not None
    x = np.zeros((len(lengths), int(max(lengths.max(initial=0), 1)), len(columns)))
    x[np.arange(x.shape[1]) < lengths[:, None]] = np.stack(values, 1)
    return Arrays(x, feature_names=list(columns), lengths=lengths.astype(np.int64))


def sequence_folder(folder: Path, files: Sequence[Path], notes: Sequence[str]) -> Source:
    """Text tables, one sequence in each: a line is a step, a column a feature.

    Splits and classes come from folders, as for images; the names of files say nothing.

    Raises:
        EccentricError: a file cannot be read, holds no rows or something other than numbers, or the columns differ.
    """
    notes = list(notes)
    groups, classes = lay_out(folder, files, notes, "sequence")
    names: list[str] | None = None
    arrays = {}
    for key, paths in groups.items():
        items = []
        for path in paths:
            table, _ = read_table(path)
            whole = undivided({"all": table.num_rows}, name=str(path))
            index, _ = tables.row_names({"all": table}, whole, table.column_names)
            here = [name for name in table.column_names if name not in index]
            names = here if names is None else names
            if {*here} != {*names}:
                odd = listing(sorted({*here} ^ {*names}))
                raise EccentricError(
                    f"folder {folder}: {path.relative_to(folder)} has other columns than the first file ({odd}); give "
                    "all the same"
                )
            items.append(tables.from_columns({"all": table}, whole, names, str(path))[0][0])
        x, lengths = sequences.join(items, str(folder))
        labels = np.array(classes[key], dtype=object) if classes else None
        arrays[key] = Arrays(x, labels, "label" if classes else None, names, lengths)
    within = {key: [path.relative_to(folder).as_posix() for path in paths] for key, paths in groups.items()}
    return Source(folder.resolve().name, str(folder), arrays=arrays, notes=notes, files=within)
