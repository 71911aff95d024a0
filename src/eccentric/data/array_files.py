"""NumPy's files -> arrays for each split."""

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
    with path.open("rb") as file:  # not np.load, which takes what is no array for a pickle, and advises to load it
        array = np.lib.format.read_array(file, allow_pickle=False)
    return Source(path.stem, str(path), arrays={"all": Arrays(array)})


def read_npz(path: Path, label: str | None, preferred: str | None = None) -> Source:
    """Arrays x|X|images|data and y|label|labels; with _train, _test or _val after them the file's own splits.

    An array called lengths says how many steps each of the sequences in x has.

    Args:
        path: of the file.
        label: name of the array of labels, "" for none, None for the usual ones.
        preferred: name of an array that comes before the usual ones, where the file has it.

    Raises:
        UsageError: two arrays could be the data of one split, or there is no array called `label`.
        EccentricError: no array has a name of data.
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
            if not isinstance(values, np.ndarray):  # any archive can be called .npz
                raise UsageError(f"{path}: {name!r} in it is no array; write it with np.savez")
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
