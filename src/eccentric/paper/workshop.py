"""The workshop: where the paper's runs are trained, each once, and found again by every item that needs it."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eccentric.data import load
from eccentric.errors import EccentricError, UsageError
from eccentric.files import read_json
from eccentric.paper import published
from eccentric.training import Run, Stop, TrainConfig, train
from eccentric.training.recipes import RECIPES, recipe
from eccentric.training.train import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eccentric.data import Data
    from eccentric.training import Metrics

Role = Literal["mnist", "celeba"]
ROLES: tuple[Role, ...] = ("mnist", "celeba")
# Settings that a recipe decides, and the folder's name does not say.
DECISIVE = ("N", "batch_size", "learning_rate", "weight_decay", "schedule", "precision")
SHAPES = {"mnist": (1, 28, 28), "celeba": (3, 64, 64), "digits": (1, 8, 8)}
SMALL_EPOCHS, SMALL_RUNS = 20, 2


class Stopped(EccentricError):
    """The user stopped a training; what is finished stays."""


@dataclass(frozen=True)
class Spec:
    """One run of the paper: on which of its data sets, and the settings that it varies."""

    role: Role
    dim: int
    weight: float
    mu: float
    seed: int


@dataclass(frozen=True)
class Scale:
    """How much is trained; the defaults are the paper's number of runs, by the fast recipe.

    Attributes:
        epochs: passes over the training data; the recipe's own by default.
        runs: seeds for each setting, 0 and on; the paper's number for each item by default. Items that compare runs
            take two at least.
        batch_size: items a step; the recipe's by default. Smaller, it makes more steps of few epochs.
        recipe: "fast", a tenth of the paper's epochs at a higher rate, or "paper", to the letter.
        device: as for `TrainConfig`.
        mus: of the CelebA runs of Table 1.
        fid_weights: the file of Inception's weights for Table 1; torch-fidelity fetches them by default.
        data: what stands for the paper's "mnist" and "celeba": a data set's name or a path, as `eccentric.data.load`
            takes it.

    Raises:
        UsageError: a value out of range, an unknown recipe, or data for something that is not in the paper.
    """

    epochs: int | None = None
    runs: int | None = None
    batch_size: int | None = None
    recipe: str = "fast"
    device: str = "auto"
    mus: Sequence[float] = published.MUS
    fid_weights: str | Path | None = None
    data: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("epochs", "runs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1, not {value}")
        if self.batch_size is not None and self.batch_size < 2:
            raise UsageError(f"batch_size must be at least 2, not {self.batch_size}: the loss is of pairs")
        if self.fid_weights is not None and not Path(self.fid_weights).is_file():
            raise UsageError(f"fid_weights: there is no file {self.fid_weights}")
        if self.recipe not in RECIPES:
            raise UsageError(f"unknown recipe {self.recipe!r}; choose one of {', '.join(RECIPES)}")
        for role in self.data:
            if role not in ROLES:
                raise UsageError(f"the paper has no data set {role!r}; give data for {' or '.join(ROLES)}")

    @classmethod
    def small(cls, **changes: Any) -> Scale:
        """A version that takes minutes on a CPU: the embedded digits for both data sets, and the ends of mu only.

        Args:
            changes: attributes that differ; data that is named stands in for one data set, the digits for the other.
        """
        small = {"epochs": SMALL_EPOCHS, "runs": SMALL_RUNS, "mus": (published.MUS[0], published.MUS[-1])}
        data = dict.fromkeys(ROLES, "digits") | changes.pop("data", {})
        return cls(**{**small, **changes, "data": data})

    def seeds(self, paper: int, least: int = 1) -> range:
        """Seeds of an item's runs, where the paper has so many, and the item makes no sense with less than `least`."""
        return range(max(least, self.runs or paper))


def data_sources(texts: Sequence[str]) -> dict[str, str]:
    """What `--data` says: NAME for both data sets of the paper, or mnist=NAME, celeba=NAME for one.

    Raises:
        UsageError: data for something that is not in the paper.
    """
    found: dict[str, str] = {}
    for text in texts:
        role, separator, name = text.partition("=")
        if separator and role not in ROLES and not Path(text).exists():
            raise UsageError(
                f"--data {text}: the paper has no data set {role!r}; use {' or '.join(ROLES)} before the ="
            )
        found |= {role: name} if separator and role in ROLES else dict.fromkeys(ROLES, text)
    return found


@dataclass(frozen=True)
class Progress:
    """Where the trainings stand, for a display.

    Attributes:
        spec: in hand.
        done: trainings finished since the workshop was opened.
        total: trainings that were missing then.
        metrics: the last row of the training in hand, None at its beginning.
        epochs: of the training in hand.
        fraction: of it, from 0 to 1.
    """

    spec: Spec
    done: int
    total: int
    metrics: Metrics | None
    epochs: int
    fraction: float


