"""Conversion of arrays in memory to images, rows of a table, or sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eccentric.data import images, sequences, tables
from eccentric.data.items import KINDS, ItemSpec, OtherKind
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eccentric.data.items import ItemKind, Kind
    from eccentric.data.source import Arrays
    from eccentric.data.splits import Division

__all__ = ["Read", "check_kind", "read"]


class Read(NamedTuple):
    """Arrays of items, one for each part of the division, with their specification and notes."""

    x: list[np.ndarray]
    spec: ItemSpec
    feature_names: list[str]
    notes: list[str]


def check_kind(item_kind: str) -> None:
    """Raise `UsageError` if the kind of items is unknown."""
    if item_kind != "auto" and item_kind not in KINDS:
        raise UsageError(f"unknown item_kind {item_kind!r}; choose one of auto, {', '.join(KINDS)}")


def read(
    found: Mapping[str, Arrays],
    division: Division,
    where: str,
    *,
    item_kind: ItemKind = "auto",
    size: tuple[int, int] | None = None,
    feature_names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> Read:
    """Check and convert the rows of each part.

    Args:
        found: arrays by the key of the part; all items have the same shape. Where they have lengths, they hold
            sequences.
        division: assignment of rows to parts.
        where: name of the source, for error messages.
        item_kind: kind of the items; "auto" determines it from shape and values.
        size: (height, width) to resize images to.
        feature_names: of the columns of a table, or of the numbers in a step of a sequence.
        columns: features of sequences to take, where they have names.
    """
    arrays = {key: one.x for key, one in found.items()}
    x = next(iter(arrays.values()))
    if any(one.lengths is not None for one in found.values()):
        if item_kind not in ("auto", "sequence"):
            raise UsageError(f"{where} has lengths, which belong to sequences, not to items of kind {item_kind!r}")
        kind: Kind = "sequence"
    else:
        kind = _kind(arrays, where) if item_kind == "auto" else item_kind
    if kind != "image" and size is not None:
        raise OtherKind(f"{where} {_is(kind)}, but image_size {size[0]}x{size[1]} needs images; leave it out")
    if kind == "image" and feature_names is not None:
        raise UsageError(f"feature_names are for tables and sequences, but {where} {_is(kind)}")
    if kind == "image":
        if x.ndim == 2:
            raise UsageError(f"{where} has shape {x.shape}, which is a table; images are (n, h, w) or have four axes")
        pixels = images.from_arrays(arrays, division, where, size=size)
        return Read(pixels.x, ItemSpec("image", pixels.x[0].shape[1:], "uint8"), [], pixels.notes)
    if kind == "sequence":
        if x.ndim != 3:
            raise UsageError(f"{where} has shape {x.shape}, but sequences are (n, steps, features)")
        padded, feature_names, notes = sequences.read(found, division, where, feature_names, columns)
        return Read(padded, ItemSpec("sequence", padded[0].shape[1:]), feature_names, notes)
    flat = {key: array.reshape(len(array), -1) for key, array in arrays.items()}
    count = flat[division.parts[0].key].shape[1]
    names = [f"x{j}" for j in range(count)] if feature_names is None else [str(name) for name in feature_names]
    if len(names) != count:
        raise UsageError(f"{where} has {count} columns, but {len(names)} feature_names are given")
    made, notes = tables.from_matrices(flat, division, names, where)
    return Read(made, ItemSpec("table", (count,)), names, notes)


def _kind(arrays: Mapping[str, np.ndarray], where: str) -> Kind:
    """Arrays with two axes are tables, with four axes images, with three axes grey images if the values allow it."""
    x = next(iter(arrays.values()))
    if x.ndim == 2:
        return "table"
    if x.ndim == 3 and not all(images.may_be_pixels(array) for array in arrays.values()):
        low, high = (limit(array) for limit, array in ((np.nanmin, x), (np.nanmax, x)))
        raise EccentricError(
            f"{where} has shape {x.shape} and values from {low:g} to {high:g}, but grey images hold fractions in "
            "[0, 1] or whole numbers in 0..255; rescale images; item_kind='sequence' takes them for sequences "
            "(n, steps, features), item_kind='table' each for one row"
        )
    return "image"


def _is(kind: str) -> str:
    return {"image": "holds images", "table": "is a table", "sequence": "holds sequences"}[kind]
