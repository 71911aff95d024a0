"""Facts of a run that the report uses: its view, the settings of its training, and its method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eccentric.methods import registry
from eccentric.runs.views import RunView, read_view
from eccentric.training.config import TrainConfig

if TYPE_CHECKING:
    import numpy as np

    from eccentric.methods import Method
    from eccentric.runs import Run


@dataclass(frozen=True, kw_only=True)
class Facts(RunView):
    """Facts of one run as plain values."""

    settings: TrainConfig

    @property
    def method(self) -> type[Method]:
        return registry.find(self.settings.method)

    @property
    def method_settings(self) -> Any:
        return registry.make_settings(self.settings.method, self.settings.settings)

    @property
    def axes(self) -> str:
        """What the components are: "principal" axes of the latents, "anchored" ones, or the latents' "own"."""
        return "own" if self.method.traits.axes == "own" else self.settings.axes

    @property
    def own_axes(self) -> bool:
        """Whether the components are the latent coordinates themselves."""
        return self.axes == "own"

    @property
    def has_spectrum(self) -> bool:
        """Whether the latents have principal components."""
        return self.method.traits.has_spectrum

    @property
    def batch_size(self) -> int:
        return min(self.settings.batch_size, self.train_items)

    @property
    def epochs(self) -> np.ndarray:
        """Passes over the training items at each row of the metrics."""
        return self.metrics["step"] / (self.train_items // self.batch_size)


def read_facts(run: Run) -> Facts:
    """The facts of a run.

    Raises:
        EccentricError: a file is missing or damaged, or the files do not fit each other.
    """
    return Facts(**vars(read_view(run)), settings=TrainConfig.of_run(run))
