"""A run as plain data, read once and checked, for reports and other readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.errors import EccentricError
from eccentric.runs.names import COMPONENTS, EXAMPLES, LATENTS, METRICS

if TYPE_CHECKING:
    from eccentric.data.items import ItemSpec
    from eccentric.runs.folder import Run
    from eccentric.runs.latents import Latents


@dataclass(frozen=True)
class Neighbours:
    """Nearest-neighbour errors of the run's components and of PCA's."""

    count: int
    error: float
    pca_error: float


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One run as plain values."""

    name: str
    """Name of the data."""
    notes: tuple[str, ...]
    """Notes on the data, one sentence each."""
    status: str
    version: str
    """Version of eccentric that trained the run."""
    spec: ItemSpec
    """Specification of one item."""
    columns: tuple[str, ...]
    """Names of the values of an item: the columns of a table, or "column 1" and so on; for sequences the names of the
    features.
    """
    train_items: int
    test_items: int
    metrics: dict[str, np.ndarray]
    """Columns of metrics.csv by name, (rows,) float64."""
    eigenvalues: np.ndarray
    """(d,) variances along the components, descending; empty for a method without components."""
    test: Latents
    """The encoded test items, at least one."""
    error: float
    """Mean squared error of reconstruction over the test items."""
    pca_error: float
    neighbours: Neighbours | None
    """Nearest-neighbour errors, if the labels are classes."""
    held_out: bool = True
    """Whether the test items were held out from training."""
    median_steps: int | None = None
    """Median length of the training sequences; None for items of other kinds."""
    one_unit: bool = False
    """Whether all columns of a table were divided by the same number, which keeps their proportions."""

    @property
    def dim(self) -> int:
        """Number of components, or of latent dimensions if there are no components."""
        if len(self.eigenvalues) or self.test.z is None:
            return len(self.eigenvalues)
        return int(self.test.z.shape[1])

    @property
    def trace(self) -> float:
        return float(self.eigenvalues.sum())

    @property
    def size(self) -> int:
        """Number of values in one item."""
        return self.spec.size

    @property
    def shape(self) -> tuple[int, ...]:
        return self.spec.shape

    @property
    def is_image(self) -> bool:
        return self.spec.is_image

    @property
    def noun(self) -> str:
        """Noun for a value with its own scale: a column of a table, or a feature of a sequence."""
        return "feature" if self.spec.is_sequence else "column"

    @property
    def pca_dim(self) -> int:
        return min(self.dim, self.train_items, self.size)


def read_view(run: Run) -> RunView:
    """Read a run that training has completed.

    Raises:
        EccentricError: a file is missing or damaged, or the files are inconsistent.
    """
    config, evaluation = run.config, run.evaluation
    names, size = config["feature_names"], run.spec.shape[-1] if run.spec.is_sequence else run.spec.size
    median = config["data"].get("lengths", {}).get("median", run.spec.shape[0])
    parameters = config.get("estimator", {}).get("parameters", {})
    view = RunView(
        name=config["data"]["name"],
        notes=tuple(config["data"].get("notes", [])),
        status=config["status"],
        version=config.get("versions", {}).get("eccentric", "unknown"),
        spec=run.spec,
        columns=tuple(names if len(names) == size else (f"column {i + 1}" for i in range(size))),
        train_items=config["items"]["train"],
        test_items=config["items"]["test"],
        metrics=run.metrics,
        eigenvalues=run.components.eigenvalues.numpy() if run.has_spectrum else np.zeros(0),
        test=run.latents("test"),
        error=float(evaluation["test_reconstruction"]),
        pca_error=float(evaluation["pca_test_reconstruction"]),
        neighbours=_neighbours(evaluation),
        held_out=config["data"].get("held_out", True),
        median_steps=median if run.spec.is_sequence else None,
        one_unit=not parameters.get("standardize", True),
    )
    _check(run, view)
    return view


def _check(run: Run, view: RunView) -> None:
    """Check that the files of a run are consistent."""
    if not len(view.metrics["step"]):
        raise EccentricError(f"{run.path / METRICS} has no rows; the run was not trained")
    if view.train_items < 1 or not len(view.test.p) or not len(run.examples):
        raise EccentricError(f"{run.path} contains no training or no test items; the folder is damaged")
    dim = run.config["train"]["dim"]
    widths = ((COMPONENTS, view.dim), (LATENTS, view.test.p.shape[1])) if run.has_spectrum else ()
    for name, found in widths:
        if found != dim:
            raise EccentricError(
                f"{run.path / name} has {found} components, but config.json says {dim}; the folder is damaged"
            )
    shape = tuple(run.examples.shape[1:])
    if shape != view.shape:
        raise EccentricError(
            f"{run.path / EXAMPLES} contains items of shape {shape}, but config.json says {view.shape}; the folder "
            "is damaged"
        )


def _neighbours(evaluation: dict[str, Any]) -> Neighbours | None:
    names = ("neighbours", "neighbour_error", "pca_neighbour_error")
    if any(name not in evaluation for name in names):
        return None
    count, error, pca_error = (evaluation[name] for name in names)
    return Neighbours(count, float(error), float(pca_error))
