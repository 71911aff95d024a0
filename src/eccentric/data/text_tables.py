"""Readers for text tables (.csv, .tsv), which are checked first and then parsed by Arrow.

Text tables do not describe their format. A file that can be read in two ways raises an error: a stray quotation mark, a
first line of numbers, another encoding, or an ambiguous delimiter.
"""

from __future__ import annotations

import csv
import io
import re
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import numpy as np

from eccentric.data.label_text import as_labels
from eccentric.data.labels import USUAL
from eccentric.data.splits import listing
from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa
    from pyarrow.csv import CSVStreamingReader

__all__ = ["read_labels", "read_text_table"]

DELIMITERS = ",;\t|"
LOOKED_AT = 50  # number of records from which the delimiter is determined
LARGE = 1 << 25  # bytes
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def read_text_table(path: Path, label: str | None = None) -> tuple[pa.Table, list[str]]:
    """Read a table. The first line names the columns, and text is stripped of blanks. Returns the table and notes.

    The column `label`, or each column with a usual name of labels, stays text if conversion to numbers would alter
    values.

    Raises:
        EccentricError: the file is not UTF-8, is empty, has no header line, or can be read in more than one way.
    """
    import pyarrow as pa

    quoted = _check_text(path)
    delimiter = _delimiter(path)
    several_lines = quoted and _check_quotes(path, delimiter)  # Arrow reads faster where no value has several
    table = _parse(path, delimiter, several_lines, label)
    names = [name.strip() for name in table.column_names]
    for i in _labels(names, label):
        if not pa.types.is_string(table.schema.field(i).type):
            text = _text(path, delimiter, several_lines, i)
            table = table.set_column(i, table.column_names[i], as_labels(table[i], text))
    table = _stripped(path, table.rename_columns(names), quoted)
    return table, _check_header(path, table)


def read_labels(path: Path, label: str | None = None) -> dict[str, pa.ChunkedArray]:
    """The columns that `read_text_table` takes for labels, as they are written, without the blanks around them."""
    import pyarrow.compute as pc

    delimiter = _delimiter(path)
    several_lines = _check_text(path) and _check_quotes(path, delimiter)
    names = [name.strip() for name in _column_names(path, delimiter, several_lines)]
    return {names[i]: pc.utf8_trim_whitespace(_text(path, delimiter, several_lines, i)) for i in _labels(names, label)}


def _labels(names: Sequence[str], label: str | None) -> list[int]:
    return [i for i, name in enumerate(names) if (name == label if label else name.lower() in USUAL)]


def _parse(path: Path, delimiter: str, several_lines: bool, label: str | None) -> pa.Table:
    """Parse the table with Arrow, which determines the type of each column.

    To determine types from the whole text, the parser keeps the text in memory in addition to the values. A large file
    is therefore read with the types of its first part, and read again if they do not hold.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    options = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=several_lines)
    block = _block_size(path)
    if path.stat().st_size < LARGE:
        return arrow_csv.read_csv(path, arrow_csv.ReadOptions(use_threads=False, block_size=block), options)
    reading = arrow_csv.ReadOptions(block_size=block)
    try:
        with arrow_csv.open_csv(path, reading, options) as batches:
            found = _narrowed(batches, label)
    except pa.ArrowInvalid:
        found = None
    return arrow_csv.read_csv(path, reading, options) if found is None else found


def _narrowed(batches: CSVStreamingReader, label: str | None) -> pa.Table | None:
    """The table with float32 in place of float64, or None if this would change what is read.

    Training needs float32, and whole columns of float64 would double the peak of memory. Labels are not narrowed.

    Raises:
        pyarrow.ArrowInvalid: a value does not have the type of its column in the first part of the file.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [name.strip() for name in batches.schema.names]
    kept = {*_labels(names, label), *_labels(names, None)}
    fine = [i for i, field in enumerate(batches.schema) if pa.types.is_float64(field.type) and i not in kept]
    low, high = np.full(len(fine), np.inf), np.full(len(fine), -np.inf)
    schema = batches.schema
    for i in fine:
        schema = schema.set(i, schema.field(i).with_type(pa.float32()))
    parts = []
    for batch in batches:
        columns = batch.columns
        for j, i in enumerate(fine):
            limits = pc.min_max(columns[i])
            if limits["min"].is_valid:
                low[j], high[j] = min(low[j], limits["min"].as_py()), max(high[j], limits["max"].as_py())
            columns[i] = columns[i].cast(pa.float32(), safe=False)
        parts.append(pa.record_batch(columns, schema=schema))
    with np.errstate(over="ignore"):
        small, large = low.astype(np.float32), high.astype(np.float32)
    if (np.isinf(small) | np.isinf(large))[low <= high].any() or ((small == large) & (low < high)).any():
        return None
    return pa.Table.from_batches(parts, schema)


def _block_size(path: Path) -> int:
    """Bytes that the parser takes at once: several lines at least, and for long lines as many as are worth a block."""
    with path.open("rb") as file:
        line = len(file.readline(LARGE))
    return max(1 << 20, 4 * line, min(256 * line, LARGE))


