"""Folders of tables -> one Arrow table for each split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eccentric.data.files import read_table
from eccentric.data.source import Source
from eccentric.data.splits import TRAIN, listing
from eccentric.data.walking import split_word
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

__all__ = ["joined", "table_folder"]


def table_folder(folder: Path, files: Sequence[Path], notes: Sequence[str], label: str | None = None) -> Source:
    """Tables of one kind of file: one for each split if their names say so, else all of them one below the other.

    Raises:
        UsageError: kinds of files are mixed, or only some names have the word train, test or validation.
        EccentricError: a file cannot be read, or the files of a split differ in their columns.
    """
    kinds = sorted({path.suffix.lower() for path in files})
    if len(kinds) > 1:
        raise UsageError(
            f"folder {folder} holds {' and '.join(kinds)} files; give one of them, or a folder of one kind"
        )
    words = {path: _word(path, folder) for path in files}
    groups: dict[str, list[Path]] = {}
    if {*words.values()} & {*TRAIN} or len({*words.values()} - {None}) > 1:
        unsaid = [path for path, word in words.items() if word is None]
        if unsaid:
            raise UsageError(
                f"folder {folder}: {unsaid[0].relative_to(folder)} belongs to no split, since other files have train, "
                "test or validation in their names and it has not; rename it, or give one file"
            )
        for path, word in words.items():
            groups.setdefault(word or "", []).append(path)
    else:
        groups["all"] = list(files)
    tables = {}
    for key, paths in groups.items():
        read = []
        for path in paths:
            table, more = read_table(path, label)
            read.append(table)
            notes = [*notes, *(note for note in more if note not in notes)]
        tables[key] = joined(read, folder)
    return Source(folder.resolve().name, str(folder), tables=tables, notes=list(notes))


def _word(path: Path, folder: Path) -> str | None:
    """The split that the file's name stands for, or else one of the folders that it lies in."""
    parts = path.relative_to(folder).parts
    return next((word for word in (split_word(path.stem), *map(split_word, parts[-2::-1])) if word), None)


def joined(tables: Sequence[pa.Table], folder: Path) -> pa.Table:
    """Tables with the same columns, in whatever order, one below the other."""
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
        raise EccentricError(f"folder {folder}: its files hold one column in different kinds ({reason})") from None
