"""Scale of the reproduction: the runs of the paper, and the amount of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from eccentric.errors import UsageError
from eccentric.paper import published
from eccentric.training.recipes import RECIPES

Role = Literal["mnist", "celeba"]
ROLES: tuple[Role, ...] = ("mnist", "celeba")
SMALL_EPOCHS, SMALL_RUNS = 20, 2
PER_ROLE = {"epochs": 1, "runs": 1, "batch_size": 2}
"""Numbers that may differ between the two data sets, with their minimum values."""


@dataclass(frozen=True)
class Spec:
    """One run of the paper: its data set and the settings that vary."""

    role: Role
    dim: int
    weight: float
    mu: float
    seed: int


@dataclass(frozen=True)
class Scale:
    """Amount of training; the defaults are the number of runs of the paper and the fast recipe.

    Attributes:
        epochs: passes over the training data; those of the recipe by default.
        runs: number of seeds for each setting, starting from 0; that of the paper for each item by default. Items that
            compare runs use at least two.
        batch_size: items per batch; that of the recipe by default. Smaller batches give more steps in few epochs.
        recipe: "fast", a tenth of the paper's epochs with a higher learning rate, or "paper", as published.
        width: factor on the channels of each hidden layer of the network for CelebA; 1 is the network of the paper.
        device: as for `TrainConfig`.
        mus: values of mu of the CelebA runs of Table 1.
        fid_weights: file with the Inception weights for Table 1; by default torch-fidelity downloads them.
        data: data used for "mnist" and "celeba": a name or a path, as for `eccentric.data.load`.

    `epochs`, `runs` and `batch_size` are one number for both data sets, or numbers by data set: `{"celeba": 20}`.

    Raises:
        UsageError: a value is out of range, the recipe is unknown, or data are given for a data set that is not in the
            paper.
    """

    epochs: int | Mapping[str, int] | None = None
    runs: int | Mapping[str, int] | None = None
    batch_size: int | Mapping[str, int] | None = None
    recipe: str = "fast"
    width: float = 1.0
    device: str = "auto"
    mus: Sequence[float] = published.MUS
    fid_weights: str | Path | None = None
    data: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least in PER_ROLE.items():
            for role in ROLES:
                value = self.of(name, role)
                if value is not None and value < least:
                    why = ", because the loss is defined on pairs" if name == "batch_size" else ""
                    raise UsageError(f"{name} must be at least {least}, not {value}{why}")
        if not self.width > 0:
            raise UsageError(f"width must be positive, not {self.width:g}")
        if self.fid_weights is not None and not Path(self.fid_weights).is_file():
            raise UsageError(f"fid_weights: there is no file {self.fid_weights}")
        if self.recipe not in RECIPES:
            raise UsageError(f"unknown recipe {self.recipe!r}; choose one of {', '.join(RECIPES)}")
        named = [getattr(self, name) for name in PER_ROLE]
        for role_name in {role for each in (*named, self.data) if isinstance(each, Mapping) for role in each}:
            if role_name not in ROLES:
                raise UsageError(f"the paper has no data set {role_name!r}; choose {' or '.join(ROLES)}")

    @classmethod
    def small(cls, **changes: Any) -> Scale:
        """A version that takes minutes on a CPU: the digits of scikit-learn for both data sets, and only the smallest
        and largest mu.

        Args:
            changes: attributes that differ; given data replace one data set, and the digits the other.
        """
        small = {"epochs": SMALL_EPOCHS, "runs": SMALL_RUNS, "mus": (published.MUS[0], published.MUS[-1])}
        data = dict.fromkeys(ROLES, "digits") | changes.pop("data", {})
        for name in ("epochs", "runs"):
            if isinstance(changes.get(name), Mapping):
                changes[name] = dict.fromkeys(ROLES, small[name]) | changes[name]
        return cls(**{**small, **changes, "data": data})

    def of(self, name: str, role: Role) -> int | None:
        """Number of epochs, runs or items per batch for a data set; None if the recipe or the paper determines it."""
        value: int | Mapping[str, int] | None = getattr(self, name)
        return value.get(role) if isinstance(value, Mapping) else value

    def seeds(self, role: Role, paper: int, least: int = 1) -> range:
        """Seeds of the runs of an item, for which the paper has a given number and at least `least` are needed."""
        return range(max(least, self.of("runs", role) or paper))


def data_sources(texts: Sequence[str]) -> dict[str, str]:
    """Parse `--data`: NAME for both data sets of the paper, or mnist=NAME and celeba=NAME.

    Raises:
        UsageError: data are given for a data set that is not in the paper.
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


def numbers_by_role(option: str, texts: Sequence[str]) -> int | dict[str, int] | None:
    """Parse a numeric option: N for both data sets of the paper, or mnist=N and celeba=N; None without texts.

    Raises:
        UsageError: a value is not a whole number, or is given for a data set that is not in the paper.
    """
    found: dict[str, int] = {}
    for text in texts:
        role, separator, value = text.rpartition("=")
        if separator and role not in ROLES:
            raise UsageError(f"{option} {text}: the paper has no data set {role!r}; use {' or '.join(ROLES)}")
        try:
            number = int(value)
        except ValueError:
            raise UsageError(f"{option} {text}: {value!r} is not a whole number") from None
        found |= {role: number} if separator else dict.fromkeys(ROLES, number)
    if found.keys() == set(ROLES) and len(set(found.values())) == 1:
        return found[ROLES[0]]
    return found or None
