"""Labels: choice of the column, and conversion of text, bools or numbers to codes and names."""

from __future__ import annotations

import difflib
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.data.splits import listing
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from eccentric.data.splits import Division, Part

__all__ = ["USUAL", "check_names", "class_names", "column_values", "encode", "is_category", "is_nested", "usual_label"]

USUAL = ("label", "labels", "target", "class", "y")
MANY_FRACTIONS = 20  # with more distinct fractions, a column is a measurement and not a category


def check_names(option: str, names: Iterable[str], columns: Sequence[str], source: str) -> None:
    """Raise an error if a name is not a column; it lists the existing columns and the most similar one."""
    known = set(columns)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, columns, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"{source} has no column {name!r} ({option}); it has {listing(columns, 12)}{hint}")


def class_names(table: pa.Table) -> dict[str, list[str]]:
    """Class names of each ClassLabel column, which Hugging Face's `datasets` stores in the schema's metadata."""
    try:
        features = json.loads((table.schema.metadata or {})[b"huggingface"])["info"]["features"]
        declared = {
            c: f["names"] for c, f in features.items() if isinstance(f, dict) and f.get("_type") == "ClassLabel"
        }
        return {c: names for c, names in declared.items() if _are_names(names)}
    except (KeyError, TypeError, ValueError, AttributeError):  # no such metadata, or metadata of another program
        return {}


def _are_names(names: object) -> bool:
    return isinstance(names, list) and len(names) > 0 and all(isinstance(name, str) for name in names)


def usual_label(table: pa.Table, columns: Sequence[str], classes: Iterable[str] = ()) -> str | None:
    """The column with a usual name for labels, or else the first column declared as classes."""
    by_name = [c for want in USUAL for c in columns if c.lower() == want]
    candidates = [*by_name, *(c for c in classes if c in set(columns))]
    return next((c for c in candidates if not is_nested(table, c)), None)


def is_nested(table: pa.Table, column: str) -> bool:
    """Whether the values of a column are lists, images or other nested data."""
    import pyarrow as pa

    kind = table.schema.field(column).type
    return bool(pa.types.is_nested(kind)) or isinstance(kind, pa.BaseExtensionType)


def column_values(table: pa.Table, column: str, rows: np.ndarray, source: str) -> np.ndarray:
    """One column as a NumPy array; text has the type object, and missing values are None or nan."""
    import pyarrow as pa

    values = table[column]
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if is_nested(table, column):
        raise UsageError(
            f"{source}: column {column!r} has type {values.type}; a label must be text, a number or a bool"
        )
    try:
        return values.to_numpy()[rows]
    except pa.ArrowException:  # a damaged file, or an error of another program
        raise EccentricError(
            f"{source}: label {column!r} contains text that is not UTF-8; write the file again"
        ) from None


def _missing(value: object) -> bool:
    empty = isinstance(value, str | bytes) and not value.strip()
    return value is None or empty or (isinstance(value, float) and math.isnan(value))


def is_category(values: Iterable[Any]) -> bool:
    """Whether the values can be labels: anything except many distinct fractions or fractions that rarely recur."""
    fractions = [v for v in values if isinstance(v, float) and not _missing(v) and not v.is_integer()]
    return len(set(fractions)) <= min(MANY_FRACTIONS, len(fractions) / 2)


def encode(
    arrays: Sequence[np.ndarray], division: Division, *, column: str, source: str, names: list[str] | None = None
) -> tuple[list[np.ndarray | None], list[str], list[str]]:
    """Encode the labels of each part; returns codes, names of the codes, and notes.

    Blanks around text are removed. Codes are assigned in the order of the values of all parts (numbers and numeric text
    by size, other text alphabetically). If `names` are given, the values are already codes, and a part with only -1,
    the hub's mark for secret labels, has no labels.
    """
    values = [[v.strip() if isinstance(v, str) else v for v in a.tolist()] for a in arrays]
    everything = [v for part in values for v in part]
    for part, found in zip(division.parts, values, strict=True):
        row = next((i for i, v in enumerate(found) if _missing(v)), None)
        if row is not None:
            raise EccentricError(
                f"{source}: label {column!r} is missing in {part.where(row)}; fill it, or remove the row"
            )
    if not is_category(everything):
        some = ", ".join(f"{v:g}" for v in everything[:3])
        raise EccentricError(
            f"{source}: {column!r} contains fractions ({some}, ...), but labels must be categories; choose another "
            "column with --label"
        )
    if names is not None and all(isinstance(v, int | float) and float(v).is_integer() for v in everything):
        return _declared(values, division, column=column, source=source, names=names)
    if any(isinstance(v, float) for v in everything) and all(float(v).is_integer() for v in everything):
        # whole numbers that a missing value elsewhere turned into floats
        values = [[int(v) for v in part] for part in values]
    kinds = {type(v) for part in values for v in part}
    if len(kinds) > 1 or kinds & {bytes}:
        values = [
            [v.decode(errors="backslashreplace").strip() if isinstance(v, bytes) else str(v) for v in part]
            for part in values
        ]
    distinct = {v for part in values for v in part}
    if kinds == {bool}:
        distinct = {False, True}  # the codes keep their meaning if a split has only one of them
    numbers = all(isinstance(v, str) and v.isdecimal() for v in distinct)
    ordered = sorted(distinct, key=(lambda v: (int(v), v)) if numbers else None)
    code = {v: i for i, v in enumerate(ordered)}
    codes: list[np.ndarray | None] = [np.array([code[v] for v in part], dtype=np.int64) for part in values]
    return codes, [str(v) for v in ordered], []


def _declared(
    values: list[list[Any]], division: Division, *, column: str, source: str, names: list[str]
) -> tuple[list[np.ndarray | None], list[str], list[str]]:
    codes: list[np.ndarray | None] = []
    notes: list[str] = []
    names = [name.strip() for name in names]
    if "" in names or len({*names}) < len(names):
        raise EccentricError(
            f"{source}: label {column!r} declares the classes {listing(names)}; give each class a name of its own"
        )
    for part, found in zip(division.parts, values, strict=True):
        array = np.array(found, dtype=np.int64)
        if (array == -1).all():
            notes.append(f"{_side(part, division)} has no labels: {column!r} is -1 throughout")
            codes.append(None)
            continue
        wrong = np.flatnonzero((array < 0) | (array >= len(names)))
        if wrong.size:
            raise EccentricError(
                f"{source}: label {column!r} is {array[wrong[0]]} in {part.where(int(wrong[0]))}, "
                f"but its {len(names)} classes are numbered from 0; correct it, or remove the row"
            )
        codes.append(array)
    return codes, names, notes


def _side(part: Part, division: Division) -> str:
    return "the training set" if part is division.parts[0] else "the test set"
