"""Writing of results: the folder of an item, and small results that are stored without the runs."""

from __future__ import annotations

import csv
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.errors import EccentricError
from eccentric.files import atomic, read_json, write_json
from eccentric.paper.records import finished_records, read_records
from eccentric.paper.results import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from eccentric.paper.items import Item
    from eccentric.paper.results import Result
    from eccentric.paper.trend import Trend
    from eccentric.plots.style import Format

RESULT, FIGURE, TABLE, NUMBERS, TREND = "result.json", "figure.png", "table.md", "numbers.csv", "trend.png"
RUNS = "runs.json"
KEYS = {"place", "title", "command", "figure", "table"} | {"numbers", "claims", "notes", "protocol", "comparable"}
KEYS |= {"conditions", "trend"}


def write_item(
    folder: Path,
    item: Item,
    result: Result,
    conditions: dict[str, Any],
    trend: Trend | None = None,
    format: Format = "png",
) -> Path:
    """Write the folder of an item: figure or table, numbers.csv, curves as CSV, and result.json with everything.

    Args:
        folder: of the store.
        item, result: item and its result.
        conditions: conditions of the result.
        trend: numbers over the course of training, drawn as trend.png.
        format: with "svg" or "pdf", the figures are written in this format as well as in PNG.

    Returns:
        The folder, `folder/NAME`.

    Raises:
        EccentricError: a file cannot be written.
    """
    from eccentric.plots import trends, write_figure

    where = folder / item.name
    try:
        where.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {where}: {error.strerror}; choose another --work") from None
    if result.figure is not None:
        write_figure(where / FIGURE, result.figure, format)
    comparable = result.comparable and all(d["whole"] for d in conditions.get("data", {}).values())
    if trend is not None:
        panels = {
            title: [(line.label, line.values, line.published, line.published_spread) for line in lines]
            for title, lines in trend.panels.items()
        }
        write_figure(where / TREND, trends(panels, trend.seen, trend.papers, result.comparable), format)
    if result.table is not None:
        with atomic(where / TABLE) as temporary:
            temporary.write_text(result.table.markdown(), encoding="utf-8")
    header = ["what", "ours", "spread", "published", "published_spread", "deviation", "unit"]
    rows = [[n.what, n.ours, n.spread, n.published, n.published_spread, n.deviation, n.unit] for n in result.numbers]
    _write_csv(where / NUMBERS, header, rows)
    for name, columns in result.series.items():
        _write_csv(
            where / f"{name}.csv", list(columns), zip(*(np.asarray(c).tolist() for c in columns.values()), strict=True)
        )
    texts = ("text", "published_text", "deviation_text")
    numbers = [
        {**asdict(n), "deviation": n.deviation, "as_printed": [getattr(n, text)() for text in texts]}
        for n in result.numbers
    ]
    content = {
        "name": item.name,
        "place": item.place,
        "title": item.title,
        "command": " ".join(["eccentric reproduce", item.name, *conditions.get("options", [])]),
        "figure": None if result.figure is None else FIGURE,
        "alt": result.alt,
        "table": None if result.table is None else result.table.markdown(),
        "trend": None if trend is None else {**asdict(trend), "stars": result.comparable and trend.has_published},
        "numbers": numbers,
        "claims": [asdict(claim) for claim in result.claims],
        "notes": list(result.notes),
        "protocol": dict(result.protocol),
        "comparable": comparable,
        "conditions": conditions,
    }
    write_json(where / RESULT, record(content))  # last, because it marks a complete folder
    return where


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([f"{cell:.10g}" if isinstance(cell, float) else cell for cell in row] for row in rows)


def read_result(path: Path) -> dict[str, Any] | None:
    """Read a result.json; None if it does not exist or was written by another version.

    Raises:
        EccentricError: the file is damaged.
    """
    if not path.is_file():
        return None
    result: dict[str, Any] = read_json(path)
    return result if result.keys() >= KEYS else None


class Kept:
    """Small results next to a page, without runs and weights: items, records of trainings, and figures.

    The page is written from these results, so that this is possible on a machine without the runs.

    Args:
        page: page, such as docs/reproduction.md; results are in docs/reproduction/, figures in
            docs/images/reproduction/.
    """

    def __init__(self, page: Path) -> None:
        self.results, self.pictures = page.parent / page.stem, page.parent / "images" / page.stem

    def keep(self, folder: Path, names: Iterable[str]) -> None:
        """Copy the results of the items in the folder of a store; other results are kept.

        Raises:
            EccentricError: the results cannot be written.
        """
        for path in (self.results, self.pictures):
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise EccentricError(f"cannot write {path}: {error.strerror}; choose another place") from None
        for name in names:
            if (result := read_result(folder / name / RESULT)) is None:
                continue
            for file, has, to in ((FIGURE, "figure", self.picture(name)), (TREND, "trend", self.trend(name))):
                if result[has]:
                    with atomic(to) as temporary:
                        shutil.copyfile(folder / name / file, temporary)
                else:
                    to.unlink(missing_ok=True)
            write_json(self.results / f"{name}.json", result)
        records = {each["name"]: each for each in (*self.records(), *finished_records(folder))}
        if records:
            write_json(self.results / RUNS, [records[name] for name in sorted(records)])

    def records(self) -> list[dict[str, Any]]:
        """Records of finished trainings, on this or other machines, by name."""
        return read_records(self.results / RUNS)

    def read(self, name: str) -> dict[str, Any] | None:
        return read_result(self.results / f"{name}.json")

    def picture(self, name: str) -> Path:
        return self.pictures / f"{name}.png"

    def trend(self, name: str) -> Path:
        return self.pictures / f"{name}-trend.png"


class InFolder:
    """Results and figures in the store, for the page in the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> dict[str, Any] | None:
        return read_result(self.folder / name / RESULT)

    def picture(self, name: str) -> Path:
        return self.folder / name / FIGURE

    def trend(self, name: str) -> Path:
        return self.folder / name / TREND

    def records(self) -> list[dict[str, Any]]:
        return list(finished_records(self.folder))
