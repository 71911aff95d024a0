"""What the words of a report rest on, read from a run folder once and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eccentric.errors import EccentricError, UsageError
from eccentric.methods import registry
from eccentric.runs.names import CONFIG
from eccentric.training.config import TrainConfig

if TYPE_CHECKING:
    import numpy as np

    from eccentric.data.items import ItemSpec
    from eccentric.methods import Method
    from eccentric.runs import Latents, Run


@dataclass(frozen=True)
class Neighbours:
    """Nearest-neighbour errors of the run's components and of PCA's."""

    count: int
    error: float
    pca_error: float


@dataclass(frozen=True)
class Facts:
    """One run in plain values."""

    name: str
    """Of the data."""
    notes: tuple[str, ...]
    status: str
    version: str
    spec: ItemSpec
    """What one item is."""
    columns: tuple[str, ...]
    """Names of a table's columns."""
    train_items: int
    test_items: int
    settings: TrainConfig
    metrics: dict[str, np.ndarray]
    eigenvalues: np.ndarray
    test: Latents
    error: float
    """Mean squared error of reconstruction over the test items."""
    pca_error: float
    neighbours: Neighbours | None
    """Measured where the labels make classes."""
    held_out: bool = True
    """Whether the test items are no training items."""
    one_unit: bool = False
    """Whether all columns of a table were divided by one number, so that their proportions are as they were."""

    @property
    def dim(self) -> int:
        return len(self.eigenvalues)

    @property
    def method(self) -> type[Method]:
        return registry.find(self.settings.method)

    @property
    def own_axes(self) -> bool:
        """Whether the components are the latent coordinates themselves."""
        return self.method.traits.axes == "own"

    @property
    def method_settings(self) -> Any:
        return registry.make_settings(self.settings.method, self.settings.settings)

    @property
    def trace(self) -> float:
        return float(self.eigenvalues.sum())

    @property
    def size(self) -> int:
        """Numbers in one item."""
        return self.spec.size

    @property
    def shape(self) -> tuple[int, ...]:
        return self.spec.shape

    @property
    def is_image(self) -> bool:
        return self.spec.is_image

    @property
    def pca_dim(self) -> int:
        return min(self.dim, self.train_items, self.size)

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
        EccentricError: a file is missing or damaged, or does not say what it must.
    """
    config, evaluation = run.config, run.evaluation
    names = [str(name) for name in config.get("feature_names") or []]
    size = run.spec.size
    facts = Facts(
        name=str(config["data"].get("name", run.path.name)),
        notes=tuple(str(note) for note in config["data"].get("notes") or []),
        status=str(config["status"]),
        version=config.get("versions", {}).get("eccentric", "unknown"),
        spec=run.spec,
        columns=tuple(names if len(names) == size else (f"column {i + 1}" for i in range(size))),
        train_items=config["items"]["train"],
        test_items=config["items"]["test"],
        settings=_settings(run),
        metrics=run.metrics,
        eigenvalues=run.components.eigenvalues.numpy(),
        test=run.latents("test"),
        error=float(evaluation["test_reconstruction"]),
        pca_error=float(evaluation["pca_test_reconstruction"]),
        neighbours=_neighbours(evaluation),
        held_out=bool(config["data"].get("held_out", True)),
        one_unit=not config.get("estimator", {}).get("parameters", {}).get("standardize", True),
    )
    if not len(facts.metrics["step"]):
        raise EccentricError(f"{run.path / 'metrics.csv'} has no rows; the run was not trained")
    if not len(facts.test.p) or not len(run.examples):
        raise EccentricError(f"{run.path} holds no test items; the folder is damaged")
    return facts


def _settings(run: Run) -> TrainConfig:
    try:
        return TrainConfig.from_json(run.config)
    except (UsageError, TypeError, ValueError) as error:
        raise EccentricError(f"{run.path / CONFIG}: {error}; the file is damaged") from None


def _neighbours(evaluation: dict[str, Any]) -> Neighbours | None:
    names = ("neighbours", "neighbour_error", "pca_neighbour_error")
    if any(name not in evaluation for name in names):
        return None
    count, error, pca_error = (evaluation[name] for name in names)
    return Neighbours(count, float(error), float(pca_error))
