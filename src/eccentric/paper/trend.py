"""Numbers of an item over the course of training, computed from the milestones of its runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eccentric.errors import EccentricError
from eccentric.paper.milestones import MILESTONES
from eccentric.paper.records import items_seen_by_papers
from eccentric.paper.run_store import RunStoreAt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eccentric.paper.items import Item
    from eccentric.paper.results import Number, Result
    from eccentric.paper.run_store import RunStore


@dataclass(frozen=True)
class Line:
    """One number over training.

    Attributes:
        label: label for the legend.
        values: one value for each epoch of the trend.
        published: value of the paper and the number after "±"; None if the paper has none.
    """

    label: str
    values: Sequence[float]
    published: float | None
    published_spread: float | None


@dataclass(frozen=True)
class Trend:
    """Numbers of an item over training.

    Attributes:
        epochs: epochs of the measurements, ascending; the last is the end of the runs.
        seen: number of items that a run had seen at each epoch.
        papers: number of items that the runs of the paper saw.
        panels: lines by title.
        runs: number of seeds of each setting for the points before the last.
    """

    epochs: Sequence[int]
    seen: Sequence[int]
    papers: int
    panels: dict[str, list[Line]]
    runs: int

    @property
    def has_published(self) -> bool:
        return any(line.published is not None for lines in self.panels.values() for line in lines)


def measure_trend(item: Item, store: RunStore, result: Result) -> Trend | None:
    """Make the item from each milestone common to all of its runs, with as few seeds as possible.

    Args:
        item: item to make.
        store: store with the finished runs.
        result: result from the finished runs, the last point of the curves.

    Returns:
        The trend; None if the item has no numbers to plot, or if there is no milestone, as for runs of one epoch.
    """
    specs = item.specs(store)
    if not item.trend or not specs:
        return None
    [last] = {store.settings(spec).epochs for spec in specs}
    found: dict[int, Sequence[Number]] = {}
    few = 1
    for epoch in (each for each in MILESTONES if each < last):
        earlier = RunStoreAt(store, epoch)
        needed = item.specs(earlier)
        if not all(store.is_at(spec, epoch, item.name) for spec in needed):
            continue
        few = 1 + max(spec.seed for spec in needed)
        try:
            found[epoch] = item.make(earlier).numbers
        except EccentricError:  # the latents of an early milestone may be too degenerate to compare
            continue
    if not found or store.stop.asked:
        return None
    found[last] = result.numbers
    values = {epoch: {number.what: number.ours for number in numbers} for epoch, numbers in found.items()}
    panels = {
        title: [
            Line(match[1], [values[epoch][number.what] for epoch in found], number.published, number.published_spread)
            for number in result.numbers
            if (match := re.search(pattern, number.what)) and all(number.what in values[epoch] for epoch in found)
        ]
        for title, pattern in item.trend.items()
    }
    panels = {title: lines for title, lines in panels.items() if lines}
    if not panels:  # as for other data than the paper's
        return None
    used = store.used[specs[0]]
    items = (used if isinstance(used, dict) else used.config)["items"]["train"]
    return Trend(list(found), [epoch * items for epoch in found], items_seen_by_papers(specs[0].role), panels, few)
