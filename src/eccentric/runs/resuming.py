"""Checks that a resumed run has the same settings and data."""

from __future__ import annotations

from typing import Any

from eccentric.data.items import ItemSpec
from eccentric.errors import UsageError
from eccentric.methods import find
from eccentric.runs.digests import differing_parts

# Settings that do not affect the result, or that may be changed during a run.
MAY_CHANGE = ("epochs", "learning_rate", "device", "checkpoint_seconds", "log_every")


def check_items(recorded: dict[str, Any], spec: ItemSpec) -> None:
    """Compare the kind and shape of an item with those of the run, before a network is chosen.

    Raises:
        UsageError: they differ.
    """
    before = ItemSpec.from_json(recorded)
    if (before.kind, before.shape) != (spec.kind, spec.shape):
        raise UsageError(
            f"cannot resume with {spec}, because the run was started with {before}; use the data of the run, or "
            "another --out"
        )


def changes_since(recorded: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Notes on the allowed differences between a run and the training that resumes it.

    Args:
        recorded, now: contents of config.json of the run and of the training.

    Raises:
        UsageError: a difference is not allowed.
    """
    old, new = recorded["train"], now["train"]
    differing = _differing(old, new)
    fixed = [name for name in differing if name not in MAY_CHANGE]
    if "epochs" in differing and (_ends_at_the_last_epoch(now) or new["epochs"] < old["epochs"]):
        fixed.append("epochs")  # the schedule depends on the number of epochs, or the run has already passed it
    other = [f"{name} was {old[name]}, not {new[name]}" for name in fixed]
    before, method = recorded["method"], now["method"]
    if before["name"] != method["name"]:
        other.append(f"method was {before['name']}, not {method['name']}")
    else:
        old_own, own = before["settings"], method["settings"]
        other += [f"{name} was {old_own[name]}, not {own[name]}" for name in _differing(old_own, own)]
    if other:
        what = ", ".join(dict.fromkeys(other))
        raise UsageError(f"cannot resume with other settings ({what}); use the settings of the run, or another --out")
    parts = differing_parts(recorded["data"], now["data"])
    if parts:
        raise UsageError(
            f"cannot resume with other data: {', '.join(parts)} differ from those of the run; use the data of the "
            "run, or another --out"
        )
    changed = [f"{name} changed from {old[name]} to {new[name]}" for name in differing]
    # With other arithmetic, the run continues, but it is not bitwise identical to an uninterrupted one.
    return changed + [
        f"{part} changed from {recorded.get(part)} to {now[part]}, so rounding may differ"
        for part in ("engine", "versions", "device")
        if recorded.get(part) != now[part]
    ]


def _ends_at_the_last_epoch(config: dict[str, Any]) -> bool:
    """Whether the learning rate, the objective or the share of linear maps depends on the number of epochs."""
    train = config["train"]
    fades = train["start"] == "pca" and (ItemSpec.from_json(config).is_image or train["architecture"] == "custom")
    return train["schedule"] != "constant" or fades or find(config["method"]["name"]).traits.scheduled


def _differing(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [name for name in new if name in old and old[name] != new[name]]
