"""metrics.csv: one row of measurements per `log_every` steps and per epoch."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

import numpy as np

from eccentric.errors import EccentricError
from eccentric.files import atomic
from eccentric.runs.names import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

RENAMED = {"eccentric": "term/eccentric", "images_per_second": "items_per_second"}
"""Columns with another name in version 0.1.0."""

NEEDED = ("step", "epoch", "objective", "trace", "items_per_second")
"""Columns of every run, for all methods."""

Value = float | int | None


class MetricsFile:
    """metrics.csv during training. Every row is on disk when `write` returns.

    Args:
        folder: the run folder.
        columns: names of the columns, in order. The first one is "step".
        last_step: rows up to this step are kept, for a resumed run.
    """

    def __init__(self, folder: Path, columns: Sequence[str], last_step: int = 0) -> None:
        self._path = folder / METRICS
        kept: list[dict[str, str]] = []
        if last_step and self._path.exists():
            header, rows = _read(self._path)
            # The last row may be incomplete.
            whole = (dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header))
            kept = [row for row in whole if row.get("step", "").isdigit() and int(row["step"]) <= last_step]
            columns = [*columns, *(name for name in header if name not in columns)]
        self._columns = list(columns)
        with atomic(self._path) as temporary:
            rows = [[row.get(name, "") for name in self._columns] for row in kept]
            temporary.write_text(_lines([self._columns, *rows]), encoding="utf-8")

    def write(self, row: Mapping[str, Value]) -> None:
        """Append a row. Columns without a value or with None are left empty.

        Raises:
            EccentricError: the disk is full or read-only.
        """
        values = [row.get(name) for name in self._columns]
        line = [f"{value:.8g}" if isinstance(value, float) else value for value in values]
        try:
            with self._path.open("a", newline="", encoding="utf-8") as file:
                file.write(_lines([line]))
        except OSError as error:
            raise EccentricError(f"cannot write {self._path}: {error.strerror}") from None


def read_metrics(folder: Path) -> dict[str, np.ndarray]:
    """Columns of metrics.csv by name, (rows,) float64; NaN if a row has no value.

    Raises:
        EccentricError: the file is missing or damaged.
    """
    path = folder / METRICS
    try:
        header, rows = _read(path)
    except OSError as error:
        raise EccentricError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise EccentricError(f"{path} is not a text table ({error}); the file is damaged") from None
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise EccentricError(f"{path} has no column {', '.join(missing)}; the file is damaged")
    values = np.empty((len(rows), len(header)))
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise EccentricError(
                f"{path}, line {number + 2}: {len(row)} values for {len(header)} columns; the file is damaged"
            )
        for column, (name, text) in enumerate(zip(header, row, strict=True)):
            values[number, column] = _number(text, name, f"{path}, line {number + 2}")
    return dict(zip(header, values.T, strict=True))


def _number(text: str, name: str, where: str) -> float:
    """A value of a column; columns other than the step, the epoch and the speed may be empty."""
    try:
        value = float(text or "nan")
    except ValueError:
        value = math.inf
    if name in ("step", "epoch"):
        kind, valid = "a positive integer", math.isfinite(value) and value >= 1 and value == int(value)
    elif name == "items_per_second":
        kind, valid = "a positive number", 0 < value < math.inf
    else:
        kind, valid = "a finite number", not math.isinf(value)
    if not valid:
        raise EccentricError(f"{where}: {name} must be {kind}, not {text[:40]!r}; the file is damaged")
    return value


def last_epoch(folder: Path) -> int:
    """The epoch of the last complete row of metrics.csv, or 0 if there is none."""
    try:
        header, rows = _read(folder / METRICS)
    except OSError:
        return 0
    whole = [row for row in rows if len(row) == len(header)]
    return int(whole[-1][header.index("epoch")]) if whole else 0


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Column names, as in the current version, and rows."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    header = lines[0] if lines else []
    return [RENAMED.get(name, name) for name in header], lines[1:]


def _lines(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
