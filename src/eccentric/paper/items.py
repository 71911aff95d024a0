"""An item of the paper: one figure or table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eccentric.paper.results import Result
    from eccentric.paper.scale import Spec
    from eccentric.paper.workshop import RunStore


def nothing_trained(workshop: RunStore) -> list[Spec]:
    """The needs of an item that is computed from formulas."""
    return []


@dataclass(frozen=True)
class Item:
    """One figure or table of the paper.

    Attributes:
        name: as the command line calls it, "fig3".
        title: of the picture or table.
        needs: what it takes at the paper's scale, in words.
        make: from a workshop, in which the runs that `specs` names lie finished, to the result.
        specs: the runs it needs at the workshop's scale.
        check: what else it needs, looked for before anything is trained; raises `EccentricError`.
        trend: numbers whose course over training is drawn: titles of panels, and for each a regular expression that
            matches `Number.what`, its group being the label of a line.
    """

    name: str
    title: str
    needs: str
    make: Callable[[RunStore], Result]
    specs: Callable[[RunStore], Sequence[Spec]] = nothing_trained
    check: Callable[[RunStore], object] = nothing_trained
    trend: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """As the paper calls it: "Figure 3"."""
        kind, number = ("Figure", self.name[3:]) if self.name.startswith("fig") else ("Table", self.name[5:])
        return f"{kind} {number}"
