"""Conditions of an item: data, epochs, seeds, device, versions and time."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric._version import versions
from eccentric.paper import published
from eccentric.paper.scale import PER_ROLE, ROLES, Scale

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eccentric.paper.workshop import RunStore
    from eccentric.training import Run

TITLES = {"mnist": "MNIST", "celeba": "CelebA"}
OFFICIAL = {"mnist": {"train": 60_000, "test": 10_000}, "celeba": {"train": 162_770, "test": 19_962}}
"""Numbers of items of the complete data sets, by split."""


def conditions(workshop: RunStore, seconds: float) -> dict[str, Any]:
    """Conditions of the item that was just made, from the runs that it used.

    Args:
        workshop: store of runs; `used` contains the runs of the item.
        seconds: time for the item without trainings.
    """
    used = list(workshop.used.items())
    if not used:
        return {"device": f"{platform.machine()} CPU", "versions": versions(), "seconds": round(seconds, 1)}
    data = {}
    for role in ROLES:
        of_role = [run for spec, run in used if spec.role == role]
        if of_role:
            data[role] = _data(role, workshop.source(role), of_role[0])
    return {
        "data": data,
        "options": _options(workshop.scale),
        "recipe": workshop.scale.recipe,
        "epochs": _values(run.config["train"]["epochs"] for _, run in used),
        "share_of_papers": min(_share_of_papers(spec.role, run) for spec, run in used),
        "batch_size": _values(run.config["train"]["batch_size"] for _, run in used),
        "learning_rate": _values(run.config["train"]["learning_rate"] for _, run in used),
        "schedule": _values(run.config["train"].get("schedule", "constant") for _, run in used),
        "width": _values(run.config["train"].get("width", 1.0) for _, run in used),
        "architecture": _values(run.config["train"]["architecture"] for _, run in used),
        "seeds": _values(spec.seed for spec, _ in used),
        "trainings": len(used),
        "runs": sorted(str(run.path.relative_to(workshop.folder)) for _, run in used),
        "device": _values(run.config.get("device", "not recorded") for _, run in used),
        "precision": _values(run.config.get("engine", {}).get("precision", "32-true") for _, run in used),
        "versions": versions(),
        "training_versions": _versions_of(used_run for _, used_run in used),
        "training_seconds": round(sum(training_seconds(run) for _, run in used), 1),
        "seconds": round(seconds, 1),
    }


def training_seconds(run: Run) -> float:
    """Time of the training steps of a run from its metrics, without interruptions."""
    items = run.config["items"]["train"]
    batch = min(run.config["train"]["batch_size"], items)
    metrics = run.metrics
    return float((np.diff(metrics["step"], prepend=0) * batch / metrics["items_per_second"]).sum())


def _data(role: str, source: str, run: Run) -> dict[str, Any]:
    data, items = run.config["data"], run.config["items"]
    stands_in = source != role and data["name"] != role
    remark = ""
    if stands_in:
        remark = f"in place of {TITLES[role]}, so the published numbers are for orientation only"
    elif items != OFFICIAL[role]:
        remark = (
            f"a part of {TITLES[role]}, whose own splits have {OFFICIAL[role]['train']:,} and "
            f"{OFFICIAL[role]['test']:,}, so the published numbers cannot be expected"
        )
    return {
        "name": data["name"],
        "source": source,
        **items,
        "split": data["split"],
        "stands_in": stands_in,
        "whole": not stands_in and items == OFFICIAL[role],
        "remark": remark,
    }


def _share_of_papers(role: str, run: Run) -> float:
    """Number of items that the run has seen in all epochs, relative to the run of the paper."""
    return run.config["train"]["epochs"] * run.config["items"]["train"] / items_seen_by_papers(role)


def share_of_papers(run: Run) -> float | None:
    """The same ratio from recorded values; None for a run on other data than the paper's."""
    name = run.config["data"]["name"]
    return _share_of_papers(name, run) if name in OFFICIAL else None


def items_seen_by_papers(role: str) -> int:
    """Number of items that a training of the paper sees in all epochs."""
    return published.EPOCHS[role] * OFFICIAL[role]["train"]


def _options(scale: Scale) -> list[str]:
    """Arguments of `eccentric reproduce` that repeat the item."""
    plain = Scale()
    options = [f"--data {role}={source}" for role, source in scale.data.items()]
    for name in PER_ROLE:
        value = getattr(scale, name)
        given = value.items() if isinstance(value, Mapping) else [] if value is None else [("", value)]
        options += [f"--{name.replace('_', '-')} {role}{'=' * bool(role)}{number}" for role, number in given]
    options += [
        f"--{name} {getattr(scale, name)}"
        for name in ("recipe", "width", "device")
        if getattr(scale, name) != getattr(plain, name)
    ]
    if tuple(scale.mus) != tuple(plain.mus):
        options += [f"--mu {mu:g}" for mu in scale.mus]
    return options


def _values(values: Iterable[Any]) -> list[Any]:
    """Sorted unique values."""
    return sorted(set(values))


def _versions_of(runs: Iterable[Run]) -> list[str]:
    found = (run.config.get("versions", {}) for run in runs)
    return _values(", ".join(f"{name} {version}" for name, version in each.items()) for each in found)
