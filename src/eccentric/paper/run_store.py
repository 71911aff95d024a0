"""The store of runs, in which each run of the paper is trained once and shared by all items."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eccentric.data import load
from eccentric.data.items import ItemSpec
from eccentric.errors import EccentricError, UsageError
from eccentric.files import read_json
from eccentric.paper import published
from eccentric.paper.milestones import Pause, complete_milestone, keep_milestone, milestone_path
from eccentric.paper.records import key_of, read_measured, read_records, write_measured
from eccentric.paper.scale import Scale
from eccentric.runs.digests import fingerprint
from eccentric.training import Run, Stop, TrainConfig, train
from eccentric.training.recipes import recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eccentric.data import Data
    from eccentric.paper.scale import Role, Spec
    from eccentric.plots.style import Format
    from eccentric.training import Metrics

# Settings that the recipe determines and the folder name does not contain.
DECISIVE = ("batch_size", "learning_rate", "weight_decay", "schedule", "precision")
SHAPES = {"mnist": (1, 28, 28), "celeba": (3, 64, 64), "digits": (1, 8, 8)}


class Stopped(EccentricError):
    """The user stopped a training; finished runs are kept."""


@dataclass(frozen=True)
class Progress:
    """Progress of the trainings, for display.

    Attributes:
        spec: current run.
        done: number of trainings finished since the store was opened.
        total: number of trainings that were missing then.
        metrics: last row of metrics of the current training; None at its start.
        epochs: number of epochs of the current training.
        fraction: completed fraction of the current training, from 0 to 1.
    """

    spec: Spec
    done: int
    total: int
    metrics: Metrics | None
    epochs: int
    fraction: float


def _settled(config: TrainConfig) -> dict[str, Any]:
    return {"dim": config.dim, "width": config.width, **_decisive(config)}


def _decisive(config: TrainConfig) -> dict[str, Any]:
    return {"method": config.method, **config.settings, **{name: getattr(config, name) for name in DECISIVE}}


class RunStore:
    """A folder of runs with names derived from their settings, so that items share them and later calls reuse them.

    Args:
        folder: folder, created if needed; runs are in its subfolder `runs/`.
        scale: amount of training.
        records: file with records of runs on this or other machines, whose measured values replace the runs.
        format: with "svg" or "pdf", figures are written in this format as well as in PNG.
        stop: set `stop.asked` to end the current training; `run` then raises `Stopped`.
        on_progress: called at the start of each training and with each row of its metrics.
        on_note: called with each note for the user.
    """

    def __init__(
        self,
        folder: str | Path,
        scale: Scale | None = None,
        *,
        records: Path | None = None,
        format: Format = "png",
        stop: Stop | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        on_note: Callable[[str], None] = lambda note: None,
    ) -> None:
        self.folder = Path(folder)
        self.scale = scale or Scale()
        self.stop = stop or Stop()
        self.records = records
        self.format: Format = format
        self.used: dict[Spec, Run | dict[str, Any]] = {}
        """Runs, or records of runs, used since the list was last cleared, for the conditions of an item."""
        self._on_progress, self._on_note = on_progress, on_note
        self._data: dict[Role, Data] = {}
        self._fingerprints: dict[Role, str] = {}
        self._done = self._total = 0

    @cached_property
    def _records(self) -> dict[str, dict[str, Any]]:
        return {} if self.records is None else {each["name"]: each for each in read_records(self.records)}

    # --- data ---------------------------------------------------------------------------------------------------------

    def source(self, role: Role) -> str:
        """Source of the data used for a data set of the paper, as given."""
        return self.scale.data.get(role, role)

    def is_papers(self, role: Role) -> bool:
        """Whether the data are those of the paper, according to their name."""
        return self.source(role) == role or self.data(role).name == role

    def data(self, role: Role) -> Data:
        """The data, read on first access."""
        if role not in self._data:
            alike = next((self._data[other] for other in self._data if self.source(other) == self.source(role)), None)
            self._data[role] = alike or load(self.source(role))
            for note in self._data[role].notes if alike is None else ():
                self._on_note(note)
            if not self._data[role].is_image:
                raise UsageError(f"{self.source(role)} is a table, but the paper's {role} are images")
        return self._data[role]

    def longer(self, spec: Spec) -> list[dict[str, Any]]:
        """Stored records of runs with the settings of a run but more epochs, whatever their seed."""
        here = _settled(self.settings(spec))
        return [
            each
            for each in self._records.values()
            if each["data"] == self.source(spec.role)
            and each["train"]["epochs"] > self.settings(spec).epochs
            and _settled(TrainConfig.from_json(each)) == here
        ]

    def note(self, text: str) -> None:
        """Show the user a note."""
        self._on_note(text)

    def shape(self, role: Role) -> tuple[int, ...]:
        """Shape of one item, (channels, height, width); known data sets need not be read."""
        return SHAPES.get(self.source(role)) or self.data(role).shape

    @cached_property
    def face_dim(self) -> int:
        """Latent dimension for CelebA: 64 as in the paper, or a quarter of the number of values for small images."""
        return min(published.FACE_DIM, math.prod(self.shape("celeba")) // 4)

    # --- runs ---------------------------------------------------------------------------------------------------------

    def settings(self, spec: Spec) -> TrainConfig:
        """Settings from the recipe, the scale and the run, in this order."""
        values = recipe(self.scale.recipe, ItemSpec("image", self.shape(spec.role)))
        for name in ("epochs", "batch_size"):
            if (given := self.scale.of(name, spec.role)) is not None:
                values[name] = given
        if spec.role == "celeba":
            values["width"] = self.scale.width
        own = {"dim": spec.dim, "settings": {"weight": spec.weight, "mu": spec.mu}, "seed": spec.seed}
        return TrainConfig(**{**values, **own, "device": self.scale.device})

    def path(self, spec: Spec) -> Path:
        """Folder of the run; its name contains all settings that vary."""
        source = self.source(spec.role)
        name = source if source in SHAPES else re.sub(r"[^A-Za-z0-9.]+", "_", source).strip("_")
        told = [name, f"d{spec.dim}"]
        told += [f"width{self.scale.width:g}"] if spec.role == "celeba" and self.scale.width != 1 else []
        told += [f"weight{spec.weight:g}", f"mu{spec.mu:g}", self.scale.recipe]
        told += [f"{self.settings(spec).epochs}epochs"]
        batch_size = self.scale.of("batch_size", spec.role)
        told += [] if batch_size is None else [f"batch{batch_size}"]
        told += [f"seed{spec.seed}"]
        return self.folder / "runs" / "-".join(told)

    def is_finished(self, spec: Spec) -> bool:
        config = self.path(spec) / "config.json"
        return config.is_file() and read_json(config).get("status") == "finished"

    def is_at(self, spec: Spec, epoch: int, item: str) -> bool:
        """Whether the run, its milestone, or a record with the values of an item exists for this number of epochs."""
        if self._kept(spec, item, epoch) is not None:
            return True
        if self.settings(spec).epochs == epoch:
            return self.is_finished(spec)
        return (milestone_path(self.path(spec), epoch) / "config.json").is_file()

    def missing(self, specs: Sequence[Spec], item: str = "") -> list[Spec]:
        """Unfinished runs without duplicates; a record with the values of the item, if given, replaces a run."""
        unique = dict.fromkeys(specs)
        return [spec for spec in unique if not self.is_finished(spec) and self._kept(spec, item) is None]

    def expect(self, specs: Sequence[Spec]) -> None:
        """Announce the runs that will be requested, so that progress can show how many are left."""
        self._total = self._done + len(self.missing(specs))

    def run(self, spec: Spec) -> Run:
        """Return a finished run: load it, resume it if it was interrupted, or train it.

        Raises:
            Stopped: the user asked to stop.
            UsageError: the existing run was trained on other data of the same name.
            EccentricError: the data cannot be read, or training fails.
        """
        path = self.path(spec)
        if not self.is_finished(spec):
            self._train(spec, path)
        run = Run(path)
        self._check_settings(spec, run.config, str(run.path))
        self._check_data(spec.role, run)
        self.used[spec] = run
        return run

    def measured(self, item: str, spec: Spec, measure: Callable[[Run], dict[str, Any]]) -> dict[str, Any]:
        """Return the values that an item takes from one run; they are stored with the run and in its record.

        Args:
            item: name of the item.
            spec: run, which is not needed if its record has the values.
            measure: function that computes the values, which must be representable in JSON.

        Raises:
            Same as `run`.
        """
        if not self.is_finished(spec) and (values := self._kept(spec, item)) is not None:
            record = self._records[self.path(spec).name]
            self._check_settings(spec, record, f"the stored record of {record['name']}")
            self.used[spec] = record
            return values
        run = self.run(spec)
        if key_of(item) not in read_measured(run.path):
            write_measured(run.path, item, measure(run))
        found: dict[str, Any] = read_measured(run.path)[key_of(item)]
        return found

    def _kept(self, spec: Spec, item: str, epoch: int | None = None) -> dict[str, Any] | None:
        """Values of an item in the record of a run, at its end or at an earlier epoch."""
        by_epoch = self._records.get(self.path(spec).name, {}).get("measured", {})
        found: dict[str, Any] | None = by_epoch.get(str(epoch or self.settings(spec).epochs), {}).get(key_of(item))
        return found

    def _check_settings(self, spec: Spec, config: dict[str, Any], where: str) -> None:
        """The recipe may have changed since the run was trained."""
        trained, now = (_decisive(each) for each in (TrainConfig.from_json(config), self.settings(spec)))
        other = [name for name in now if trained[name] != now[name]]
        if other:
            what = ", ".join(f"{name} {trained[name]}, not {now[name]}" for name in other)
            raise UsageError(f"{where} was trained with other settings ({what}); use another --work")

    def _check_data(self, role: Role, run: Run) -> None:
        """One name may refer to two data sets, on the hub and on disk; checked if the data are loaded anyway."""
        if role not in self._data:
            return
        if role not in self._fingerprints:
            self._fingerprints[role] = fingerprint(self._data[role].train.x)
        if run.config["data"].get("fingerprint", self._fingerprints[role]) != self._fingerprints[role]:
            raise UsageError(
                f"{run.path} was trained on other data than the current {self.source(role)}; use another --work"
            )

    def _train(self, spec: Spec, path: Path) -> None:
        if self.stop.asked:
            raise Stopped(f"stopped before training {path.name}; finished runs are kept")
        config = self.settings(spec)
        data = self.data(spec.role)
        steps_per_epoch = max(1, len(data.train.x) // min(config.batch_size, len(data.train.x)))
        steps = config.epochs * steps_per_epoch
        complete_milestone(path, steps_per_epoch)
        self._total = max(self._total, self._done + 1)

        pause = Pause(self.stop, config.epochs)

        def show(metrics: Metrics | None) -> None:
            fraction = metrics.step / steps if metrics else 0.0
            self._on_progress(Progress(spec, self._done, self._total, metrics, config.epochs, fraction))
            if metrics is not None:
                pause.after(metrics)

        show(None)
        while not self.is_finished(spec):
            pause.epoch = None
            train(
                data,
                config,
                path,
                source={"source": self.source(spec.role)},
                resume=True,
                stop=pause,
                on_metrics=show,
                on_note=self._on_note,
            )
            if pause.epoch is not None:
                keep_milestone(path, pause.epoch)
            if self.stop.asked and not self.is_finished(spec):
                raise Stopped(f"stopped; rerun the command to resume {path}, finished runs are kept")
        self._done += 1


class RunStoreAt(RunStore):
    """The runs of a store at an earlier epoch, with few seeds, for curves over the course of training.

    Runs are never trained here; `is_at` of the store tells whether they, or records with their values, exist.

    Args:
        store: store with runs, data and scale.
        epoch: milestone of the runs.
        runs: number of seeds for each setting; items that compare runs use at least two.
    """

    def __init__(self, store: RunStore, epoch: int, runs: int = 1) -> None:
        few = replace(store.scale, runs=runs)
        super().__init__(store.folder, few, records=store.records, stop=store.stop)
        self._epoch = epoch
        self._data, self._fingerprints = store._data, store._fingerprints  # read once

    def run(self, spec: Spec) -> Run:
        return Run(self._path_at(spec))

    def is_finished(self, spec: Spec) -> bool:
        return (self._path_at(spec) / "config.json").is_file()

    def _path_at(self, spec: Spec) -> Path:
        path = self.path(spec)
        return path if self.settings(spec).epochs == self._epoch else milestone_path(path, self._epoch)

    def _kept(self, spec: Spec, item: str, epoch: int | None = None) -> dict[str, Any] | None:
        return super()._kept(spec, item, epoch or self._epoch)
