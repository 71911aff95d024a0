"""Loaded data, and the division of a source into training and test items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jaxtyping import Float, Int, Shaped, UInt8
    from torch import Tensor

    from eccentric.data.items import ItemSpec

__all__ = ["Data", "Division", "Items", "Part", "Split", "divide", "undivided"]

TRAIN, TEST, VALIDATION = ("train", "training"), ("test", "testing"), ("validation", "valid", "val", "dev")


@dataclass(frozen=True)
class Split:
    """Training or test items."""

    x: UInt8[Tensor, "n c h w"] | Float[Tensor, "n f"] | Float[Tensor, "n t f"]
    """Images as uint8 with 1 (grey) or 3 (RGB) channels; tables and sequences as float32 in the units of the source;
    steps beyond the end of a sequence are NaN. A sparse matrix is a `SparseRows`, whose rows become dense when they are
    requested."""
    labels: Int[np.ndarray, " n"] | None
    """int64 codes into `Data.label_names`; None if the source has no labels for these items."""
    rows: Int[np.ndarray, " n"]
    """int64, ascending: row of each item in the table that it was read from, counted from 0."""
    files: list[str] | None = None
    """The file of each item, as a path within the folder it was read from; None where items are no single files."""

    def label_texts(self, names: list[str]) -> Shaped[np.ndarray, " n"] | None:
        """Labels as text, or None if there are none; `names` is `Data.label_names`."""
        return None if self.labels is None else np.array(names)[self.labels]


@dataclass(frozen=True)
class Data:
    """Training and test items with a description of their origin."""

    name: str
    """Short name, for titles and file names."""
    spec: ItemSpec
    """Specification of one item."""
    train: Split
    test: Split
    label_names: list[str]
    """Names of the codes in `Split.labels`; empty if there are no labels."""
    feature_names: list[str]
    """The columns of a table, or the numbers in a step of a sequence, in order; empty for images."""
    split: str
    """Description of the division into training and test items, such as "20 % held out at random, seed 0"."""
    notes: list[str] = field(default_factory=list)
    """What was changed or left out on the way in, one sentence each."""
    label: str | None = None
    """Column or array of the labels; None if there are no labels."""
    pixel_range: tuple[int, int] | None = None
    """Values that were mapped to 0 and 255 in images with more than 8 bits; None for other data."""

    @property
    def is_image(self) -> bool:
        return self.spec.is_image

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: (channels, height, width), (features,) or (steps, features)."""
        return self.spec.shape


@dataclass(frozen=True)
class Items:
    """All items of a source by its splits; a source without splits has one split named "all"."""

    splits: dict[str, Split]
    spec: ItemSpec
    label_names: list[str]
    feature_names: list[str]
    notes: list[str] = field(default_factory=list)
    """What was changed or left out on the way in, one sentence each."""


@dataclass(frozen=True)
class Part:
    """The rows of one table that form the training or the test set."""

    key: str
    rows: np.ndarray
    place: str  # appended to "row 7" if the source has several tables

    def where(self, i: int) -> str:
        return f"row {self.rows[i]}{self.place}"


@dataclass(frozen=True)
class Division:
    parts: tuple[Part, ...]  # training part first
    sentence: str
    notes: list[str]


def divide(
    sizes: Mapping[str, int],
    *,
    name: str,
    test_fraction: float,
    seed: int,
    noun: str = "row",
    notes: Sequence[str] = (),
) -> Division:
    """Divide the rows of a source into training and test rows.

    The splits of the source are used if there are any, so that results can be compared with published ones. A
    validation split is the test set if there is no test split, and unused otherwise. If a source has only one table or
    no test rows, `test_fraction` of its rows are held out at random. `noun` is what messages call one row,
    and `notes` say what was left out of the source.
    """

    def find(names: tuple[str, ...]) -> str | None:
        return next((key for want in names for key in sizes if key.lower() == want), None)

    train, test = find(TRAIN), find(TEST) or find(VALIDATION)
    if train is None and len(sizes) > 1:
        raise EccentricError(
            f"{name} has the splits {listing(sizes)}, but no split named 'train'; give one of them as a single file"
        )
    train = train or next(iter(sizes))
    if sizes[train] < 2:
        rows = f"{sizes[train]} {noun}" + "s" * (sizes[train] != 1)
        few = f"{name} has {rows}{' to train on' * (len(sizes) > 1)}; at least 2 are needed"
        raise EccentricError("; ".join([few, *notes]))

    def place(key: str) -> str:
        return f" of split {key!r}" if len(sizes) > 1 else ""

    unused = [f"split {k!r} ({n:,} rows) left unused" for k, n in sizes.items() if k not in (train, test)]
    if test is not None and test != train:
        if sizes[test] == 0:
            raise EccentricError(
                f"{name} has an empty {test!r} split; remove it, and test items are held out at random"
            )
        sentence = "the data set's own splits"
        if test.lower() in VALIDATION:
            sentence += f", {test!r} as the test set"
        whole = {key: Part(key, np.arange(sizes[key], dtype=np.int64), place(key)) for key in (train, test)}
        return Division((whole[train], whole[test]), sentence, unused)

    n = sizes[train]
    n_test = min(max(1, round(test_fraction * n)), n - 1)
    order = np.random.default_rng(seed).permutation(n).astype(np.int64)
    # Sorted, because reading items in the order of the source is faster and makes them easier to find.
    held_out, kept = np.sort(order[:n_test]), np.sort(order[n_test:])
    return Division(
        (Part(train, kept, place(train)), Part(train, held_out, place(train))),
        f"{100 * test_fraction:g} % held out at random, seed {seed}",
        unused,
    )


def undivided(sizes: Mapping[str, int], *, name: str) -> Division:
    """All rows of all tables, with one part for each table."""
    parts = tuple(
        Part(key, np.arange(n, dtype=np.int64), f" of split {key!r}" if len(sizes) > 1 else "")
        for key, n in sizes.items()
        if n
    )
    if not parts:
        raise EccentricError(f"{name} has no rows")
    return Division(parts, "", [])


def listing(names: Iterable[object], most: int = 6) -> str:
    """A list of names that fits on a line, such as "'a', 'b', 'c' and 12 more"."""
    every = [repr(str(n)) for n in names]
    return ", ".join(every[:most]) + (f" and {len(every) - most:,} more" if len(every) > most else "")
