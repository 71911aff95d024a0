"""Sequences of different lengths -> one float32 array whose padding is NaN, see `eccentric.padding`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eccentric.data.labels import check_names
from eccentric.data.splits import listing
from eccentric.data.tables import LARGEST, blur_note, blurred
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eccentric.data.source import Arrays
    from eccentric.data.splits import Division, Part

__all__ = ["Read", "check_lengths", "join", "read"]


class Read(NamedTuple):
    """Sequences, one array for each part of the division."""

    x: list[np.ndarray]
    """(n, steps, features) float32; all parts have as many steps as the longest sequence."""
    feature_names: list[str]
    notes: list[str]


def join(sequences: Sequence[Any], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Arrays of (steps, features) as one array of (n, steps, features), zero beyond the ends, and their lengths.

    Raises:
        EccentricError: an item has another number of axes or features than (steps, features), or no numbers.
    """
    if not len(sequences):
        raise EccentricError(f"{where} holds no sequences")
    arrays = [np.asarray(sequence) for sequence in sequences]
    for i, array in enumerate(arrays):
        if array.ndim != 2 or array.dtype.kind not in "buif":
            raise EccentricError(
                f"{where}: sequence {i} has shape {array.shape} and type {array.dtype}; each must be numbers of "
                "shape (steps, features)"
            )
        if array.shape[1] != arrays[0].shape[1]:
            raise EccentricError(
                f"{where}: sequence {i} has {array.shape[1]} features, the first has {arrays[0].shape[1]}; "
                "give all the same"
            )
    lengths = np.array([len(array) for array in arrays])
    x = np.zeros((len(arrays), lengths.max(), arrays[0].shape[1]), np.result_type(*arrays))
    for row, array in zip(x, arrays, strict=True):
        row[: len(array)] = array
    return x, lengths


def check_lengths(arrays: Arrays, where: str) -> None:
    """Raise unless there is one length for each item, from 1 to the number of steps."""
    x, lengths = arrays.x, arrays.lengths
    if lengths is None:
        return
    if x.ndim != 3:
        raise UsageError(
            f"{where} has lengths, which belong to sequences (n, steps, features), but its data have shape {x.shape}; "
            "remove the lengths, or give sequences"
        )
    if lengths.shape != (len(x),) or lengths.dtype.kind not in "ui":
        raise EccentricError(
            f"{where} has {len(x)} sequences, but lengths of shape {lengths.shape} and type {lengths.dtype}; give a "
            "whole number for each"
        )
    wrong = np.flatnonzero((lengths < 1) | (lengths > x.shape[1]))
    if wrong.size:
        raise EccentricError(
            f"{where}: the length of row {wrong[0]} is {lengths[wrong[0]]}, but it must be from 1 to {x.shape[1]}, the "
            "number of steps; correct it, or remove the row"
        )


def read(
    arrays: Mapping[str, Arrays],
    division: Division,
    where: str,
    feature_names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> Read:
    """The sequences of each part, checked and padded with NaN.

    What lies beyond the end of a sequence is never looked at. Steps that all sequences lack are left out.

    Args:
        arrays: by the key of the part; `x` is (n, steps, features), and without `lengths` all steps are real.
        division: which rows make up which part.
        where: the source, for errors.
        feature_names: "x0", "x1", ... by default.
        columns: features to take, in this order, by name; all by default.

    Raises:
        UsageError: there is no feature of a name in `columns`.
        EccentricError: a number is missing, infinite or too large.
    """
    first = next(iter(arrays.values())).x
    features = first.shape[2]
    given = feature_names if feature_names is not None else next(iter(arrays.values())).feature_names
    names = [f"x{j}" for j in range(features)] if given is None else [str(name) for name in given]
    if len(names) != features:
        raise UsageError(f"{where} has {features} features, but {len(names)} feature_names are given")
    taken = slice(None)
    if columns is not None and given is not None:
        check_names("columns", columns, names, where)
        taken, names = [names.index(name) for name in columns], list(columns)  # type: ignore[assignment]
        features = len(names)
    chosen = [
        (part, arrays[part.key].x[part.rows][..., taken], _lengths(arrays[part.key])[part.rows])
        for part in division.parts
    ]
    longest = max(int(lengths.max()) for _, _, lengths in chosen)
    found, values = [], []
    for part, x, lengths in chosen:
        real = np.arange(x.shape[1]) < lengths[:, None]
        measured = x[real]  # (all steps of all sequences, features)
        values.append(measured)
        _check_finite(measured, real, part, names, where)
        with np.errstate(over="ignore"):
            padded = np.full((len(x), max(longest, x.shape[1]), features), np.nan, np.float32)
            padded[:, : x.shape[1]][real] = measured
        found.append(np.ascontiguousarray(padded[:, :longest]))
    return Read(found, names, _notes(values, names, [lengths for _, _, lengths in chosen]))


def _lengths(arrays: Arrays) -> np.ndarray:
    return np.full(len(arrays.x), arrays.x.shape[1]) if arrays.lengths is None else arrays.lengths


def _check_finite(values: np.ndarray, real: np.ndarray, part: Part, names: Sequence[str], where: str) -> None:
    if values.dtype.kind != "f":
        return
    bad = ~(np.abs(values) <= LARGEST)
    count = int(bad.sum())
    if not count:
        return
    i, j = (int(k) for k in np.argwhere(bad)[0])
    row, step = (int(k) for k in np.argwhere(real)[i])
    value = values[i, j]
    what = f"is {value:g}, too large for float32 to square" if np.isfinite(value) else f"is {value}"
    more = f" ({count - 1:,} more such values)" if count > 1 else ""
    raise EccentricError(
        f"{where}: feature {names[j]!r} {what} at step {step} of {part.where(row)}{more}; fill it, or remove the "
        "step or the sequence; the padding of shorter sequences needs an array of lengths"
    )


def _notes(values: Sequence[np.ndarray], names: Sequence[str], lengths: Sequence[np.ndarray]) -> list[str]:
    notes = []
    every = np.concatenate(lengths)
    if every.min() < every.max():
        notes.append(f"sequences of {every.min():,} to {every.max():,} steps, {np.median(every):g} in the median")
    same = np.logical_and.reduce([(v == values[0][:1]).all(0) for v in values])
    constant = [names[j] for j in np.flatnonzero(same).tolist()]
    if constant:
        notes.append(f"{len(constant)} feature{'s are' if len(constant) > 1 else ' is'} constant: {listing(constant)}")
    vague = [names[j] for j in np.flatnonzero(np.logical_or.reduce([blurred(v) for v in values])).tolist()]
    if vague:
        notes.append(blur_note("feature", vague))
    return notes
