"""What loading returns, and how a source is divided into training and test items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jaxtyping import Float, Int, Shaped, UInt8
    from torch import Tensor

    from eccentric.data.items import ItemSpec

__all__ = ["Data", "Division", "Items", "Part", "Split", "divide", "undivided"]

TRAIN, TEST, VALIDATION = ("train", "training"), ("test", "testing"), ("validation", "valid", "val", "dev")


@dataclass(frozen=True)
class Split:
    """The items of one side, training or test."""

    x: UInt8[Tensor, "n c h w"] | Float[Tensor, "n f"] | Float[Tensor, "n t f"]
    """Images as uint8 with 1 (grey) or 3 (RGB) channels; tables and sequences as float32 in the units of the source;
    steps beyond the end of a sequence are NaN."""
    labels: Int[np.ndarray, " n"] | None
    """int64 codes into `Data.label_names`; None where the source has no labels for this side."""
    rows: Int[np.ndarray, " n"]
    """int64, ascending: the row of each item in the table it came from, counted from 0."""
    files: list[str] | None = None
    """The file of each item, as a path within the folder it was read from; None where items are no single files."""

    def label_texts(self, names: list[str]) -> Shaped[np.ndarray, " n"] | None:
        """The labels as text, or None where there are none; `names` is `Data.label_names`."""
        return None if self.labels is None else np.array(names)[self.labels]


@dataclass(frozen=True)
class Data:
    """Training and test items, and how they came to be what they are."""

    name: str
    """Short, for titles and file names."""
    spec: ItemSpec
    """What one item is."""
    train: Split
    test: Split
    label_names: list[str]
    """What the codes in `Split.labels` mean; empty when there are no labels."""
    feature_names: list[str]
    """The columns of a table, or the numbers in a step of a sequence, in order; empty for images."""
    split: str
    """How training and test items were told apart, e.g. "20 % held out at random, seed 0"."""
    notes: list[str] = field(default_factory=list)
    """What was changed or left out on the way in, one sentence each."""
    label: str | None = None
    """The column or array the labels came from; None when there are no labels."""
    pixel_range: tuple[int, int] | None = None
    """Where images have more than 8 bits, the values that became 0 and 255; None for all other data."""

    @property
    def is_image(self) -> bool:
        return self.spec.is_image

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: (channels, height, width), (features,) or (steps, features)."""
        return self.spec.shape


@dataclass(frozen=True)
class Items:
    """All items of a source, by the split of the source they are in; a source without splits has one called "all"."""

    splits: dict[str, Split]
    spec: ItemSpec
    label_names: list[str]
    feature_names: list[str]
    notes: list[str] = field(default_factory=list)
    """What was changed or left out on the way in, one sentence each."""


@dataclass(frozen=True)
class Part:
    """The rows of one table of the source that make up one side."""

    key: str
    rows: np.ndarray
    place: str  # completes "row 7" where the source has several tables

    def where(self, i: int) -> str:
        return f"row {self.rows[i]}{self.place}"


@dataclass(frozen=True)
class Division:
    parts: tuple[Part, ...]  # training first
    sentence: str
    notes: list[str]


def divide(sizes: Mapping[str, int], *, name: str, test_fraction: float, seed: int) -> Division:
    """Choose which rows of which table train and which test.

    The source's own splits come first: numbers on them can be compared with other people's. A validation split serves
    as the test set where there is no other, and is left unused where there is. A source with one table only, or with
    nothing to test on, has `test_fraction` of its rows held out at random.
    """

    def find(names: tuple[str, ...]) -> str | None:
        return next((key for want in names for key in sizes if key.lower() == want), None)

    train, test = find(TRAIN), find(TEST) or find(VALIDATION)
    if train is None and len(sizes) > 1:
        raise EccentricError(
            f"{name} has the splits {listing(sizes)}, and none is called 'train'; give one of them as a file of its own"
        )
    train = train or next(iter(sizes))
    if sizes[train] < 2:
        rows = f"{sizes[train]} row" + "s" * (sizes[train] != 1)
        raise EccentricError(f"{name} has {rows}{' to train on' * (len(sizes) > 1)}; at least 2 are needed")

    def place(key: str) -> str:
        return f" of split {key!r}" if len(sizes) > 1 else ""

    notes = [f"split {k!r} ({n:,} rows) left unused" for k, n in sizes.items() if k not in (train, test)]
    if test is not None and test != train:
        if sizes[test] == 0:
            raise EccentricError(f"{name} has an empty {test!r} split; remove it to have test items held out at random")
        sentence = "the data set's own splits"
        if test.lower() in VALIDATION:
            sentence += f", {test!r} as the test set"
        whole = {key: Part(key, np.arange(sizes[key], dtype=np.int64), place(key)) for key in (train, test)}
        return Division((whole[train], whole[test]), sentence, notes)

    n = sizes[train]
    n_test = min(max(1, round(test_fraction * n)), n - 1)
    order = np.random.default_rng(seed).permutation(n).astype(np.int64)
    # Sorted, because items in the order of the source read faster and are easier to find again.
    held_out, kept = np.sort(order[:n_test]), np.sort(order[n_test:])
    return Division(
        (Part(train, kept, place(train)), Part(train, held_out, place(train))),
        f"{100 * test_fraction:g} % held out at random, seed {seed}",
        notes,
    )


def undivided(sizes: Mapping[str, int], *, name: str) -> Division:
    """Every row of every table, each table one part."""
    parts = tuple(
        Part(key, np.arange(n, dtype=np.int64), f" of split {key!r}" if len(sizes) > 1 else "")
        for key, n in sizes.items()
        if n
    )
    if not parts:
        raise EccentricError(f"{name} has no rows")
    return Division(parts, "", [])


def listing(names: Iterable[object], most: int = 6) -> str:
    """'a', 'b', 'c' and 12 more: a list of names that fits on a line."""
    every = [repr(str(n)) for n in names]
    return ", ".join(every[:most]) + (f" and {len(every) - most:,} more" if len(every) > most else "")
