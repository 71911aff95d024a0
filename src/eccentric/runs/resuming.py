"""Whether a run that is resumed is still the same run."""

from __future__ import annotations

from typing import Any

from eccentric.errors import UsageError
from eccentric.methods import find
from eccentric.runs.digests import differing_parts

# Settings that do not decide what is computed, or that one may have a reason to change on the way.
MAY_CHANGE = ("epochs", "learning_rate", "device", "checkpoint_seconds", "log_every")


def check_items(recorded: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Compare the shape of an item with that of the run, before a network is chosen.

    Raises:
        UsageError: the shapes differ.
    """
    if tuple(recorded["item"]["shape"]) != shape:
        before, now = ("x".join(map(str, size)) for size in (recorded["item"]["shape"], shape))
        raise UsageError(f"cannot resume on items of {now}, the run began with {before}; use its own, or another --out")


def changes_since(recorded: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """A sentence on each allowed difference between a run and the training that shall continue it.

    Args:
        recorded, now: contents of config.json, the run's own and the one for the training.

    Raises:
        UsageError: a difference makes it another run.
    """
    old, new = recorded["train"], now["train"]
    differing = _differing(old, new)
    fixed = [name for name in differing if name not in MAY_CHANGE]
    if "epochs" in differing and (_ends_at_the_last_epoch(now) or new["epochs"] < old["epochs"]):
        fixed.append("epochs")  # the schedule's end, or a past that cannot be undone
    other = [f"{name} was {old[name]}, not {new[name]}" for name in fixed]
    before, method = recorded["method"], now["method"]
    if before["name"] != method["name"]:
        other.append(f"method was {before['name']}, not {method['name']}")
    else:
        old_own, own = before["settings"], method["settings"]
        other += [f"{name} was {old_own[name]}, not {own[name]}" for name in _differing(old_own, own)]
    if other:
        what = ", ".join(dict.fromkeys(other))
        raise UsageError(f"cannot resume with other settings ({what}); use the run's own, or another --out")
    parts = differing_parts(recorded["data"], now["data"])
    if parts:
        raise UsageError(
            f"cannot resume on other data: {', '.join(parts)} differ from those that the run began with; use the run's "
            "own data, or another --out"
        )
    changed = [f"{name} changed from {old[name]} to {new[name]}" for name in differing]
    # Where not all arithmetic is the same, the run goes on, but not to the bit as an undisturbed one would.
    return changed + [
        f"{part} changed from {recorded.get(part)} to {now[part]}, so rounding may differ"
        for part in ("engine", "versions", "device")
        if recorded.get(part) != now[part]
    ]


def _ends_at_the_last_epoch(config: dict[str, Any]) -> bool:
    """Whether the learning rate or the objective depends on how many epochs there will be."""
    return config["train"]["schedule"] != "constant" or find(config["method"]["name"]).traits.scheduled


def _differing(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [name for name in new if name in old and old[name] != new[name]]
