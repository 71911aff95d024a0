"""Conditions of an item: data, epochs, seeds, device, versions and time."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eccentric._version import versions
from eccentric.paper.records import OFFICIAL, run_record, share_of
from eccentric.paper.scale import PER_ROLE, ROLES, Scale

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eccentric.paper.run_store import RunStore

TITLES = {"mnist": "MNIST", "celeba": "CelebA"}


def conditions(store: RunStore, seconds: float) -> dict[str, Any]:
    """Conditions of the item that was just made, from the runs that it used.

    Args:
        store: store of runs; `used` contains the runs of the item.
        seconds: time for the item without trainings.
    """
    used = [(spec, run if isinstance(run, dict) else run_record(run)) for spec, run in store.used.items()]
    if not used:
        return {"device": f"{platform.machine()} CPU", "versions": versions(), "seconds": round(seconds, 1)}
    data = {}
    for role in ROLES:
        of_role = [run for spec, run in used if spec.role == role]
        if of_role:
            data[role] = _data(role, store.source(role), of_role[0])
    train = [run["train"] for _, run in used]
    return {
        "data": data,
        "options": _options(store.scale),
        "recipe": store.scale.recipe,
        "epochs": _values(each["epochs"] for each in train),
        "share_of_papers": min(share_of(spec.role, run["items"], run["train"]) for spec, run in used),
        "batch_size": _values(each["batch_size"] for each in train),
        "learning_rate": _values(each["learning_rate"] for each in train),
        "schedule": _values(each.get("schedule", "constant") for each in train),
        "width": _values(each.get("width", 1.0) for each in train),
        "architecture": _values(each["architecture"] for each in train),
        "seeds": _values(spec.seed for spec, _ in used),
        "trainings": len(used),
        "runs": sorted(f"runs/{run['name']}" for _, run in used),
        "device": _values(run["device"] for _, run in used),
        "precision": _values(run["precision"] for _, run in used),
        "versions": versions(),
        "training_versions": _values(
            ", ".join(f"{name} {version}" for name, version in (run["versions"] or {}).items()) for _, run in used
        ),
        "training_seconds": round(sum(run["training_seconds"] for _, run in used), 1),
        "seconds": round(seconds, 1),
    }


def _data(role: str, source: str, run: dict[str, Any]) -> dict[str, Any]:
    items = run["items"]
    stands_in = source != role and run["data"] != role
    remark = ""
    if stands_in:
        remark = f"instead of {TITLES[role]}; the published numbers are for orientation only"
    elif items != OFFICIAL[role]:
        remark = (
            f"a part of {TITLES[role]}, whose splits have {OFFICIAL[role]['train']:,} and {OFFICIAL[role]['test']:,} "
            "items, so our numbers need not match the published ones"
        )
    return {
        "name": run["data"],
        "source": source,
        **items,
        "split": run["split"],
        "stands_in": stands_in,
        "whole": not stands_in and items == OFFICIAL[role],
        "remark": remark,
    }


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
