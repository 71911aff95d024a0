"""From results to files: the folder of an item, and the page that collects all items made."""

from __future__ import annotations

import csv
import shutil
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.errors import EccentricError, UsageError
from eccentric.files import atomic, read_json, write_json
from eccentric.paper.results import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eccentric.paper.items import Item
    from eccentric.paper.results import Result

RESULT, FIGURE, TABLE, NUMBERS, PAGE = "result.json", "figure.png", "table.md", "numbers.csv", "reproduction.md"
KEYS = {"place", "title", "command", "figure", "table"} | {"numbers", "claims", "notes", "protocol", "comparable"}
KEYS |= {"conditions"}
VERDICTS = {True: "✓", False: "✗ **not borne out here:**", None: "≈ **not decided:**"}
MOST_NUMBERS = 14
"""Rows of numbers that stand openly on the page; more are folded away."""


def write_item(folder: Path, item: Item, result: Result, conditions: dict[str, Any]) -> Path:
    """Write an item's folder: picture or table, numbers.csv, further curves as CSV, and result.json with all of it.

    Returns:
        The folder, `folder/NAME`.

    Raises:
        EccentricError: something cannot be written.
    """
    from eccentric.plots import png

    where = folder / item.name
    try:
        where.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {where}: {error.strerror}; choose another --work") from None
    if result.figure is not None:
        with atomic(where / FIGURE) as temporary:
            temporary.write_bytes(png(result.figure))
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
        "table": None if result.table is None else TABLE,
        "numbers": numbers,
        "claims": [asdict(claim) for claim in result.claims],
        "notes": list(result.notes),
        "protocol": dict(result.protocol),
        "comparable": result.comparable and all(d["whole"] for d in conditions.get("data", {}).values()),
        "conditions": conditions,
    }
    write_json(where / RESULT, record(content))  # last, as it says that the rest is there
    return where


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([f"{cell:.10g}" if isinstance(cell, float) else cell for cell in row] for row in rows)


def write_page(folder: Path, names: Iterable[str], page: Path | None = None, images: Path | None = None) -> Path:
    """Write the page of all items that lie in a workshop's folder.

    Args:
        folder: of the workshop.
        names: of the items, in the order of the page; those not made yet are named at its end.
        page: the file to write; `reproduction.md` in the folder by default.
        images: a folder that pictures are copied to, for a page that is to live elsewhere; by default the page shows
            those in the workshop.

    Returns:
        The page's path.

    Raises:
        UsageError: nothing was made yet.
        EccentricError: a result cannot be read, or the page not written.
    """
    page = page or folder / PAGE
    made, missing = {}, []
    for name in names:
        result = read_json(folder / name / RESULT) if (folder / name / RESULT).is_file() else {}
        if result.keys() >= KEYS:
            made[name] = result
        else:  # or written by another version
            missing.append(name)
    if not made:
        raise UsageError(f"nothing was reproduced in {folder} yet, so there is no page to write")
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        if images is not None:
            images.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EccentricError(f"cannot write {page}: {error.strerror}; choose another place") from None
    parts = [_head(made, missing)]
    for name, result in made.items():
        picture = None
        if result["figure"]:
            picture = folder / name / FIGURE
            if images is not None:
                with atomic(images / f"{name}.png") as temporary:
                    shutil.copyfile(picture, temporary)
                picture = images / f"{name}.png"
        table = (folder / name / TABLE).read_text(encoding="utf-8") if result["table"] else ""
        shown = None if picture is None else Path(_relative(picture, page.parent)).as_posix()
        parts.append(section(result, shown, table))
    with atomic(page) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")
    return page


def _relative(path: Path, start: Path) -> str:
    import os

    return os.path.relpath(path.resolve(), start.resolve())


