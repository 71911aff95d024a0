"""Colours for labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from eccentric.plots.style import FAINT

if TYPE_CHECKING:
    from collections.abc import Sequence

# Ten colours by M. Petroff, which are distinguishable with all common kinds of colour blindness; the second grey is
# darkened.
CLASSES = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#3a3d45", "#92dadd")
LabelKind = Literal["none", "classes", "frequent", "numbers", "too many"]
Group = tuple[str, np.ndarray, str]


def label_kind(labels: Sequence[str] | np.ndarray | None) -> LabelKind:
    """How `scatter` colours by these labels.

    "classes": one colour each, for up to ten. "numbers": more than ten, all numeric, on a colour scale. "frequent":
    colours for the nine most frequent, grey for the rest. "too many": no colours, because the nine most frequent cover
    less than a third of the items.
    """
    if labels is None or len(labels) == 0:
        return "none"
    names, counts = np.unique(np.asarray(labels, dtype=str), return_counts=True)
    if len(names) <= len(CLASSES):
        return "classes"
    if as_numbers(names) is not None:
        return "numbers"
    return "frequent" if 3 * np.sort(counts)[-9:].sum() >= counts.sum() else "too many"


def label_groups(labels: Sequence[str] | np.ndarray | None) -> list[Group]:
    """(name, mask, colour) of each coloured class; empty if the labels are not classes."""
    kind = label_kind(labels)
    if kind not in ("classes", "frequent"):
        return []
    text = np.asarray(labels, dtype=str)
    names, counts = np.unique(text, return_counts=True)
    if kind == "classes":
        values = as_numbers(names)
        names = names if values is None else names[np.argsort(values, kind="stable")]
        return [(name, text == name, colour) for name, colour in zip(names, CLASSES, strict=False)]
    first = names[np.argsort(-counts, kind="stable")][:9]
    colours = [colour for colour in CLASSES if colour != "#94a4a2"]
    rest = ~np.isin(text, first)
    named = [(name, text == name, colour) for name, colour in zip(first, colours, strict=True)]
    return [*named, (f"{len(names) - 9} others", rest, FAINT)]


def as_numbers(names: np.ndarray) -> np.ndarray | None:
    """Names as numbers, or None if one of them is not a number."""
    try:
        values = names.astype(float)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None
