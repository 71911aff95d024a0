"""A second run that is aligned to the first run, so that both decode the same state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eccentric.comparison.runs import compare
from eccentric.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float

    from eccentric.explorer.scene import Scene

__all__ = ["Counterpart"]


class Counterpart:
    """The second of two runs on the same items.

    Args:
        first: run whose components the sliders change.
        scene: the other run.

    Attributes:
        correlation: (d,) correlation of each component of the first run with its counterpart, on the test items.

    Raises:
        UsageError: the runs have encoded different items, have different numbers of components, or decode items of
            different shapes.
    """

    def __init__(self, first: Scene, scene: Scene) -> None:
        if first.view.spec != scene.view.spec:
            raise UsageError(
                f"{scene.run.path} has {scene.view.spec}, but {first.run.path} has {first.view.spec}; name two runs on "
                "the same data"
            )
        comparison = compare([first.run, scene.run])
        self.scene = scene
        self.correlation: Float[np.ndarray, " d"] = comparison.stability.correlation
        self._matrix = comparison.alignments[1].matrix  # a permutation with signs: the same in standard deviations

    def states(self, states: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        """Convert states of the first run to states of the second run."""
        return states @ self._matrix
