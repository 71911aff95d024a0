"""Items of the paper: figures and tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eccentric.paper.results import Result
    from eccentric.paper.run_store import RunStore
    from eccentric.paper.scale import Spec


def nothing_trained(store: RunStore) -> list[Spec]:
    """No runs, for an item that is computed from formulas."""
    return []


@dataclass(frozen=True)
class Item:
    """A figure or table of the paper.

    Attributes:
        name: name on the command line, such as "fig3".
        title: title of the figure or table.
        needs: description of the requirements at the scale of the paper.
        make: function that computes the result from a store in which the runs of `specs` are finished.
        specs: function that lists the required runs at the scale of the store.
        check: check of other requirements before training; raises `EccentricError`.
        measure: for an item that needs only a few values of each run, the function that measures a run with
            `RunStore.measured`. The values are stored with the record of the run, and a run whose record has them need
            not exist on this machine.
        trend: numbers to be plotted over the course of training: titles of panels with regular expressions that match
            `Number.what`; the group of the expression is the label of a line.
    """

    name: str
    title: str
    needs: str
    make: Callable[[RunStore], Result]
    specs: Callable[[RunStore], Sequence[Spec]] = nothing_trained
    check: Callable[[RunStore], object] = nothing_trained
    measure: Callable[[RunStore, Spec], object] | None = None
    trend: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Name in the paper, such as "Figure 3"."""
        kind, number = ("Figure", self.name[3:]) if self.name.startswith("fig") else ("Table", self.name[5:])
        return f"{kind} {number}"
