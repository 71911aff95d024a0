"""The page of all items."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eccentric.errors import EccentricError, UsageError
from eccentric.files import atomic
from eccentric.paper.records import trainings_section
from eccentric.paper.widths import widths_section
from eccentric.paper.writing import InFolder, Kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PAGE = "reproduction.md"
VERDICTS = {True: "✓", False: "✗ **not reproduced:**", None: "≈ **undecided:**"}
MOST_NUMBERS = 14
"""Maximum number of visible rows of numbers on the page; longer tables are collapsed."""


def write_page(folder: Path, names: Iterable[str], page: Path | None = None) -> Path:
    """Write the page of all finished items.

    Args:
        folder: of the store.
        names: names of the items in the order of the page; missing items are listed at its end.
        page: file to write; `reproduction.md` in the store by default. Another page is written from the small results
            stored next to it (see `Kept`), after those of the store have been added.

    Returns:
        Path of the page.

    Raises:
        UsageError: no item is finished.
        EccentricError: a result cannot be read, or the page cannot be written.
    """
    names = list(names)
    results: InFolder | Kept = InFolder(folder)
    if page is not None:
        results = Kept(page)
        results.keep(folder, names)
    page = page or folder / PAGE
    read = {name: results.read(name) for name in names}
    made = {name: result for name, result in read.items() if result is not None}
    if not made:
        raise UsageError(f"nothing was reproduced in {folder} yet, so there is no page to write")
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EccentricError(f"cannot write {page}: {error.strerror}; choose another place") from None
    parts = [_head(made, [name for name in names if name not in made])]
    for name, result in made.items():
        picture = _relative(results.picture(name), page.parent) if result["figure"] else None
        trend = _relative(results.trend(name), page.parent) if result["trend"] else None
        parts.append(section(result, picture, trend))
    if records := results.records():
        parts += [text for text in (widths_section(records), trainings_section(records)) if text]
    with atomic(page) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")
    return page


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()


def _head(made: Mapping[str, Any], missing: Sequence[str]) -> str:
    claims = [(result, claim) for result in made.values() for claim in result["claims"]]
    failed = [(result, claim) for result, claim in claims if claim["holds"] is False]
    open_ = sum(claim["holds"] is None for _, claim in claims)
    verdict = f"Of {len(claims)} claims tested, {_are(len(claims) - len(failed) - open_)} reproduced"
    verdict += f", {_are(open_)} undecided (a difference within the spread of runs, or too few runs)" if open_ else ""
    verdict += f", and {_are(len(failed))} not reproduced:" if failed else "."
    lines = [
        "# Reproduction of the paper",
        "",
        "The figures and tables of Li and Blair, *Eccentric Regularization: Minimizing Hyperspherical Energy without "
        "explicit projection* (2021). `eccentric reproduce` recomputes each of them, compares our numbers with the "
        "published ones, tests the paper's claims, and reports the conditions: data, network, and the number of items "
        "seen in training relative to the paper. The same command writes this page.",
        "",
        verdict,
        "",
    ]
    lines += [
        f"- {_link(result)} ({_scale(result)}): {claim['text']}. Our result: {claim['evidence']}."
        for result, claim in failed
    ]
    lines += [""] if failed else []
    lines += ["| | | data and training | share of the paper's training | claims reproduced |", f"|{' --- |' * 5}"]
    for result in made.values():
        holding = sum(claim["holds"] is True for claim in result["claims"])
        held = f"{holding} of {len(result['claims'])}" if result["claims"] else ""
        lines.append(f"| {_link(result)} | {result['title']} | {_scale(result)} | {_share(result)} | {held} |")
    if missing:
        lines += ["", f"Not computed yet: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _scale(result: Mapping[str, Any]) -> str:
    """Data and length of the training, in a few words."""
    c = result["conditions"]
    if not c.get("data"):
        return "formulas"
    width = "" if c["width"] == [1] else f", width {_some(c['width'])}"
    return f"{', '.join(data['name'] for data in c['data'].values())}, {_epochs(c['epochs'])}{width}"


def _share(result: Mapping[str, Any]) -> str:
    """Number of items seen in training relative to the runs of the paper."""
    share = result["conditions"].get("share_of_papers")
    return "" if share is None else f"1/{1 / share:,.0f}" if share < 0.5 else f"{100 * share:.0f} %"


def _are(count: int) -> str:
    return f"{count} {'is' if count == 1 else 'are'}"


def _link(result: Mapping[str, Any]) -> str:
    return f"[{result['place']}](#{result['name']})"


def section(result: Mapping[str, Any], picture: str | None, trend: str | None) -> str:
    """One item on the page, from its result.json.

    Args:
        result: result in the form of `write_item`.
        picture: path of the picture relative to the page; None if there is none.
        trend: path of the picture of the numbers over training, likewise.
    """
    lines = [f'## <a id="{result["name"]}"></a>{result["place"]}: {result["title"]}', ""]
    if picture:
        lines += [f"![{result['alt']}]({picture})", ""]
    if result["table"]:
        lines += [result["table"]]
    lines += _numbers(result["numbers"], result["comparable"], folded=bool(result["table"]))
    if result["claims"]:
        lines += ["Claims of the paper, and our results:", ""]
        lines += [f"- {VERDICTS[claim['holds']]} {claim['text']}: {claim['evidence']}." for claim in result["claims"]]
        lines.append("")
    for note in result["notes"]:
        lines += [note, ""]
    lines += _shortfall(result["conditions"])
    if trend:
        lines += [f"![Numbers of {result['place']} over training]({trend})", "", *_trend(result), ""]
    lines += [f"*{_conditions(result)}*", ""]
    return "\n".join(lines)


def _trend(result: Mapping[str, Any]) -> list[str]:
    """Caption of the picture of the numbers over training."""
    trend, schedule = result["trend"], result["conditions"]["schedule"]
    *before, last = trend["epochs"]
    seeds = "one seed" if trend["runs"] == 1 else f"the first {trend['runs']} seeds"
    rate = ", while the learning rate is still high" if schedule == ["one-cycle"] else ""
    return [
        f"*Numbers after {_some(before)} and {last} epochs. The last point is the result above; the points before it "
        f"are from the same runs ({seeds} of each setting) earlier in training{rate}. The dashed line marks the end of "
        "the paper's training"
        + (", and stars mark the published values; dotted lines connect them with ours.*" if trend["stars"] else ".*"),
        "",
        *_trend_table(trend),
    ]


def _trend_table(trend: Mapping[str, Any]) -> list[str]:
    """The numbers of the picture."""
    epochs = trend["epochs"]
    lines = [
        "<details><summary>Numbers over training</summary>",
        "",
        "|  | " + " | ".join(f"{epoch} epoch{'s' * (epoch > 1)}" for epoch in epochs) + " | published |",
        "| --- |" + " --: |" * (len(epochs) + 1),
    ]
    for title, panel in trend["panels"].items():
        for line in panel:
            values = [*line["values"], line["published"]]
            cells = ["" if value is None or value != value else f"{value:.3g}" for value in values]
            lines.append(f"| {title}: {line['label']} | {' | '.join(cells)} |")
    return [*lines, "", "</details>"]


def _shortfall(conditions: Mapping[str, Any]) -> list[str]:
    """Amount of training relative to the paper, if it is much smaller; it explains most differences."""
    share = conditions.get("share_of_papers", 1.0)
    if share > 0.5 or any(data["stands_in"] for data in conditions["data"].values()):
        return []
    return [
        f"Over all epochs, our runs saw 1/{1 / share:,.0f} of the number of items that the paper's runs saw.",
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
    """The conditions as one paragraph."""
    c = result["conditions"]
    parts = [f"computed by `{result['command']}`"]
    for data in c.get("data", {}).values():
        remark = f" ({data['remark']})" if data["remark"] else ""
        parts.append(
            f"data: {data['name']}, {data['train']:,} training and {data['test']:,} test items, {data['split']}{remark}"
        )
    if "epochs" in c:
        narrow = c["width"] != [1]
        width = f" with {_some(c['width'])} of the channels of each hidden layer" if narrow else ""
        parts.append(
            f"{c['trainings']} training{'s' * (c['trainings'] != 1)} of {_epochs(c['epochs'])} by the recipe "
            f"{c['recipe']} (batches of {_some(c['batch_size'])}, learning rate {_some(c['learning_rate'])}, "
            f"{_some(c['schedule'])}, precision {_some(c['precision'])}), architecture "
            f"{_some(c['architecture'])}{width}, seeds {_some(c['seeds'])}, "
            f"{_time(c['training_seconds'])} of training steps"
        )
    parts += [f"{what}: {how}" for what, how in result["protocol"].items()]
    device = c["device"] if isinstance(c["device"], str) else _some(c["device"])
    versions = ", ".join(f"{k} {v}" for k, v in c["versions"].items())
    parts.append(f"device: {device}; computed in {_time(c['seconds'])}; {versions}")
    return "Conditions: " + ". ".join(_capitalised(part) if k else part for k, part in enumerate(parts)) + "."


def _capitalised(part: str) -> str:
    """The part with a capital, unless it starts with a symbol such as "d: 64"."""
    what, _, _ = part.partition(":")
    return part if len(what) == 1 else part[:1].upper() + part[1:]


def _epochs(values: Sequence[int]) -> str:
    return f"{_some(values)} epoch{'s' * (list(values) != [1])}"


def _some(values: Sequence[Any]) -> str:
    return ", ".join(f"{value:g}" if isinstance(value, int | float) else str(value) for value in values)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else str(timedelta(seconds=round(seconds)))
