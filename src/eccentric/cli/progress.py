"""Progress of long operations: bars on a terminal, a few lines otherwise."""

from __future__ import annotations

from typing import Any

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from eccentric.cli.app import console
from eccentric.methods import find
from eccentric.training.config import TrainConfig


class ReadingProgress:
    """A spinner, then a bar while images are decoded, on a terminal; no output otherwise."""

    def __init__(self, data: str) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(data, total=None)

    def __enter__(self) -> ReadingProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)


class TrainingProgress:
    """A bar with the loss terms on a terminal; about twenty lines in total otherwise."""

    def __init__(self, config: TrainConfig, items: int) -> None:
        self._total = config.epochs * (items // min(config.batch_size, items))
        self._has_spectrum = find(config.method).traits.has_spectrum
        self._dim = config.dim
        self._printed = 0.0
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[terms]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=self._total, epoch=f"0/{config.epochs}", terms="")
        self._epochs = config.epochs

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, metrics: Any) -> None:
        own = "".join(f"{name} {value:.3f}  " for name, value in metrics.terms.items())
        trace = f"trace {metrics.trace:.2f} (d {self._dim})  " if self._has_spectrum else ""
        terms = (
            f"reconstruction {metrics.reconstruction:.4f}  {own}radius {metrics.mean_radius:.2f}  {trace}"
            f"{metrics.items_per_second:,.0f} items/s"
        )
        self._bar.update(self._task, completed=metrics.step, epoch=f"{metrics.epoch}/{self._epochs}", terms=terms)
        done = metrics.step / self._total
        if not console.is_terminal and (done - self._printed >= 0.05 or done == 1):
            self._printed = done
            console.print(f"epoch {metrics.epoch}/{self._epochs}  {terms}", soft_wrap=True, highlight=False)


class SeveralProgress:
    """A bar for each seed on a terminal; otherwise a line for each fifth of the epochs."""

    def __init__(self, seeds: list[int]) -> None:
        columns = TextColumn("seed {task.fields[seed]}"), BarColumn(), TimeRemainingColumn()
        self._bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._tasks = {seed: self._bars.add_task("", total=None, seed=seed) for seed in seeds}
        self._printed = dict.fromkeys(seeds, 0)

    def __enter__(self) -> SeveralProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, seed: int, epoch: int, epochs: int) -> None:
        if not epochs:
            return
        self._bars.update(self._tasks[seed], completed=epoch, total=epochs)
        if not console.is_terminal and 5 * epoch // epochs > self._printed[seed]:
            self._printed[seed] = 5 * epoch // epochs
            console.print(f"seed {seed}: epoch {epoch}/{epochs}", highlight=False)
