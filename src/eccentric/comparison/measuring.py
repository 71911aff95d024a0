"""The measurements of a comparison, which are the same for every method, from the finished runs of a candidate."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eccentric.comparison.baseline_rows import flat, measure_baselines
from eccentric.comparison.cache import identity
from eccentric.comparison.quantities import Values, agreement_values, latents_of, of_run
from eccentric.components import DeepComponents
from eccentric.evaluation.baselines import fit_pca
from eccentric.evaluation.repeatability import linear_cka, pairwise_mcc, repeatability
from eccentric.inference import encode, reconstruction_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from eccentric.comparison.cache import Cache
    from eccentric.comparison.plan import Rows
    from eccentric.comparison.trainings import Trained
    from eccentric.evaluation.extractors import Extractor
    from eccentric.runs import Run

__all__ = ["Measured", "Measuring"]


@dataclass(frozen=True)
class Measured:
    """The measurements of one candidate. Quantities without a value are absent.

    Attributes:
        validation: reconstruction error on the validation rows for each seed.
        agreement: agreement between the components of two runs on the validation rows for each pair: MCC, or CKA for
            discrete latents. Empty for a single run.
        values: values by column of the result.
    """

    validation: list[float]
    agreement: list[float] = field(default_factory=list)
    values: Values = field(default_factory=dict)


class Measuring:
    """Measures the trainings of a comparison.

    Args:
        rows: training, validation and test rows.
        dim: number of latent dimensions.
        cache: cache of the measurements.
        standardize: function that converts raw items to the units of the networks.
        extractor: feature extractor for the Fréchet distance; None if there is none.
    """

    def __init__(
        self,
        rows: Rows,
        dim: int,
        cache: Cache,
        standardize: Callable[[torch.Tensor], torch.Tensor],
        extractor: Extractor | None,
    ) -> None:
        self.rows, self.dim, self._cache, self._standardize, self._extractor = rows, dim, cache, standardize, extractor
        self._features = None if extractor is None else extractor.protocol

    def agreement(self, trained: Trained) -> Measured:
        """Measure reconstruction errors and repeatability, for every weight of a method."""
        depends = [identity(run) for run in trained.runs]
        found = self._cache.get(f"weights/{trained.candidate.folder}", depends, lambda: asdict(self._agree(trained)))
        return Measured(**found)

    def rest(self, trained: Trained) -> Values:
        """Measure everything else, for the chosen weight."""
        values: Values = {}
        for seed, run in enumerate(trained.runs):
            depends = [identity(run), seed, self._features]
            measure = partial(of_run, run, self.rows.data, self._extractor, seed)
            found = self._cache.get(f"runs/{trained.candidate.folder}/{run.path.name}", depends, measure)
            for column, value in found.items():
                values.setdefault(column, []).append(value)
        return values

    def baselines(self, runs: int) -> tuple[dict[str, Measured], list[str]]:
        """Measure PCA and kernel PCA, see `measure_baselines`; also returns a sentence on each that is left out."""
        depends = [self.dim, runs, self._features]

        def measure() -> Any:
            return measure_baselines(self.rows, self.dim, runs, self._standardize, self._extractor)

        found, notes = self._cache.get("baselines", depends, measure)
        return {name: Measured(**measured) for name, measured in found.items()}, notes

    @cached_property
    def _anchors(self) -> torch.Tensor:
        """Scores of the training rows in a linear PCA, the anchors of anchored axes."""
        x = flat(self.rows.data.train, self._standardize)
        return torch.from_numpy(fit_pca(x, min(self.dim, *x.shape)).encode(x))

    def _agree(self, trained: Trained) -> Measured:
        runs = trained.runs
        values: Values = {"error": [float(run.evaluation["test_reconstruction"]) for run in runs]}
        models = [run.model() for run in runs]
        validation = [reconstruction_error(model, self.rows.validation.x) for model in models]
        if len(runs) < 2:
            return Measured(validation, [], values)
        z = [encode(model, self.rows.validation.x) for model in models]
        train, test = ([latents_of(run, split) for run in runs] for split in ("train", "test"))
        spectrum = runs[0].has_spectrum
        values |= agreement_values(repeatability(train, test), spectrum)
        if not spectrum:
            agreement = [linear_cka(p.numpy(), q.numpy()) for p, q in itertools.combinations(z, 2)]
            return Measured(validation, agreement, values)
        held_out = [run.components.encode(own).numpy() for run, own in zip(runs, z, strict=True)]
        values["mcc_anchored"] = pairwise_mcc([self._anchored(run) for run in runs]).tolist()
        return Measured(validation, pairwise_mcc(held_out).tolist(), values)

    def _anchored(self, run: Run) -> np.ndarray:
        """Coordinates of the test rows along axes anchored to the components of a linear PCA of the training rows."""
        train, test = (torch.from_numpy(np.asarray(run.latents(split).z)) for split in ("train", "test"))
        return DeepComponents("anchored").fit(train, self._anchors).encode(test).numpy()