def _text(path: Path, delimiter: str, several_lines: bool, index: int) -> pa.ChunkedArray:
    """One column as written in the file."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    options = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=several_lines)
    reading = arrow_csv.ReadOptions(block_size=_block_size(path))
    names = _column_names(path, delimiter, several_lines)
    if names.count(names[index]) > 1:  # raises an error later, with the name
        return arrow_csv.read_csv(path, reading, options)[index]
    conversion = arrow_csv.ConvertOptions(include_columns=[names[index]], column_types={names[index]: pa.string()})
    return arrow_csv.read_csv(path, reading, options, conversion)[0]


def _column_names(path: Path, delimiter: str, several_lines: bool) -> list[str]:
    from pyarrow import csv as arrow_csv

    reading = arrow_csv.ReadOptions(block_size=_block_size(path))
    options = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=several_lines)
    with arrow_csv.open_csv(path, reading, options) as start:
        return list(start.schema.names)


def _check_text(path: Path) -> bool:
    """Whether the file contains quotation marks. Raises an error if it is not valid text."""
    quoted = False
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            first = file.read(1 << 20)
            if "\0" in first:
                raise EccentricError(f"{path} is not text in UTF-8; save it in that encoding")
            line = re.split(r"\r\n|\r|\n", first, maxsplit=1)[0]
            if not line.strip():
                raise EccentricError(f"{path} or its first line is empty; the first line must name the columns")
            if line.lstrip().startswith("#"):
                raise EccentricError(
                    f"{path}: the first line begins with '#', but must name the columns; remove comments and this sign"
                )
            while first:
                quoted = quoted or '"' in first
                first = file.read(1 << 22)
        except UnicodeDecodeError:
            raise EccentricError(f"{path} is not text in UTF-8{_where(path)}; save it in that encoding") from None
    return quoted


def _where(path: Path) -> str:
    """Number and text of the first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return f" (line {number}: {line[max(0, error.start - 20) : error.end + 10]!r})"
    return ""


def _delimiter(path: Path) -> str:
    """The delimiter: the character that splits every line into the same number of columns."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = "".join(islice(file, LOOKED_AT))
    widths: dict[str, set[int]] = {}
    for sign in DELIMITERS:
        try:
            widths[sign] = {
                len(record) for record in csv.reader(io.StringIO(head, newline=""), delimiter=sign) if record
            }
        except csv.Error:
            continue
    fits = [sign for sign, found in widths.items() if len(found) == 1 and found != {1}]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise EccentricError(
            f"{path}: the delimiter could be {' or '.join(map(repr, fits))}; write the file with one of them, and "
            "quote values that contain the other"
        )
    first = head.splitlines()[0]
    inside = [sign for sign in DELIMITERS if sign in first]
    return max(inside, key=first.count) if inside else ","  # the parser then reports the line that differs


def _check_quotes(path: Path, delimiter: str) -> bool:
    """Whether quoted values hold line breaks; raises where quotation marks do not enclose one whole value.

    Such marks make one row of several. A value over several lines is accepted only if it holds fewer delimiters than
    the rows that a stray mark would have swallowed. Outside of such values, lines without a mark are not parsed.
    """
    several = False
    number = 0
    start = 0  # of the record that is being read; 0 between two records

    def lines() -> Iterator[str]:
        nonlocal number, start
        for line in file:
            number += 1
            if start or number == 1 or '"' in line:
                start = start or number
                yield line

    width = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            for record in csv.reader(lines(), delimiter=delimiter, strict=True):
                width = width or len(record)
                first, start = start, 0
                if first == number:
                    continue
                several = True
                inside = [value for value in record if "\n" in value or "\r" in value]
                if any(value.count(delimiter) >= len(value.splitlines()[1:]) * (width - 1) for value in inside):
                    raise EccentricError(
                        f"{path}: a quotation mark in line {first} makes one value of lines {first} to {number}; "
                        "remove the mark, or the line breaks within the value"
                    )
        except csv.Error as error:
            if "field larger" in str(error):
                raise EccentricError(
                    f"{path}: the value from line {start} on has more than {csv.field_size_limit():,} characters; "
                    "shorten it, or remove the quotation mark if it is a stray one"
                ) from None
            raise EccentricError(
                f"{path}: a quotation mark from line {start} on does not enclose one whole value ({error}); remove it, "
                "or double it within a quoted value"
            ) from None
    return several


def _stripped(path: Path, table: pa.Table, quoted: bool) -> pa.Table:
    """Strip the blanks around text, which are often written after a comma."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column, values in zip(table.schema, table.columns, strict=True):
        if pa.types.is_binary(column.type):
            raise EccentricError(f"{path}: column {column.name!r} is not text in UTF-8; save it in that encoding")
        if pa.types.is_string(column.type):
            if quoted and (row := pc.index(pc.match_substring_regex(values, r'^\s+"'), True).as_py()) >= 0:
                raise EccentricError(
                    f"{path}: column {column.name!r} has blanks before a quotation mark in row {row}; remove them"
                )
            values = pc.utf8_trim_whitespace(values)
        columns.append(values)
    return pa.table(columns, names=table.column_names)


def _check_header(path: Path, table: pa.Table) -> list[str]:
    """Raise an error if the first line may be the first row; return a note if numbers are used as names."""
    names = table.column_names
    numbers = [name for name in names if NUMBER.fullmatch(name)]
    if not numbers:
        return []
    whole = [int(name) for name in numbers if name.isdecimal()]
    steps = {b - a for a, b in pairwise(whole)}
    counted = whole == list(range(len(whole)))  # pandas' default column names
    evenly = len(whole) > 2 and len(steps) == 1 and min(steps) > 0 and len(numbers) < len(names)
    if len(whole) < len(numbers) or not (counted or evenly):
        raise EccentricError(
            f"{path}: the first line contains numbers, but it must name the columns; add a line with names"
        )
    words = [i for i, name in enumerate(names) if name and not NUMBER.fullmatch(name)]
    if recurring := [names[i] for i in words if _recurs(table[i], names[i])]:
        raise EccentricError(
            f"{path}: the first line looks like a row, because {listing(recurring)} also occurs among the values; "
            "add a line that names the columns"
        )
    if counted and (words or not names[0]):
        return []
    return ["the numbers in the first line are used as names of the columns"]


def _recurs(column: pa.ChunkedArray, name: str) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pa.types.is_string(column.type) and bool(pc.any(pc.equal(column, name)).as_py())
