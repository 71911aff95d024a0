"""`eccentric compare`: comparison of methods on the same data and budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from eccentric.cli.app import DataArgument, DeviceOption, FormatOption, LabelOption, app, console, names, print_note
from eccentric.cli.durations import parse_duration
from eccentric.cli.progress import ReadingProgress
from eccentric.comparison.grids import BASELINES
from eccentric.comparison.plan import SMALL, Setup
from eccentric.comparison.writing import SAMPLED
from eccentric.errors import UsageError
from eccentric.settings import help_texts

HELP = help_texts(Setup)
DEFAULTS = Setup()
PARTS = {
    "Reconstruction and repeatability": ("error", "mcc", "mcc_spearman", "mcc_anchored", "cka", "r2"),
    "Spectrum, probes and speed": ("effective_dimension", "neighbour_error_100", "neighbour_error", "seconds_per_step"),
    "Fréchet distance by way of sampling": SAMPLED,
}
"""Columns of the printed tables; one table would be too wide for a terminal."""


@app.command()
def compare(
    context: typer.Context,
    data: DataArgument,
    out: Annotated[Path, typer.Option(help="Folder for the results and the runs.")],
    methods: Annotated[
        str, typer.Option(help="all, or names separated by commas; `eccentric methods` lists them.")
    ] = "all",
    runs: Annotated[int, typer.Option(help=HELP["runs"])] = DEFAULTS.runs,
    epochs: Annotated[int, typer.Option(help=HELP["epochs"])] = DEFAULTS.epochs,
    dim: Annotated[int, typer.Option(help=HELP["dim"])] = DEFAULTS.dim,
    batch_size: Annotated[int, typer.Option(help=HELP["batch_size"])] = DEFAULTS.batch_size,
    learning_rate: Annotated[float, typer.Option(help=HELP["learning_rate"])] = DEFAULTS.learning_rate,
    architecture: Annotated[str, typer.Option(help=HELP["architecture"])] = DEFAULTS.architecture,
    width: Annotated[float, typer.Option(help=HELP["width"])] = DEFAULTS.width,
    device: DeviceOption = DEFAULTS.device,
    rows: Annotated[int | None, typer.Option(help=HELP["rows"])] = DEFAULTS.rows,
    small: Annotated[bool, typer.Option("--small", help=f"Same as --rows {SMALL}, for a quick test.")] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Trainings at a time; by default one for each core, or 1 on a GPU.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="H:MM:SS",
            help="Stop training after this time and compare the methods that are complete; 0 trains nothing.",
        ),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Also write the result to this Markdown file and a folder of its name.")
    ] = None,
    format: FormatOption = "png",
    label: LabelOption = None,
) -> None:
    """Train several methods on DATA with the same network and budget, and evaluate them in the same way.

    Each method is trained with several values of its weight (or of another setting, where it has no weight), one of
    them the default. A fifth of the training rows is used for validation. The table shows, for each method, the weight
    with the most repeatable components among those whose reconstruction error is within 5 % of that of the plain
    autoencoder. Each training is a run folder in OUT/runs; rerun an interrupted command to resume.
    """
    from eccentric.comparison import Stopped
    from eccentric.comparison import compare as compare_methods
    from eccentric.comparison.grids import find_entry
    from eccentric.comparison.workers import cores
    from eccentric.data import load
    from eccentric.devices import find_device
    from eccentric.training import stop_on_signal
    from eccentric.training.stopping import outlive_terminal

    context.with_resource(outlive_terminal())  # until the end: also while data are read and the result is printed
    seconds = None if until is None else parse_duration(until, "--until", zero=True)
    if small and rows is not None:
        raise UsageError("give --rows or --small, not both")
    rows = SMALL if small else rows
    setup = Setup(runs, epochs, dim, batch_size, learning_rate, architecture, width, device, rows)
    for name in names(methods) if methods.strip() != "all" else []:
        if name not in ("all", *BASELINES):
            find_entry(name)  # report mistakes before the data are read, which can take long
    jobs = jobs or (cores() if find_device(device).type == "cpu" else 1)
    with ReadingProgress(f"Reading {data}") as bar:
        loaded = load(data, label=label, on_progress=bar.show)
    for note in loaded.notes:
        print_note(note)
    with stop_on_signal() as stop, _Progress() as progress:
        try:
            table = compare_methods(
                loaded,
                methods,
                out,
                setup,
                jobs=jobs,
                seconds=seconds,
                page=page,
                format=format,
                source={"source": data, "label": label},
                stop=stop,
                on_progress=progress.show,
                on_note=print_note,
            )
        except Stopped as stopped:
            console.print(str(stopped), markup=False, soft_wrap=True)
            raise typer.Exit(128 + stop.signum if stop.signum else 1) from None
    _print(table)
    console.print(f"Written: {out / 'comparison.md'}", markup=False, soft_wrap=True)


class _Progress:
    """A progress bar over all trainings on a terminal; otherwise one line for each training."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.completed:.0f}/{task.total:.0f} trainings"),
            BarColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1, left="")
        self._words = ""

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, at: Any) -> None:
        left = "" if at.seconds_left is None else f"{_duration(at.seconds_left)} left"
        self._words = str(at.begun) if at.begun is not None else self._words
        self._bar.update(self._task, completed=at.done + at.running, total=at.total, description=self._words, left=left)
        if not console.is_terminal and at.begun is not None:
            line = f"{at.done} of {at.total} trainings done{', ' if left else ''}{left}: {at.begun}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _print(table: Any) -> None:
    from eccentric.comparison.choosing import BETTER, RULE, WINNING, winner
    from eccentric.comparison.writing import TITLES, cell, setting_cell

    for title, columns in PARTS.items():
        shown = [column for column in columns if column in table]
        if not shown:
            continue
        best = {column: winner(table, column, tuple(BASELINES)) for column in shown if column in BETTER}
        part = Table("method", "setting", *(TITLES[column][0] for column in shown), title=title, title_justify="left")
        for _, row in table.iterrows():
            cells = [cell(row, column) for column in shown]
            marked = [
                f"[bold]{text}[/bold]" if best.get(column) == row["method"] else text
                for column, text in zip(shown, cells, strict=True)
            ]
            if any(cells):
                part.add_row(row["method"], setting_cell(row), *marked)
        console.print(part)
    console.print(f"{RULE} {WINNING}", markup=False, highlight=False)
