"""The rows of a comparison: a method, its fixed settings, and the values to try for the setting that is tuned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eccentric.errors import UsageError
from eccentric.methods.registry import METHODS
from eccentric.settings import nearest

if TYPE_CHECKING:
    from eccentric.methods.base import Method, Tuned

__all__ = ["BASELINES", "FACTORS", "Entry", "entries", "find_entry"]

BASELINES = {"pca": "PCA", "kernel-pca": "kernel PCA"}
FACTORS = (0.1, 1, 10)
"""Multiples of the default of the tuned setting to try, unless the method gives values of its own."""


@dataclass(frozen=True)
class Entry:
    """A row of a comparison.

    Attributes:
        name: name of the row; that of the method, unless the row is a variant of one.
        method: name of the method in the registry.
        title: name for readers.
        fixed: settings of the method that are not its defaults.
        knob: the setting that is tuned; None if there is none.
        values: values of the tuned setting, ascending.
        default: the method's default of the tuned setting.
        published: results published elsewhere; may be empty.
    """

    name: str
    method: str
    title: str
    fixed: tuple[tuple[str, Any], ...] = ()
    knob: str | None = None
    values: tuple[float, ...] = ()
    default: float | None = None
    published: str = ""


def entries() -> dict[str, Entry]:
    """All rows that can be trained, by name: every registered method, each followed by its variants."""
    found: dict[str, Entry] = {}
    for name, method in METHODS.items():
        # A subclass is another method, for which the published results do not hold.
        found[name] = _entry(name, method, {}, method.title, method.tuned, vars(method).get("published", ""))
        for variant, (fixed, suffix, tuned) in vars(method).get("variants", {}).items():
            found[variant] = _entry(variant, method, fixed, f"{method.title} {suffix}", tuned)
    return found


def find_entry(name: str) -> Entry:
    """Find a row by name.

    Raises:
        UsageError: there is no row of that name.
    """
    known = entries()
    if name not in known:
        every = [*known, *BASELINES]
        raise UsageError(f"unknown method {name!r}{nearest(name, every)}; choose all, or some of {', '.join(every)}")
    return known[name]


def _entry(
    name: str, method: type[Method], fixed: dict[str, Any], title: str, tuned: Tuned, published: str = ""
) -> Entry:
    settings = method.Settings(**fixed)
    if not hasattr(settings, tuned.setting):
        return Entry(name, method.name, title, tuple(fixed.items()), published=published)
    default = getattr(settings, tuned.setting)
    values = tuned.values or tuple(float(f"{factor * default:.6g}") for factor in FACTORS)
    return Entry(name, method.name, title, tuple(fixed.items()), tuned.setting, values, default, published)