class Workshop:
    """A folder of runs named after what they are, so that items share them and a second call finds them.

    Args:
        folder: made here; runs go to its `runs/`.
        scale: how much to train.
        stop: set `stop.asked` to end the training in hand; `run` then raises `Stopped`.
        on_progress: called at the beginning of each training and with each row of its metrics.
        on_note: called with each sentence that the user should read.
    """

    def __init__(
        self,
        folder: str | Path,
        scale: Scale | None = None,
        *,
        stop: Stop | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        on_note: Callable[[str], None] = lambda note: None,
    ) -> None:
        self.folder = Path(folder)
        self.scale = scale or Scale()
        self.stop = stop or Stop()
        self.used: dict[Spec, Run] = {}
        """Runs handed out since it was last emptied: the conditions of an item."""
        self._on_progress, self._on_note = on_progress, on_note
        self._data: dict[Role, Data] = {}
        self._fingerprints: dict[Role, str] = {}
        self._done = self._total = 0

    # --- data ---------------------------------------------------------------------------------------------------------

    def source(self, role: Role) -> str:
        """What stands for a data set of the paper, as it was named."""
        return self.scale.data.get(role, role)

    def is_papers(self, role: Role) -> bool:
        """Whether the published numbers were measured on the data set that stands there, as far as its name says."""
        return self.source(role) == role or self.data(role).name == role

    def data(self, role: Role) -> Data:
        """The data, read when first asked for."""
        if role not in self._data:
            alike = next((self._data[other] for other in self._data if self.source(other) == self.source(role)), None)
            self._data[role] = alike or load(self.source(role))
            for note in self._data[role].notes if alike is None else ():
                self._on_note(note)
            if not self._data[role].is_image:
                raise UsageError(f"{self.source(role)} is a table, but the paper's {role} are images")
        return self._data[role]

    def shape(self, role: Role) -> tuple[int, ...]:
        """Of one item, (channels, height, width); known data sets are not read for it."""
        return SHAPES.get(self.source(role)) or self.data(role).shape

    @cached_property
    def face_dim(self) -> int:
        """The latent dimension for faces, the paper's 64, or less for small images: a quarter of their numbers."""
        return min(published.FACE_DIM, math.prod(self.shape("celeba")) // 4)

    # --- runs ---------------------------------------------------------------------------------------------------------

    def settings(self, spec: Spec) -> TrainConfig:
        """Of the recipe, the scale and the run itself, in this order."""
        values = recipe(self.scale.recipe, self.shape(spec.role))
        for name in ("epochs", "batch_size"):
            if (given := getattr(self.scale, name)) is not None:
                values[name] = given
        own = {"dim": spec.dim, "weight": spec.weight, "mu": spec.mu, "seed": spec.seed}
        return TrainConfig(**{**values, **own, "device": self.scale.device})

    def path(self, spec: Spec) -> Path:
        """The run's folder, which says all that tells it from others."""
        source = self.source(spec.role)
        name = source if source in SHAPES else re.sub(r"[^A-Za-z0-9.]+", "_", source).strip("_")
        told = [name, f"d{spec.dim}", f"weight{spec.weight:g}", f"mu{spec.mu:g}", self.scale.recipe]
        told += [f"{self.settings(spec).epochs}epochs"]
        told += [] if self.scale.batch_size is None else [f"batch{self.scale.batch_size}"]
        told += [f"seed{spec.seed}"]
        return self.folder / "runs" / "-".join(told)

    def is_finished(self, spec: Spec) -> bool:
        config = self.path(spec) / "config.json"
        return config.is_file() and read_json(config).get("status") == "finished"

    def missing(self, specs: Sequence[Spec]) -> list[Spec]:
        """Those that are not finished, each once."""
        return [spec for spec in dict.fromkeys(specs) if not self.is_finished(spec)]

    def expect(self, specs: Sequence[Spec]) -> None:
        """Say which runs will be asked for, so that progress can tell how many are left."""
        self._total = self._done + len(self.missing(specs))

    def run(self, spec: Spec) -> Run:
        """The finished run: as it lies there, resumed if it was broken off, or trained.

        Raises:
            Stopped: the user asked to stop.
            UsageError: the run that lies there was trained on other data of the same name.
            EccentricError: the data cannot be read, or training fails.
        """
        path = self.path(spec)
        if not self.is_finished(spec):
            self._train(spec, path)
        run = Run(path)
        self._check_settings(spec, run)
        self._check_data(spec.role, run)
        self.used[spec] = run
        return run

    def _check_settings(self, spec: Spec, run: Run) -> None:
        """A recipe may have been another when the run was trained."""
        now = asdict(self.settings(spec))
        other = [name for name in DECISIVE if run.config["train"].get(name, now[name]) != now[name]]
        if other:
            what = ", ".join(f"{name} {run.config['train'][name]}, not {now[name]}" for name in other)
            raise UsageError(f"{run.path} was trained with other settings ({what}); use another --work")

    def _check_data(self, role: Role, run: Run) -> None:
        """One name may stand for two data sets, on the hub and on the disk; told where the data are at hand anyway."""
        if role not in self._data:
            return
        if role not in self._fingerprints:
            self._fingerprints[role] = fingerprint(self._data[role].train.x)
        if run.config["data"].get("fingerprint", self._fingerprints[role]) != self._fingerprints[role]:
            raise UsageError(
                f"{run.path} was trained on other data than {self.source(role)} names here; use another --work"
            )

    def _train(self, spec: Spec, path: Path) -> None:
        if self.stop.asked:
            raise Stopped(f"stopped before training {path.name}; what was made is kept")
        config = self.settings(spec)
        data = self.data(spec.role)
        steps = config.epochs * max(1, len(data.train.x) // min(config.batch_size, len(data.train.x)))
        self._total = max(self._total, self._done + 1)

        def show(metrics: Metrics | None) -> None:
            fraction = metrics.step / steps if metrics else 0.0
            self._on_progress(Progress(spec, self._done, self._total, metrics, config.epochs, fraction))

        show(None)
        train(
            data,
            config,
            path,
            source={"source": self.source(spec.role)},
            resume=True,
            stop=self.stop,
            on_metrics=show,
            on_note=self._on_note,
        )
        if not self.is_finished(spec):
            raise Stopped(f"stopped; {path} goes on from there, and finished runs are kept, when it is asked for again")
        self._done += 1
