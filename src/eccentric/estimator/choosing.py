"""The number of components, which is given or chosen by the reconstruction of held-out rows."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import Bunch

from eccentric.alignment import component_stability
from eccentric.estimator import settings
from eccentric.estimator.repeating import Repeat, train_runs
from eccentric.evaluation.importance import ERRORS, is_worth_it, standard_error
from eccentric.models.pca import fit_pca

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from eccentric.estimator.settings import Parameters
    from eccentric.estimator.sources import Source

MOST = 32  # maximum number of components that "auto" chooses


class Candidates:
    """Trainings with several numbers of components, all with the same seeds.

    They must have converged: otherwise a further component may lower the error only because training is faster with it.

    Attributes:
        runs: runs by number of components, in the order of training.
        most: largest possible number of components.
    """

    def __init__(self, parameters: Parameters, source: Source, random: np.random.RandomState) -> None:
        self._parameters, self._source, self._random = parameters, source, random
        self.runs: dict[int, list[Repeat]] = {}
        self.most = min(len(source.sample), source.spec.size)

    def train(self, dim: int) -> list[Repeat]:
        """The trainings with `dim` components."""
        if dim not in self.runs:
            random = copy.deepcopy(self._random)
            self.runs[dim] = train_runs(self._parameters, dim, self._source, random, strict=True)
        return self.runs[dim]

    def errors(self, dim: int) -> Float[Tensor, " n"]:
        """Error of each held-out row. With zero components, the reconstruction is the mean of the training rows."""
        if dim:
            return self.train(dim)[0].errors
        pca, held_out = self.train(1)[0].pca, self._source.held_out
        return (pca.standardize(held_out) - pca.mean).square().mean(1)

    def directions(self) -> int:
        """Number of features that are not constant."""
        pca = self.train(1)[0].pca
        return int((pca.standardize(self._source.sample).std(0) > 0).sum())

    def pca_number(self, allowed: float) -> int:
        """The smallest number of principal components with at most this error on held-out rows."""
        run = self.train(1)[0]
        whole = fit_pca(run.record.model, self._source.sample, self.most)
        centred = whole.standardize(self._source.held_out) - whole.mean
        left = centred.square().mean() - (centred @ whole.axes.T).square().mean(0).cumsum(0) / centred.shape[1]
        enough = (left <= allowed).nonzero()
        return int(enough[0]) + 1 if len(enough) else self.most

    def table(self) -> Bunch:
        """`choice_`: the measurements for each number of components."""
        numbers = sorted(self.runs)
        first = [self.runs[dim][0] for dim in numbers]
        return Bunch(
            n_components=np.array(numbers),
            error=np.array([run.record.error for run in first]),
            noise=np.array([ERRORS * standard_error(run.errors) for run in first]),
            pca_error=np.array([run.record.pca_error for run in first]),
            stability=np.array([_stability(self.runs[dim]) for dim in numbers]),
        )


def choose(
    parameters: Parameters, source: Source, random: np.random.RandomState
) -> tuple[list[Repeat], dict[str, Any]]:
    """The trainings with the chosen number of components, and attributes that describe the choice.

    "auto" adds components one by one as long as each reduces the error on held-out rows by more than a component of
    pure noise would (see `is_worth_it`). A fraction selects the smallest number of components whose reconstruction
    explains that fraction of the variance of held-out rows. It is found by bisection, up to the number that PCA needs.

    Raises:
        ValueError: the number of components is too large, or no rows are held out.
    """
    wanted = parameters.n_components
    if wanted is None or not isinstance(wanted, str | float):
        dim = settings.dimensions(parameters, len(source.sample) + len(source.held_out), source.spec.size)
        return train_runs(parameters, dim, source, random), {}
    if not len(source.held_out):
        raise ValueError(
            f"n_components={wanted!r} is chosen on held-out rows, and there are none; add rows, or pass an int"
        )
    candidates = Candidates(parameters, source, random)
    dim = _by_gain(candidates) if isinstance(wanted, str) else _by_share(candidates, float(wanted))
    return candidates.train(dim), {"choice_": candidates.table()}


def _by_gain(candidates: Candidates) -> int:
    directions = candidates.directions()
    dim = 1
    while dim < min(MOST, candidates.most):
        if not is_worth_it(candidates.errors(dim), candidates.errors(dim + 1), directions - dim):
            break
        dim += 1
    return dim


def _by_share(candidates: Candidates, share: float) -> int:
    allowed = (1 - share) * candidates.errors(0).mean().item()
    low, high = 1, candidates.pca_number(allowed)
    while low < high:
        middle = (low + high) // 2
        if candidates.errors(middle).mean().item() <= allowed:
            high = middle
        else:
            low = middle + 1
    return low


def _stability(runs: list[Repeat]) -> float:
    """Mean stability over components and pairs of runs; NaN for one run."""
    if len(runs) < 2:
        return np.nan
    train, held_out = ([getattr(run.record, split).p for run in runs] for split in ("train", "test"))
    return float(component_stability(train, held_out).correlation.mean())
