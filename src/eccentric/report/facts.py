"""What the words of a report rest on: the view of a run, and the settings of its training."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from eccentric.errors import EccentricError, UsageError
from eccentric.runs.names import CONFIG
from eccentric.runs.views import RunView, read_view
from eccentric.training.config import TrainConfig

if TYPE_CHECKING:
    import numpy as np

    from eccentric.runs import Run


@dataclass(frozen=True, kw_only=True)
class Facts(RunView):
    """One run in plain values."""

    settings: TrainConfig

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
    known = {field.name for field in fields(TrainConfig)}
    settings = _settings(run, {name: value for name, value in run.config["train"].items() if name in known})
    return Facts(**vars(read_view(run)), settings=settings)


def _settings(run: Run, values: dict[str, Any]) -> TrainConfig:
    try:
        return TrainConfig(**values)
    except (UsageError, TypeError, ValueError) as error:
        raise EccentricError(f"{run.path / CONFIG}: {error}; the file is damaged") from None
