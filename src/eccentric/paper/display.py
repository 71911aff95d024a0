"""Output of `eccentric reproduce`: the list of items, progress, and results."""

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
    from eccentric.paper.run_store import Progress as Standing
    from eccentric.paper.run_store import RunStore

MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]≈[/]"}


def items_table(store: RunStore) -> Table:
    """Table of all items with the requirements of the paper and the completed runs at the current scale."""
    table = Table("item", "what", "needs", "trained here", padding=(0, 1), box=SIMPLE_HEAD)
    for item in ITEMS.values():
        try:
            specs = dict.fromkeys(item.specs(store))
            left = len(store.missing(list(specs), item.name))
            ready = f"{len(specs) - left} of {len(specs)}" if specs else "nothing needed"
        except EccentricError:
            ready = "data not found"
        made = ", made" if (store.folder / item.name / RESULT).is_file() else ""
        table.add_row(item.name, escape(item.title), escape(item.needs), ready + made)
    return table


class ReproductionProgress:
    """A progress bar over all missing trainings on a terminal; otherwise one line at the start of each."""

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
        """Called when an item is started."""
        self._bar.update(self._task, what=item.name, detail="")

    def show(self, standing: Standing) -> None:
        """Called at the start and during each training."""
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
        """Called when an item is finished; prints each claim on one line, and the folder."""
        print_result(self._console, item, result, path)


class QueueProgress:
    """One line for each job that starts or ends; for a finished item also its claims."""

    def __init__(self, console: Console, folder: Path) -> None:
        self._console, self._folder = console, folder

    def show(self, job: Job, status: str) -> None:
        """Called when a job starts ("begun") or ends ("done", "stopped", "failed")."""
        path = self._folder / job.name
        made = read_result(path / RESULT) if job.spec is None and status == "done" else None
        if made is None:
            verb = {"begun": "training" if job.spec else "making"}.get(status, status)
            self._console.print(f"{verb} {job.name}", highlight=False, markup=False, soft_wrap=True)
            return
        claims = [Claim(**claim) for claim in made["claims"]]
        print_claims(self._console, ITEMS[job.name], claims, path)


def left_text(left: Left) -> str:
    """The remaining work of the queue in one line, and one line for each failure."""
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
    """Print each claim on one line, and then the folder of the item."""
    print_claims(console, item, result.claims, path)


def print_claims(console: Console, item: Item, claims: Sequence[Claim], path: Path) -> None:
    console.print(f"{item.place}: {item.title}", highlight=False, markup=False, soft_wrap=True)
    for claim in claims:
        console.print(
            f"  {MARKS[claim.holds]} {escape(claim.text)}: {escape(claim.evidence)}", highlight=False, soft_wrap=True
        )
    console.print(f"  written: {path}", highlight=False, markup=False, soft_wrap=True)
