"""Reading of folders of tables: one Arrow table for each split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eccentric.data.files import TEXT_SUFFIXES, read_table
from eccentric.data.label_text import as_labels
from eccentric.data.source import Source
from eccentric.data.splits import TRAIN, listing
from eccentric.data.text_tables import read_labels
from eccentric.data.walking import shown_paths, split_word
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

__all__ = ["joined", "read_tables", "table_folder"]


def table_folder(folder: Path, files: Sequence[Path], notes: Sequence[str], label: str | None = None) -> Source:
    """Read tables of one file type: one for each split if the file names contain splits, else all of them concatenated.

    Raises:
        UsageError: file types are mixed, or only some names contain the word train, test or validation.
        EccentricError: a file cannot be read, or the files of a split differ in their columns.
    """
    kinds = sorted({path.suffix.lower() for path in files})
    if len(kinds) > 1:
        raise UsageError(
            f"folder {folder} contains {' and '.join(kinds)} files ({shown_paths(folder, files)}); give one of them, "
            "or a folder with files of one type"
        )
    words = {path: _word(path, folder) for path in files}
    groups: dict[str, list[Path]] = {}
    if {*words.values()} & {*TRAIN} or len({*words.values()} - {None}) > 1:
        unsaid = [path for path, word in words.items() if word is None]
        if unsaid:
            raise UsageError(
                f"folder {folder}: no split contains {shown_paths(folder, unsaid)}, while other files have train, test "
                "or validation in their names; rename these files, or give one file"
            )
        for path, word in words.items():
            groups.setdefault(word or "", []).append(path)
    else:
        groups["all"] = list(files)
    tables, more = read_tables(groups, folder, label)
    return Source(folder.resolve().name, str(folder), tables=tables, notes=[*notes, *more])


def read_tables(
    groups: Mapping[str, Sequence[Path]], folder: Path, label: str | None = None
) -> tuple[dict[str, pa.Table], list[str]]:
    """One table for each split, from the files of each, and notes.

    Raises:
        EccentricError: a file cannot be read, or the files of a split differ in their columns.
    """
    read = {path: read_table(path, label) for paths in groups.values() for path in paths}
    notes = list(dict.fromkeys(note for _, more in read.values() for note in more))
    tables = _labels_alike({path: table for path, (table, _) in read.items()}, label)
    return {key: joined([tables[path] for path in paths], folder) for key, paths in groups.items()}, notes


def _labels_alike(tables: dict[Path, pa.Table], label: str | None) -> dict[Path, pa.Table]:
    """Labels of several tables as text: numbers only where that holds for the labels of all files together."""
    import pyarrow as pa

    if len(tables) < 2 or not all(path.suffix.lower() in TEXT_SUFFIXES for path in tables):
        return tables
    written = {path: read_labels(path, label) for path in tables}
    for name in next(iter(written.values())):
        if not all(name in labels for labels in written.values()):
            continue  # the files differ in their columns, which is reported with their names
        columns = [table[name] for table in tables.values()]
        texts = [labels[name] for labels in written.values()]
        kinds = {column.type for column in columns}
        bools = {pa.types.is_boolean(kind) for kind in kinds}
        as_text = len(bools) > 1 or any(pa.types.is_string(kind) for kind in kinds)
        if not as_text and all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
            values = pa.concat_tables([pa.table({name: c}) for c in columns], promote_options="permissive")[name]
            text = pa.chunked_array([chunk for column in texts for chunk in column.chunks], pa.string())
            as_text = as_labels(values, text) is text
        if as_text:
            for (path, table), column in zip(list(tables.items()), texts, strict=True):
                tables[path] = table.set_column(table.column_names.index(name), name, column)
    return tables


def _word(path: Path, folder: Path) -> str | None:
    """The split named by the file, or else by one of its folders."""
    parts = path.relative_to(folder).parts
    return next((word for word in (split_word(path.stem), *map(split_word, parts[-2::-1])) if word), None)


def joined(tables: Sequence[pa.Table], folder: Path) -> pa.Table:
    """Concatenate tables with the same columns in any order."""
    import pyarrow as pa

    first = tables[0]
    if any({*table.column_names} != {*first.column_names} for table in tables):
        differing = next(t for t in tables if {*t.column_names} != {*first.column_names})
        odd = sorted({*differing.column_names} ^ {*first.column_names})
        raise EccentricError(
            f"folder {folder} could not be read (its files do not have the same columns); only some have {listing(odd)}"
        )
    alike = [table.select(first.column_names) for table in tables]
    try:
        return pa.concat_tables(alike, promote_options="permissive")
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise EccentricError(f"folder {folder}: the type of a column differs between files ({reason})") from None
