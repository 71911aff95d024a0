"""Whether a run that is resumed is still the same run."""

from __future__ import annotations

from typing import Any

from eccentric.errors import UsageError
from eccentric.training.config import TrainConfig

# Settings that do not decide what is computed, or that one may have a reason to change on the way.
MAY_CHANGE = ("epochs", "learning_rate", "device", "checkpoint_seconds", "log_every")


def check_items(recorded: dict[str, Any], shape: tuple[int, ...]) -> None:
    """See whether items are of the shape that the run began with, before a network is chosen for them.

    Raises:
        UsageError: they are not.
    """
    if tuple(recorded["shape"]) != shape:
        before, now = ("x".join(map(str, size)) for size in (recorded["shape"], shape))
        raise UsageError(f"cannot resume on items of {now}, the run began with {before}; use its own, or another --out")


def changes_since(recorded: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """A sentence on each difference from the record of a run to what is asked of it now.

    Args:
        recorded, now: as `train.describe` makes them for config.json.

    Raises:
        UsageError: what differs makes it another run.
    """
    old, new = {"width": TrainConfig.width, **recorded["train"]}, now["train"]  # folders of 0.1.0 lack the width
    differing = [name for name in new if name in old and old[name] != new[name]]
    fixed = [name for name in differing if name not in MAY_CHANGE]
    if "epochs" in differing and (new["schedule"] != "constant" or new["epochs"] < old["epochs"]):
        fixed.append("epochs")  # the schedule's end, or a past that cannot be undone
    if fixed:
        what = ", ".join(f"{name} was {old[name]}, not {new[name]}" for name in fixed)
        raise UsageError(f"cannot resume with other settings ({what}); use the run's own, or another --out")
    if recorded["data"].get("fingerprint") != now["data"]["fingerprint"]:
        raise UsageError("cannot resume on other data than the run began with; use the run's own, or another --out")
    changed = [f"{name} changed from {old[name]} to {new[name]}" for name in differing]
    # Where not all arithmetic is the same, the run goes on, but not to the bit as an undisturbed one would.
    return changed + [
        f"{part} changed from {recorded.get(part)} to {now[part]}, so rounding may differ"
        for part in ("engine", "versions", "device")
        if recorded.get(part) != now[part]
    ]
