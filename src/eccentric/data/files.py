"""Readers for single files, which return an Arrow table or arrays for each split."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from eccentric.data.array_files import read_npy, read_npz
from eccentric.data.gene_matrices import read_h5ad
from eccentric.data.source import Source
from eccentric.data.splits import listing
from eccentric.data.text_tables import read_text_table
from eccentric.errors import EccentricError, UsageError
from eccentric.files import check_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

__all__ = ["IMAGE_SUFFIXES", "READERS", "TABLE_SUFFIXES", "TEXT_SUFFIXES", "first_line", "read_file", "read_table"]

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm", ".jp2"}

T = TypeVar("T")
Table = tuple["pa.Table", list[str]]


def read_file(path: Path, label: str | None, preferred: str | None = None) -> Source:
    """Read one file. The label is needed because the arrays of an `.npz` file are selected by name."""
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        raise UsageError(f"{path} is a single image; give the folder that contains it")
    if suffix not in READERS:
        raise UsageError(f"{path}: unknown file type; give {', '.join(READERS)} or a folder")
    if not path.is_file():
        raise UsageError(f"{path} is not a regular file; write the data to a regular file")
    return guarded(path, lambda: READERS[suffix](path, label, preferred))


def read_table(path: Path, label: str | None = None) -> Table:
    """Read the table of one file, and notes; `label` is the column of labels, if known."""
    check_name(path)
    return guarded(path, lambda: _unique(path, TABLES[path.suffix.lower()](path, label)))


def guarded(path: Path, read: Callable[[], T]) -> T:
    """Call `read` and convert its errors to one line that names the file."""
    try:
        return read()
    except (EccentricError, MemoryError):
        raise
    except PermissionError:
        raise EccentricError(f"{path}: permission denied; change its permissions") from None
    # Readers raise many kinds of errors for damaged files: ArrowInvalid, BadZipFile, EOFError, ValueError, zlib.error,
    # ...
    except Exception as error:
        if "allow_pickle" in str(error):
            raise EccentricError(
                f"{path} contains Python objects, which are not unpickled; save numbers instead"
            ) from None
        kind = path.suffix.lower()
        raise EccentricError(
            f"{path} is not a readable {kind} file ({first_line(error)}); write the file again"
        ) from error


def first_line(error: BaseException) -> str:
    """First line of the message of the root cause; `datasets` wraps it in 'an error occurred'."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _unique(path: Path, read: Table) -> Table:
    counts = Counter(read[0].column_names)
    if twice := sorted(name for name, n in counts.items() if n > 1):
        raise EccentricError(f"{path} has more than one column named {listing(twice)}; rename them")
    return read


def _parquet(path: Path, _: str | None = None) -> Table:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path).read(), []


def _arrow(path: Path, _: str | None = None) -> Table:
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        try:
            return pa.ipc.open_file(file).read_all(), []
        except pa.ArrowInvalid:  # `datasets` writes Arrow's stream format with this suffix
            file.seek(0)
            return pa.ipc.open_stream(file).read_all(), []


def _json(path: Path, _: str | None = None) -> Table:
    """Read a list of records, or one record per line."""
    import pyarrow as pa

    with path.open(encoding="utf-8-sig") as file:
        start = file.read(1 << 16).lstrip()[:1]
        file.seek(0)
        records = json.load(file) if start == "[" else [json.loads(line) for line in file if line.strip()]
    if not all(isinstance(record, dict) for record in records):
        raise EccentricError(f"{path} contains no list of records; write one {{...}} per line for each item")
    names = dict.fromkeys(name for record in records for name in record)
    return pa.table({name: [record.get(name) for record in records] for name in names}), []


TABLES: dict[str, Callable[[Path, str | None], Table]] = {
    ".csv": read_text_table,
    ".tsv": read_text_table,
    ".parquet": _parquet,
    ".json": _json,
    ".jsonl": _json,
    ".arrow": _arrow,
}
TABLE_SUFFIXES = frozenset(TABLES)
TEXT_SUFFIXES = frozenset({".csv", ".tsv"})


def _one_table(path: Path, label: str | None, preferred: str | None = None) -> Source:
    table, notes = read_table(path, label or preferred)
    return Source(path.stem, str(path), tables={"all": table}, notes=notes)


READERS: dict[str, Callable[[Path, str | None, str | None], Source]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".h5ad": read_h5ad,
    **dict.fromkeys(TABLES, _one_table),
}
