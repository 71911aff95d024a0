"""The trainings of a comparison: methods, weights, seeds and rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.comparison.grids import BASELINES, entries, find_entry
from eccentric.data.sparse_rows import take_rows
from eccentric.errors import UsageError
from eccentric.methods.registry import REFERENCE, find
from eccentric.models import choose_architecture
from eccentric.settings import help_texts, setting
from eccentric.training.config import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eccentric.data import Data, Split

VALIDATION_FRACTION = 0.2
SMALL = 1000
"""Number of rows with `--small`."""


@dataclass(frozen=True)
class Setup:
    """Settings that all methods of a comparison have in common."""

    runs: int = setting(3, "Seeds of each method and weight; 2 or more, so that repeatability can be measured.")
    epochs: int = setting(20, "Passes over the training rows, the same for every method.")
    dim: int = setting(8, "Number of latent dimensions and components (the paper's d).")
    batch_size: int = setting(100, "Items in a batch.")
    learning_rate: float = setting(3e-3, "Highest learning rate of Adam, in a one-cycle schedule.")
    architecture: str = setting("auto", help_texts(TrainConfig)["architecture"])
    width: float = setting(1.0, help_texts(TrainConfig)["width"])
    device: str = setting("auto", help_texts(TrainConfig)["device"])
    rows: int | None = setting(
        None, "Training rows to use at most, validation rows among them, and half as many test rows; all by default."
    )

    def __post_init__(self) -> None:
        if self.rows is not None and self.rows < 5:
            raise UsageError(f"rows must be at least 5, not {self.rows}")
        if self.runs < 2:
            raise UsageError(f"runs must be at least 2, not {self.runs}: repeatability is measured between runs")
        self.config(REFERENCE, {}, 0)

    def config(self, method: str, settings: dict[str, Any], seed: int) -> TrainConfig:
        """The settings of one training. A method that requires an architecture gets that architecture."""
        return TrainConfig(
            dim=self.dim,
            method=method,
            settings=settings,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            schedule="one-cycle",
            architecture=find(method).traits.architecture or self.architecture,
            width=self.width,
            seed=seed,
            device=self.device,
        )


@dataclass(frozen=True)
class Candidate:
    """A row of the comparison with one value of its tuned setting, to be trained with several seeds.

    Attributes:
        name: name of the row, see `grids.Entry`.
        method: name of the method in the registry.
        fixed: settings of the method that differ from its defaults.
        knob: the setting that is tuned; None if there is none.
        value: value of the tuned setting.
    """

    name: str
    method: str
    fixed: tuple[tuple[str, Any], ...] = ()
    knob: str | None = None
    value: float = 0.0

    @property
    def settings(self) -> dict[str, Any]:
        return {**dict(self.fixed), **({} if self.knob is None else {self.knob: self.value})}

    @property
    def setting(self) -> str:
        """The tuned setting for readers, such as "weight 0.001"."""
        return "" if self.knob is None else f"{self.knob} {self.value:g}"

    @property
    def folder(self) -> str:
        """Path of its runs, relative to the folder of runs; a run is the subfolder `seed-0` and so on."""
        return f"{self.name}/{self.setting.replace(' ', '-') or 'default'}"

    def __str__(self) -> str:
        return f"{self.name}, {self.setting}" if self.setting else self.name


@dataclass(frozen=True)
class Rows:
    """Division of a data set for a comparison.

    Attributes:
        data: rows for training, and the test rows.
        validation: rows split off from the training rows, on which weights are chosen.
    """

    data: Data
    validation: Split


def choose_methods(asked: str | Sequence[str], data: Data, setup: Setup) -> tuple[list[str], list[str]]:
    """The methods to compare, with the plain autoencoder first, and notes on those that differ or are left out.

    Args:
        asked: "all", or names, which may be separated by commas.

    Raises:
        UsageError: a method is unknown, or a named method does not fit the data or the settings.
    """
    names = [name.strip() for name in asked.split(",")] if isinstance(asked, str) else list(asked)
    names = [name for name in names if name]
    if not names:
        raise UsageError("no method is named; pass all, or names separated by commas")
    everything = names == ["all"]
    chosen, notes = [REFERENCE], []
    for name in entries() if everything else dict.fromkeys(names):
        if name == "all":
            raise UsageError("all stands for every method; pass it alone, or name the methods")
        if name in (*BASELINES, REFERENCE):
            continue  # the baselines are always included
        try:
            _check_fit(name, data, setup)
        except UsageError as error:
            if not everything:
                raise
            notes.append(f"{name} is left out: {error}")
        else:
            chosen.append(name)
            own = find(find_entry(name).method).traits.architecture
            if own not in (None, setup.architecture):
                notes.append(
                    f"`{name}` only supports the architecture `{own}`, so its network differs from the others'"
                )
    return chosen, notes


def _check_fit(name: str, data: Data, setup: Setup) -> None:
    entry = find_entry(name)
    method = find(entry.method)
    if data.spec.kind not in method.traits.kinds:
        raise UsageError(
            f"method {name!r} works on items of kind {' or '.join(method.traits.kinds)}, but {data.name} holds "
            f"{data.spec.noun}; leave it out of --methods"
        )
    fixed = dict(entry.fixed)
    config = setup.config(entry.method, fixed, 0)
    choose_architecture(config.architecture, data.spec, method)


def candidates(names: Sequence[str]) -> list[Candidate]:
    """All combinations of a row and a value of its tuned setting, with ascending values."""
    found = []
    for entry in map(find_entry, names):
        settings = (entry.name, entry.method, entry.fixed)
        found += [Candidate(*settings, entry.knob, value) for value in entry.values] or [Candidate(*settings)]
    return found


def divide_rows(data: Data, most: int | None = None) -> Rows:
    """Split validation rows off from the training rows at random. The test rows do not change.

    Args:
        most: maximum number of training rows, including validation rows; at most half as many test rows are used. The
            rows are chosen at random.

    Raises:
        UsageError: there are too few rows.
    """
    order = np.random.default_rng(0)
    train, test = (order.permutation(len(split.x)) for split in (data.train, data.test))
    if most is not None:
        train, test = train[:most], test[: most // 2]
    held_out = round(VALIDATION_FRACTION * len(train))
    if held_out < 1 or len(train) - held_out < 2 or len(test) < 2:
        raise UsageError(
            f"{data.name} has {len(data.train.x)} training and {len(data.test.x)} test rows; a comparison needs at "
            "least 5 and 2"
        )
    sentence = f"{data.split}; of {len(train):,} training rows {held_out:,} at random are for validation"
    used = replace(data, train=take(data.train, train[held_out:]), test=take(data.test, test), split=sentence)
    return Rows(used, take(data.train, train[:held_out]))


def take(split: Split, rows: np.ndarray) -> Split:
    """The given rows of a split, in their order."""
    rows = np.sort(rows)
    return replace(
        split,
        x=take_rows(split.x, rows),
        labels=None if split.labels is None else split.labels[rows],
        rows=split.rows[rows],
        files=None if split.files is None else [split.files[row] for row in rows],
    )
