"""Types of the entries of the JSON files of a run, and the check of a file against them.

Other entries are allowed, so that folders of newer versions can be opened.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict, get_args, get_origin, get_type_hints

from eccentric.errors import EccentricError

# No `from __future__ import annotations` here: the check reads these types, and text hides NotRequired from it.


@dataclass(frozen=True)
class Range:
    """Smallest and largest allowed number."""

    least: int
    most: int | None = None

    def __contains__(self, value: float) -> bool:
        return self.least <= value and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        return f"of at least {self.least}" if self.most is None else f"from {self.least} to {self.most}"


Count = Annotated[int, Range(0)]
Size = Annotated[int, Range(1)]
Length = Annotated[int, Range(1, 2**31 - 1)]
"""Length of one side of a tensor."""
Error = Annotated[float, Range(0)]
Fraction = Annotated[float, Range(0, 1)]


class Item(TypedDict):
    kind: Literal["image", "table", "sequence"]
    shape: list[Length]
    dtype: str


class Items(TypedDict):
    train: Count
    test: Count


class Digests(TypedDict):
    """SHA-256 of each part of the data, see `eccentric.runs.digests`."""

    train: str
    test: str
    train_labels: NotRequired[str]
    test_labels: NotRequired[str]


class Lengths(TypedDict):
    """Numbers of steps of the training sequences."""

    shortest: Size
    median: Size
    longest: Size


class DataPart(TypedDict, total=False):
    name: Required[str]
    split: str
    notes: list[str]
    fingerprint: str
    digests: Digests
    held_out: bool
    lengths: Lengths
    source: str
    label: str | None
    drop: list[str]
    image_size: int | list[int] | None
    item_kind: Literal["auto", "image", "table", "sequence"]
    test_fraction: float
    seed: int


class MethodPart(TypedDict):
    name: str
    settings: dict[str, Any]


class Train(TypedDict, total=False):
    dim: Required[Length]
    epochs: Required[Size]
    batch_size: Required[Size]
    architecture: Required[str]
    width: float
    start: str
    learning_rate: float
    schedule: str
    weight_decay: float
    seed: int
    device: str
    precision: str
    compile: str
    log_every: int
    checkpoint_seconds: float


class Engine(TypedDict, total=False):
    precision: str | None
    compile: bool
    graph: bool
    ranks: int


class Units(TypedDict):
    shift: float
    scale: float


class Estimator(TypedDict):
    parameters: dict[str, Any]
    item_shape: list[Size]
    feature_names: list[str] | None
    n_iter: Count
    units: NotRequired[Units]
    n_samples_seen: NotRequired[Count]
    component_stability_: NotRequired[list[float]]
    component_stability_std_: NotRequired[list[float]]
    run_variances_: NotRequired[list[list[float]]]


class Config(TypedDict):
    """config.json."""

    schema: int
    status: str
    data: DataPart
    method: MethodPart
    train: Train
    item: Item
    items: Items
    feature_names: list[str]
    label_names: NotRequired[list[str]]
    device: NotRequired[str | None]
    engine: NotRequired[Engine | None]
    versions: NotRequired[dict[str, str]]
    notes: NotRequired[list[str]]
    estimator: NotRequired[Estimator]


class Evaluation(TypedDict):
    """evaluation.json. Neighbours are measured where the labels make classes."""

    test_reconstruction: Error
    pca_test_reconstruction: Error
    neighbours: NotRequired[Size]
    neighbour_error: NotRequired[Fraction]
    pca_neighbour_error: NotRequired[Fraction]


def check(content: Any, expected: Any, file: Path) -> None:
    """Compare the content of a JSON file with a type, such as `Config`.

    Raises:
        EccentricError: an entry is missing or has the wrong type. The message names the file and the entry.
    """
    problem = _problem(content, expected, "")
    if problem:
        raise EccentricError(f"{file}{problem}; the file is damaged")


def _problem(value: Any, expected: Any, name: str) -> str | None:
    """The problem of a value, as the end of a sentence that begins with the file; None if it is valid."""
    origin, parts = get_origin(expected), get_args(expected)
    if origin in (Required, NotRequired):
        return _problem(value, parts[0], name)
    if origin is UnionType:
        if any(_problem(value, part, name) is None for part in parts):
            return None
        inner = [part for part in parts if part is not NoneType]
        # For a list with an invalid entry, report the entry.
        return _problem(value, inner[0], name) if len(inner) == 1 else _wrong(value, expected, name)
    if origin is Annotated:
        return _problem(value, parts[0], name) or (None if value in parts[1] else _wrong(value, expected, name))
    if origin is Literal:
        return None if isinstance(value, str) and value in parts else _wrong(value, expected, name)
    if origin is list:
        if not isinstance(value, list):
            return _wrong(value, expected, name)
        return _first(_problem(part, parts[0], f"{name}[{i}]") for i, part in enumerate(value))
    if origin is dict or isinstance(expected, type(Config)):
        if not isinstance(value, dict):
            return _wrong(value, dict, name)
        prefix = f"{name}." if name else ""
        if origin is dict:
            return _first(_problem(part, parts[1], f"{prefix}{key}") for key, part in value.items())
        types = get_type_hints(expected, include_extras=True)
        wrong = _first(_problem(value[key], part, prefix + key) for key, part in types.items() if key in value)
        missing = [prefix + key for key in types if key in expected.__required_keys__ and key not in value]
        return wrong or (f" lacks {', '.join(missing)}" if missing else None)
    if expected is Any:
        return None
    right = {
        float: isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value),
        int: isinstance(value, int) and not isinstance(value, bool),
    }.get(expected, isinstance(value, expected))
    return None if right else _wrong(value, expected, name)


def _first(problems: Any) -> str | None:
    return next((problem for problem in problems if problem is not None), None)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that is too large for a float
        return False


WORDS = {
    str: "a string",
    int: "an integer",
    float: "a finite number",
    bool: "true or false",
    dict: "an object",
    NoneType: "null",
}


def _wrong(value: Any, expected: Any, name: str) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    shown = shown if len(shown) <= 40 else shown[:36] + " ..."
    return f": {name or 'the content'} must be {_words(expected)}, not {shown}"


def _words(expected: Any) -> str:
    origin, parts = get_origin(expected), get_args(expected)
    if origin is Annotated:
        return f"{'an integer' if parts[0] is int else 'a number'} {parts[1]}"
    if origin is Literal:
        return f"one of {', '.join(parts)}"
    if origin is list:
        return "a list"
    if origin is UnionType:
        return " or ".join(_words(part) for part in parts)
    return WORDS.get(origin or expected, "an object")
