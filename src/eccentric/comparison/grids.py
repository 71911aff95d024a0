"""The rows of a comparison: a method, its fixed settings, and the values that are tried of the one that is tuned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eccentric.errors import UsageError
from eccentric.methods.registry import METHODS, find
from eccentric.settings import nearest

if TYPE_CHECKING:
    from eccentric.methods.base import Method

__all__ = ["BASELINES", "FACTORS", "REFERENCE", "Entry", "entries", "find_entry"]

REFERENCE = "plain"
BASELINES = {"pca": "PCA", "kernel-pca": "kernel PCA"}
FACTORS = (0.1, 1, 10)
"""Multiples of the default of a method's weight that are tried, unless `GRIDS` has values of its own."""
KNOBS = ("weight", "beta")
"""Settings that are the weight of a method."""
GRIDS: dict[str, tuple[str, tuple[float, ...]]] = {
    "irmae": ("layers", (2, 4, 8)),
    "nested-dropout": ("full", (0.1, 0.5, 0.9)),
    "uncertainty-autoencoder": ("sigma", (0.03, 0.1, 0.3)),
    "rae-gp": ("decoder_weight", (0.001, 0.01, 0.1)),
    "mhe-weights": ("weight", (0.003, 0.03, 0.3)),  # of the networks' weights: the latents feel it less
}
"""Methods without a weight, or with another setting that decides more; the default is among the values."""
VARIANTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "mhe-weights": ("mhe", {"on": "weights"}, "of the networks' weights"),
    "mhe-half-space": ("mhe", {"half_space": True}, "in half-space"),
}
"""Rows that are a method with other settings than its defaults: method, settings, and what to add to its title."""


@dataclass(frozen=True)
class Entry:
    """A row of a comparison.

    Attributes:
        name: of the row; that of the method, unless it is a variant of one.
        method: its name in the registry.
        title: for readers.
        fixed: settings of the method that are not its defaults.
        knob: the setting that is tuned; None where there is none.
        values: of the knob, ascending.
        default: the method's default of the knob.
    """

    name: str
    method: str
    title: str
    fixed: tuple[tuple[str, Any], ...] = ()
    knob: str | None = None
    values: tuple[float, ...] = ()
    default: float | None = None


def entries() -> dict[str, Entry]:
    """All rows that can be trained, by name: every registered method, and after it its variants."""
    found: dict[str, Entry] = {}
    for name, method in METHODS.items():
        found[name] = _entry(name, method, {}, method.title)
        for variant, (base, fixed, suffix) in VARIANTS.items():
            if base == name:
                found[variant] = _entry(variant, method, fixed, f"{method.title} {suffix}")
    return found


def find_entry(name: str) -> Entry:
    """A row by name.

    Raises:
        UsageError: there is none of that name.
    """
    known = entries()
    if name not in known:
        every = [*known, *BASELINES]
        raise UsageError(f"unknown method {name!r}{nearest(name, every)}; choose all, or some of {', '.join(every)}")
    return known[name]


def _entry(name: str, method: type[Method], fixed: dict[str, Any], title: str) -> Entry:
    settings = find(method.name).Settings(**fixed)
    knob = next((knob for knob in KNOBS if hasattr(settings, knob)), None)
    if name in GRIDS:
        knob, values = GRIDS[name]
    elif knob is not None:
        values = tuple(float(f"{factor * getattr(settings, knob):.6g}") for factor in FACTORS)
    else:
        values = ()
    default = None if knob is None else getattr(settings, knob)
    return Entry(name, method.name, title, tuple(fixed.items()), knob, values, default)
