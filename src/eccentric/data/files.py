"""Single files -> one Arrow table, or arrays for each split."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from eccentric.data.splits import listing
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pyarrow as pa

__all__ = ["IMAGE_SUFFIXES", "READERS", "Arrays", "Source", "first_line", "read_file"]

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm", ".jp2"}


@dataclass(frozen=True)
class Arrays:
    """Items that are numbers already: (n, f) or images, and maybe (n,) labels."""

    x: np.ndarray
    labels: np.ndarray | None = None
    label: str | None = None  # what the labels are called


@dataclass(frozen=True)
class Source:
    """What a name, path or hub id leads to: one table, or one set of arrays, for each of its own splits."""

    title: str  # for pictures
    where: str  # for errors
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    arrays: Mapping[str, Arrays] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    # How a data set that has a short name here is usually taken:
    image: str | None = None
    label: str | None = None
    size: tuple[int, int] | None = None
    crop: int | None = None


def read_file(path: Path, label: str | None) -> Source:
    """One file; `label` is needed because the arrays of an `.npz` are chosen by name."""
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        raise UsageError(f"{path} is one image; give the folder that holds it")
    if suffix not in READERS:
        raise UsageError(f"{path}: unknown kind of file; give {', '.join(READERS)} or a folder")
    try:
        return READERS[suffix](path, label)
    except (EccentricError, MemoryError):
        raise
    except PermissionError:
        raise EccentricError(f"{path} may not be read; change its permissions") from None
    # Readers of broken files raise many things: ArrowInvalid, BadZipFile, EOFError, ValueError, zlib.error, ...
    except Exception as error:
        if "allow_pickle" in str(error):
            raise EccentricError(f"{path} holds Python objects, which are not unpickled; save numbers") from None
        raise EccentricError(f"{path} is not a readable {suffix} file ({first_line(error)}); write it anew") from error


def first_line(error: BaseException) -> str:
    """The first line of what went wrong first; `datasets` wraps the cause in 'an error occurred'."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _parquet(path: Path, label: str | None) -> Source:
    import pyarrow.parquet as pq

    return _one_table(path, pq.ParquetFile(path).read())


def _csv(path: Path, label: str | None) -> Source:
    from pyarrow import csv

    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline()
    if not header.strip():
        raise EccentricError(f"{path} is empty, or its first line is; the first line must name the columns")
    if "\0" in header:  # UTF-16, as spreadsheets write it
        raise EccentricError(f"{path} is not text in UTF-8; save it in that encoding")
    delimiter = "," if "," in header else next((d for d in ";\t" if d in header), ",")
    table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True))
    names = table.column_names
    # pandas names columns 0, 1, 2, ...: that is a header
    if all(_is_float(c) for c in names) and not (all(c.isdecimal() for c in names) and len(set(names)) == len(names)):
        raise EccentricError(f"{path}: the first line holds numbers, but it must name the columns; add such a line")
    return _one_table(path, table)


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _one_table(path: Path, table: pa.Table) -> Source:
    twice = sorted({c for c in table.column_names if table.column_names.count(c) > 1})
    if twice:
        raise EccentricError(f"{path} has more than one column called {listing(twice)}; rename them")
    return Source(path.stem, str(path), tables={"all": table})


def _npy(path: Path, label: str | None) -> Source:
    if label:
        raise UsageError(f"{path} holds one array and no labels; give an .npz with arrays x and {label}")
    with path.open("rb") as file:  # not np.load, which takes what is no array for a pickle, and advises to load it
        array = np.lib.format.read_array(file, allow_pickle=False)
    return Source(path.stem, str(path), arrays={"all": Arrays(array)})


def _npz(path: Path, label: str | None) -> Source:
    """Arrays x|X|images|data and y|label|labels; with _train and _test after them the file's own splits."""
    if not zipfile.is_zipfile(path):
        raise zipfile.BadZipFile("not an archive of arrays")
    with np.load(path, allow_pickle=False) as file:
        names = file.files
        wanted = (label,) if label else () if label == "" else ("y", "label", "labels")

        def find(stems: tuple[str, ...], suffix: str) -> str | None:
            return next((f"{s}{suffix}" for s in stems if f"{s}{suffix}" in names), None)

        def one(suffix: str) -> Arrays | None:
            x, y = find(("x", "X", "images", "data"), suffix), find(wanted, suffix)
            if x is None and suffix == "" and len(names) == 1:
                x = names[0]
            if x is None:
                return None
            if label and y is None:
                raise UsageError(f"{path} has no array {label + suffix!r} (--label); it has {listing(names)}")
            for name in (x, y):
                if name is not None and not isinstance(file[name], np.ndarray):  # any archive can be called .npz
                    raise UsageError(f"{path}: {name!r} in it is no array; write it with np.savez")
            return Arrays(file[x], None if y is None else file[y], label or y)

        found = {"train": one("_train"), "test": one("_test")}
        if found["train"] is None:
            found = {"all": one("")}
        arrays = {key: a for key, a in found.items() if a is not None}
    if not arrays:
        raise EccentricError(f"{path} has the arrays {listing(names)}; name the data x (or X, images, data)")
    return Source(path.stem, str(path), arrays=arrays)


READERS: dict[str, Callable[[Path, str | None], Source]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _csv,
    ".parquet": _parquet,
}
