"""The independent trainings of one fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eccentric.estimator import fitting, settings
from eccentric.estimator.record import Record
from eccentric.estimator.sources import some
from eccentric.evaluation.folds import Neighbourhoods
from eccentric.models.pca import LinearPCA, fit_pca
from eccentric.training.config import TrainConfig

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float
    from torch import Tensor

    from eccentric.estimator.settings import Parameters
    from eccentric.estimator.sources import Source


@dataclass(frozen=True, eq=False)
class Repeat:
    """One training.

    Attributes:
        record: record of the run.
        errors: error of each held-out row, or of training rows if there are none.
        pca: PCA of its training rows.
        neighbourhoods: of some of these rows.
        constant: constant columns of these rows.
    """

    record: Record
    errors: Float[Tensor, " n"]
    pca: LinearPCA
    neighbourhoods: Neighbourhoods
    constant: list[int]


def train_runs(
    parameters: Parameters, dim: int, source: Source, random: np.random.RandomState, *, strict: bool = False
) -> list[Repeat]:
    """Train `n_runs` runs, the first one on all training rows and the others on bootstrap samples.

    Args:
        parameters: parameters of the estimator.
        dim: number of components.
        source: the rows.
        random: generator for the seeds and the bootstrap samples.
        strict: train until the strict threshold for convergence.
    """
    settled = settings.settle(parameters, dim, source)
    runs = []
    for number, seed in enumerate(random.randint(2**31 - 1, size=parameters.n_runs)):
        config = TrainConfig(**settled, seed=int(seed))
        # All runs start from PCA. On identical rows, they would also agree on noise.
        rows = source.bootstrap(random) if number and source.bootstrap else source
        model, constant = fitting.make_model(config, rows.sample, source.spec, parameters.standardize)
        name = f"run {number + 1} of {parameters.n_runs}, " if parameters.n_runs > 1 else ""
        patience = settings.patience(parameters, config.epochs)
        pca = fit_pca(model, rows.sample, dim)
        near = Neighbourhoods(some(rows.sample), pca)
        trained = fitting.train_once(
            model, rows, config, near, patience=patience, strict=strict, verbose=parameters.verbose, name=name
        )
        if config.schedule == "trapezoid":
            config = replace(config, epochs=trained.metrics[-1].epoch)  # gives the same learning rates
        anchors, whole = pca, rows.rows()
        if not number:
            # A rotation changes no error, so axes need no held-out rows, and more rows determine them better.
            whole = source.every_row()
            if parameters.axes == "anchored" and len(source.held_out):
                anchors = fit_pca(model, source.known, dim)
        components = fitting.find_components(trained.model, whole, parameters.axes, anchors)
        record = Record.of(trained, config, components, source, pca)
        runs.append(Repeat(record, trained.errors, pca, near, constant))
    return runs
