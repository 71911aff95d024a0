"""The items in the order of the paper."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from eccentric.errors import UsageError
from eccentric.paper import agreement, attributes, faces, mnist, neighbours, sampling, spectra, theorem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eccentric.paper.items import Item

ITEMS: dict[str, Item] = {
    item.name: item
    for item in (
        theorem.FIGURE_1,
        theorem.FIGURE_2,
        mnist.FIGURE_3,
        theorem.FIGURE_4,
        spectra.FIGURE_5,
        agreement.FIGURE_6,
        mnist.FIGURE_7,
        faces.FIGURE_8,
        faces.FIGURE_9,
        sampling.TABLE_1,
        agreement.TABLE_2,
        neighbours.TABLE_3,
        attributes.TABLE_4,
        attributes.TABLE_5,
    )
}


def find_items(names: Sequence[str]) -> list[Item]:
    """Find items by name, in the given order without duplicates; "all" selects all items.

    Raises:
        UsageError: an item is unknown.
    """
    found: dict[str, Item] = {}
    for name in names:
        if name != "all" and name not in ITEMS:
            near = difflib.get_close_matches(name, ITEMS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(f"the paper has no item {name!r}; choose of {', '.join(ITEMS)}, or all{hint}")
        found |= ITEMS if name == "all" else {name: ITEMS[name]}
    return list(found.values())
