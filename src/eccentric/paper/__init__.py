"""The paper's reproduction: each of its figures and tables by command, our numbers beside the published ones.

`published` holds the paper's numbers as data. An `Item` is one figure or table: what it needs, and `make`, which turns
trained runs into a `Result`. A `RunStore` is the folder where runs are trained, and found again by every item that
needs them; `reproduce` makes items and writes them, with a page that collects all that were made.
"""

from eccentric.paper.items import Item
from eccentric.paper.making import reproduce
from eccentric.paper.registry import ITEMS, find_items
from eccentric.paper.results import Claim, Number, Result, Table
from eccentric.paper.scale import Scale, Spec
from eccentric.paper.workshop import RunStore

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
