"""`eccentric compare`: comparison of methods on the same data and budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from eccentric.cli.app import DataArgument, DeviceOption, LabelOption, app, console, names, print_note
from eccentric.cli.progress import ReadingProgress
from eccentric.comparison.plan import Setup
from eccentric.settings import help_texts

HELP = help_texts(Setup)
DEFAULTS = Setup()
PARTS = {
    "Reconstruction and repeatability": ("error", "mcc", "mcc_null", "cka", "r2"),
    "Spectrum, probes and speed": ("effective_dimension", "neighbour_error_100", "neighbour_error", "seconds_per_step"),
    "Fréchet distance by way of sampling": ("frechet_standard", "frechet_matched", "frechet_mixture", "frechet_own"),
}
"""Columns of the printed tables; one table would be too wide for a terminal."""


@app.command()
def compare(
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
    small: Annotated[
        bool, typer.Option("--small", help="Use at most 1,000 training rows and 500 test rows, for a quick test.")
    ] = False,
    label: LabelOption = None,
) -> None:
    """Train several methods on DATA with the same network and budget, and evaluate them in the same way.

    Each method is trained with a tenth of its default weight, with the default weight, and with ten times the default
    weight. A fifth of the training rows is used for validation: the table shows the largest weight for which the
    reconstruction error on these rows is within 5 % of that of the plain autoencoder. Each training is a run folder in
    OUT/runs; rerun an interrupted command to resume.
    """
    from eccentric.comparison import Stopped
    from eccentric.comparison import compare as compare_methods
    from eccentric.data import load
    from eccentric.methods import find
    from eccentric.training import stop_on_signal

    setup = Setup(runs, epochs, dim, batch_size, learning_rate, architecture, width, device)
    for name in names(methods) if methods.strip() != "all" else []:
        if name not in ("all", "pca", "kernel-pca"):
            find(name)  # report mistakes before the data are read, which can take long
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
                small=small,
                source={"source": data, "label": label},
                stop=stop,
                on_progress=progress.show,
                on_note=print_note,
            )
        except Stopped as stopped:
            console.print(str(stopped), markup=False, soft_wrap=True)
            raise typer.Exit(128 + stop.signum) from None
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

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, at: Any) -> None:
        left = "" if at.seconds_left is None else f"{_duration(at.seconds_left)} left"
        done = at.done + at.epoch / at.epochs
        words = f"{at.candidate}, seed {at.seed}"
        self._bar.update(self._task, completed=done, total=at.total, description=words, left=left)
        if not console.is_terminal and at.epoch == 0:
            line = f"training {at.done + 1}/{at.total}: {words}" + (f"; {left}" if left else "")
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _print(table: Any) -> None:
    from eccentric.comparison.choosing import BETTER, RULE, WINNING, winner
    from eccentric.comparison.plan import BASELINES
    from eccentric.comparison.writing import COLUMNS, cell

    for title, columns in PARTS.items():
        shown = [column for column in columns if column in table]
        if not shown:
            continue
        best = {column: winner(table, column, BASELINES) for column in shown if column in BETTER}
        part = Table("method", "setting", *(COLUMNS[column][0] for column in shown), title=title, title_justify="left")
        for _, row in table.iterrows():
            cells = [cell(row, column) for column in shown]
            marked = [
                f"[bold]{text}[/bold]" if best.get(column) == row["method"] else text
                for column, text in zip(shown, cells, strict=True)
            ]
            if any(cells):
                part.add_row(row["method"], row["setting"], *marked)
        console.print(part)
    console.print(f"{RULE} {WINNING}", markup=False, highlight=False)
