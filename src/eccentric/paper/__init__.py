"""Reproduction of the paper: commands for each figure and table, and comparison of our numbers with the published ones.

`published` contains the numbers of the paper. An `Item` is one figure or table, with its requirements and a function
`make`, which computes a `Result` from trained runs. A `RunStore` is a folder of runs that items share; `reproduce`
makes items, writes them, and writes a page of all items.
"""

from eccentric.paper.items import Item
from eccentric.paper.making import reproduce
from eccentric.paper.registry import ITEMS, find_items
from eccentric.paper.results import Claim, Number, Result, Table
from eccentric.paper.run_store import RunStore
from eccentric.paper.scale import Scale, Spec

__all__ = [
    "ITEMS",
    "Claim",
    "Item",
    "Number",
    "Result",
    "RunStore",
    "Scale",
    "Spec",
    "Table",
    "find_items",
    "reproduce",
]