def _head(made: Mapping[str, Any], missing: Sequence[str]) -> str:
    claims = [(result, claim) for result in made.values() for claim in result["claims"]]
    failed = [(result, claim) for result, claim in claims if claim["holds"] is False]
    open_ = sum(claim["holds"] is None for _, claim in claims)
    verdict = f"Of {len(claims)} claims tested, {_are(len(claims) - len(failed) - open_)} borne out here"
    verdict += f", {_are(open_)} not decided (a difference within the spread of runs, or too few runs)" if open_ else ""
    verdict += f", and {_are(len(failed))} not:" if failed else "."
    lines = [
        "# The paper, reproduced",
        "",
        "The figures and tables of Li and Blair, *Eccentric Regularization: Minimizing Hyperspherical Energy without "
        "explicit projection* (2021), each made again by `eccentric reproduce`, with our numbers beside the published "
        "ones, the paper's claims put to the test, and the conditions of it all. Where data or epochs are not the "
        "paper's, that may be why a claim is not borne out.",
        "",
        verdict,
        "",
    ]
    lines += [
        f"- {_link(result)} ({_scale(result)}): {claim['text']}. Here: {claim['evidence']}." for result, claim in failed
    ]
    lines += [""] if failed else []
    lines += ["| | | made from | claims borne out |", "| --- | --- | --- | --- |"]
    for result in made.values():
        holding = sum(claim["holds"] is True for claim in result["claims"])
        held = f"{holding} of {len(result['claims'])}" if result["claims"] else ""
        lines.append(f"| {_link(result)} | {result['title']} | {_scale(result)} | {held} |")
    if missing:
        lines += ["", f"Not made yet: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _scale(result: Mapping[str, Any]) -> str:
    """On what and for how long it was trained, in a few words."""
    c = result["conditions"]
    if not c.get("data"):
        return "formulas"
    return f"{', '.join(data['name'] for data in c['data'].values())}, {_epochs(c['epochs'])}"


def _are(count: int) -> str:
    return f"{count} {'is' if count == 1 else 'are'}"


def _link(result: Mapping[str, Any]) -> str:
    return f"[{result['place']}](#{result['name']})"


def section(result: Mapping[str, Any], picture: str | None, table: str) -> str:
    """One item on the page, from its result.json.

    Args:
        result: as `write_item` wrote it.
        picture: its path as seen from the page, None where there is none.
        table: the item's table as Markdown, empty where there is none.
    """
    lines = [f'## <a id="{result["name"]}"></a>{result["place"]}: {result["title"]}', ""]
    if picture:
        lines += [f"![{result['alt']}]({picture})", ""]
    if table:
        lines += [table]
    lines += _numbers(result["numbers"], result["comparable"], folded=bool(table))
    if result["claims"]:
        lines += ["What the paper says, and what we find:", ""]
        lines += [f"- {VERDICTS[claim['holds']]} {claim['text']}: {claim['evidence']}." for claim in result["claims"]]
        lines.append("")
    for note in result["notes"]:
        lines += [note, ""]
    lines += _shortfall(result["conditions"])
    lines += [f"*{_conditions(result)}*", ""]
    return "\n".join(lines)


def _shortfall(conditions: Mapping[str, Any]) -> list[str]:
    """How much less was trained than in the paper: what most differences come from, where it is much."""
    share = conditions.get("share_of_papers", 1.0)
    if share > 0.5 or any(data["stands_in"] for data in conditions["data"].values()):
        return []
    return [
        f"Our runs saw 1/{1 / share:,.0f} of the items that the paper's saw in training, all epochs together: where "
        "our numbers fall short of the published ones, this is the first thing to suspect.",
        "",
    ]


def _numbers(numbers: Sequence[Mapping[str, Any]], comparable: bool, folded: bool) -> list[str]:
    if not numbers:
        return []
    published = any(number["published"] is not None for number in numbers)
    header = ["", "ours", *(["published"] if published else []), *(["deviation"] if published and comparable else [])]
    rows = [[number["what"], *number["as_printed"][: len(header) - 1]] for number in numbers]
    table = [f"| {' | '.join(row)} |" for row in (header, ["---", *["--:"] * (len(header) - 1)], *rows)]
    if not folded and len(numbers) <= MOST_NUMBERS:
        return [*table, ""]
    return ["<details><summary>All numbers</summary>", "", *table, "", "</details>", ""]


def _conditions(result: Mapping[str, Any]) -> str:
    """One paragraph in small type."""
    c = result["conditions"]
    parts = [f"made by `{result['command']}`"]
    for data in c.get("data", {}).values():
        remark = f" ({data['remark']})" if data["remark"] else ""
        parts.append(
            f"data: {data['name']}, {data['train']:,} training and {data['test']:,} test items, {data['split']}{remark}"
        )
    if "epochs" in c:
        parts.append(
            f"{c['trainings']} training{'s' * (c['trainings'] != 1)} of {_epochs(c['epochs'])} by the recipe "
            f"{c['recipe']} (batches of {_some(c['batch_size'])}, learning rate {_some(c['learning_rate'])}, "
            f"{_some(c['schedule'])}, precision {_some(c['precision'])}), architecture "
            f"{_some(c['architecture'])}, seeds {_some(c['seeds'])}, {_time(c['training_seconds'])} of training steps"
        )
    parts += [f"{what}: {how}" for what, how in result["protocol"].items()]
    device = c["device"] if isinstance(c["device"], str) else _some(c["device"])
    parts.append(
        f"device: {device}; made in {_time(c['seconds'])}; " + ", ".join(f"{k} {v}" for k, v in c["versions"].items())
    )
    return "Conditions: " + ". ".join(part[:1].upper() + part[1:] if k else part for k, part in enumerate(parts)) + "."


def _epochs(values: Sequence[int]) -> str:
    return f"{_some(values)} epoch{'s' * (list(values) != [1])}"


def _some(values: Sequence[Any]) -> str:
    return ", ".join(f"{value:g}" if isinstance(value, int | float) else str(value) for value in values)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else str(timedelta(seconds=round(seconds)))
