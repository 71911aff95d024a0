"""Readers for .npy and .npz files."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np

from eccentric.data.source import Arrays, Source
from eccentric.data.splits import listing
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_npy", "read_npz"]

DATA = ("x", "X", "images", "data")
LABELS = ("y", "label", "labels")
LENGTHS = "lengths"
SPLITS = {"": "all", "_train": "train", "_test": "test", "_val": "val", "_valid": "valid", "_validation": "validation"}


def read_npy(path: Path, label: str | None, preferred: str | None = None) -> Source:
    if label:
        raise UsageError(f"{path} holds one array and no labels; give an .npz with arrays x and {label}")
    with path.open("rb") as file:  # not np.load, which treats other files as pickles and recommends to load them
        array = np.lib.format.read_array(file, allow_pickle=False)
    return Source(path.stem, str(path), arrays={"all": Arrays(array)})


def read_npz(path: Path, label: str | None, preferred: str | None = None) -> Source:
    """Read arrays x|X|images|data and y|label|labels; the suffixes _train, _test and _val mark splits.

    An array called lengths says how many steps each of the sequences in x has.

    Args:
        path: path of the file.
        label: name of the array of labels; "" for no labels, None to search for the usual names.
        preferred: name that takes precedence over the usual names if the file contains it.

    Raises:
        UsageError: two arrays could be the data of one split, or there is no array named `label`.
        EccentricError: no array has one of the names of data.
    """
    if not zipfile.is_zipfile(path):
        raise zipfile.BadZipFile("not an archive of arrays")
    with np.load(path, allow_pickle=False) as file:
        names = list(file.files)
        found = {ending: [f"{s}{ending}" for s in DATA if f"{s}{ending}" in names] for ending in SPLITS}
        found = {ending: arrays for ending, arrays in found.items() if arrays}
        if not found and len(names) == 1:
            found = {"": names}
        if not found:
            raise EccentricError(f"{path} has the arrays {listing(names)}; name the data x (or X, images, data)")
        data = [name for several in found.values() for name in several]
        if len(data) > len(found) or ("" in found and len(found) > 1):
            raise UsageError(f"{path}: each of {listing(data)} could be the data; keep one in the file, or rename them")

        wanted = (label,) if label else () if label == "" else (*([preferred] if preferred else []), *LABELS)
        used: set[str] = set()

        def array(name: str) -> np.ndarray:
            used.add(name)
            values = file[name]
            if not isinstance(values, np.ndarray):  # any archive can have the suffix .npz
                raise UsageError(f"{path}: {name!r} is not an array; write the file with np.savez")
            return values

        def one(ending: str) -> Arrays:
            stem = next((stem for stem in wanted if f"{stem}{ending}" in names), None)
            if label and stem is None:
                raise UsageError(f"{path} has no array {label + ending!r} (--label); it has {listing(names)}")
            labels = None if stem is None else array(f"{stem}{ending}")
            lengths = array(LENGTHS + ending) if LENGTHS + ending in names else None
            return Arrays(array(found[ending][0]), labels, stem, lengths=lengths)

        arrays = {SPLITS[ending]: one(ending) for ending in found}
    unwanted = {f"{stem}{ending}" for stem in LABELS for ending in SPLITS} if label == "" else set()
    rest = [name for name in names if name not in used | unwanted]
    notes = [f"array{'s' * (len(rest) > 1)} left out: {listing(rest)}"] if rest else []
    return Source(path.stem, str(path), arrays=arrays, notes=notes)
