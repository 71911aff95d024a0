"""What the command line shows of a reproduction: the list of items, progress, and each item's result."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from eccentric.errors import EccentricError
from eccentric.paper.registry import ITEMS
from eccentric.paper.results import Claim
from eccentric.paper.writing import RESULT, read_result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from eccentric.paper.items import Item
    from eccentric.paper.queue import Job, Left
    from eccentric.paper.results import Result
    from eccentric.paper.workshop import Progress as Standing
    from eccentric.paper.workshop import RunStore

MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]≈[/]"}


def items_table(workshop: RunStore) -> Table:
    """Every item: what it needs at the paper's scale, and how much of that at the workshop's scale is done."""
    table = Table("item", "what", "needs", "trained here", padding=(0, 1), box=SIMPLE_HEAD)
    for item in ITEMS.values():
        try:
            specs = dict.fromkeys(item.specs(workshop))
            left = len(workshop.missing(list(specs)))
            ready = f"{len(specs) - left} of {len(specs)}" if specs else "nothing needed"
        except EccentricError:
            ready = "data not found"
        made = ", made" if (workshop.folder / item.name / RESULT).is_file() else ""
        table.add_row(item.name, escape(item.title), escape(item.needs), ready + made)
    return table


class ReproductionProgress:
    """A bar over all trainings that are missing, on a terminal; elsewhere a line at the beginning of each."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = -1
        self._bar = Progress(
            TextColumn("{task.fields[what]}"),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, what="", detail="")

    def __enter__(self) -> ReproductionProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def item(self, item: Item) -> None:
        """An item is begun."""
        self._bar.update(self._task, what=item.name, detail="")

    def show(self, standing: Standing) -> None:
        """A training is begun or goes on."""
        spec, metrics = standing.spec, standing.metrics
        what = f"{spec.role} d={spec.dim} λ={spec.weight:g} μ={spec.mu:g} seed={spec.seed}"
        detail = f"training {standing.done + 1} of {standing.total}: {what}"
        if metrics is not None:
            detail += f", epoch {metrics.epoch}/{standing.epochs}, {metrics.items_per_second:,.0f} items/s"
        done = standing.done + standing.fraction
        self._bar.update(self._task, completed=done, total=standing.total, detail=detail)
        if not self._console.is_terminal and self._begun < standing.done:
            self._begun = standing.done
            self._console.print(
                f"{detail}, {standing.epochs} epoch{'s' * (standing.epochs != 1)}", soft_wrap=True, highlight=False
            )

    def made(self, item: Item, result: Result, path: Path) -> None:
        """An item is done: its claims in a line each, and where it was written."""
        print_result(self._console, item, result, path)


class QueueProgress:
    """A line for each job that begins or ends; an item that was made shows its claims."""

    def __init__(self, console: Console, folder: Path) -> None:
        self._console, self._folder = console, folder

    def show(self, job: Job, status: str) -> None:
        """A job begins ("begun") or ends ("done", "stopped", "failed")."""
        path = self._folder / job.name
        made = read_result(path / RESULT) if job.spec is None and status == "done" else None
        if made is None:
            verb = {"begun": "training" if job.spec else "making"}.get(status, status)
            self._console.print(f"{verb} {job.name}", highlight=False, markup=False, soft_wrap=True)
            return
        claims = [Claim(**claim) for claim in made["claims"]]
        print_claims(self._console, ITEMS[job.name], claims, path)


def left_text(left: Left) -> str:
    """What the queue leaves undone, in a line for the whole and one for each failure."""
    lines = []
    if left.items:
        time = "" if not left.seconds else f" (about {timedelta(seconds=round(left.seconds))} at the pace so far)"
        trainings = f"{left.trainings} training{'s' * (left.trainings != 1)}"
        lines.append(f"Left: {trainings}, {left.epochs} epochs{time}, for {', '.join(left.items)}; rerun to resume.")
    elif not left.failed:
        lines.append("Nothing is left to do.")
    lines += [f"{name} failed: {reason}" for name, reason in left.failed.items()]
    return "\n".join(lines)


def print_result(console: Console, item: Item, result: Result, path: Path) -> None:
    """Claims in a line each, then where the item was written."""
    print_claims(console, item, result.claims, path)


def print_claims(console: Console, item: Item, claims: Sequence[Claim], path: Path) -> None:
    console.print(f"{item.place}: {item.title}", highlight=False, markup=False, soft_wrap=True)
    for claim in claims:
        console.print(
            f"  {MARKS[claim.holds]} {escape(claim.text)}: {escape(claim.evidence)}", highlight=False, soft_wrap=True
        )
    console.print(f"  written: {path}", highlight=False, markup=False, soft_wrap=True)
