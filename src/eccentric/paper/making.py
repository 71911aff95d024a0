"""Computation of items: train missing runs, write results, and update the page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from eccentric.errors import EccentricError
from eccentric.paper.conditions import conditions
from eccentric.paper.page import write_page
from eccentric.paper.registry import ITEMS
from eccentric.paper.run_store import Stopped
from eccentric.paper.trend import measure_trend
from eccentric.paper.writing import write_item

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from eccentric.paper.items import Item
    from eccentric.paper.results import Result
    from eccentric.paper.run_store import RunStore
    from eccentric.paper.scale import Spec


def reproduce(
    items: Sequence[Item],
    store: RunStore,
    on_made: Callable[[Item, Result, Path], None] = lambda item, result, path: None,
    on_item: Callable[[Item], None] = lambda item: None,
) -> None:
    """Make items, and write each to its folder in the store as soon as it is finished.

    If one item fails, for example because its data are not available, the others are made nevertheless.

    Args:
        items: items from `find_items`.
        store: store for runs and results.
        on_made: called with each finished item, its result and its folder.
        on_item: called before each item is made.

    Raises:
        Stopped: the user asked to stop; finished items are written.
        EccentricError: some items could not be made; the message states the reasons. The others are written.
    """
    failures: list[tuple[Item, EccentricError]] = []
    expected: list[Spec] = []
    for item in items:
        try:
            expected += store.missing(item.specs(store), item.name)
        except EccentricError as error:  # the runs depend on the shape of the data, which cannot be read
            failures.append((item, error))
    store.expect(expected)
    failed = {item.name for item, _ in failures}
    for item in items:
        if item.name in failed:
            continue
        on_item(item)
        try:
            if store.stop.asked:
                raise Stopped(f"stopped before {item.place}; finished items are kept")
            item.check(store)
            for spec in store.missing(item.specs(store), item.name):
                store.run(spec)
            with store.stop.at_once():
                result, path = make_item(item, store)
                write_page(store.folder, ITEMS)
        except Stopped:
            raise
        except KeyboardInterrupt:
            if not store.stop.asked:
                raise
            raise Stopped(f"stopped while {item.place} was made; finished items are kept") from None
        except EccentricError as error:
            failures.append((item, error))
            continue
        on_made(item, result, path)
    if len(failures) == 1 == len(items):
        raise failures[0][1]
    if failures:
        reasons: dict[str, list[str]] = {}
        for item, why in failures:
            reasons.setdefault(str(why), []).append(item.name)
        raise EccentricError("; ".join(f"{', '.join(names)} not made: {reason}" for reason, names in reasons.items()))


def make_item(item: Item, store: RunStore) -> tuple[Result, Path]:
    """Make one item from its finished runs and write it.

    Returns:
        The result and its folder.

    Raises:
        EccentricError: a run is incomplete, or the folder cannot be written.
    """
    store.used.clear()
    began = time.perf_counter()
    result = item.make(store)
    made_under = conditions(store, time.perf_counter() - began)
    trend = measure_trend(item, store, result)
    return result, write_item(store.folder, item, result, made_under, trend, store.format)
