"""Probes of features: prediction of labels or attributes by a linear classifier and by nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped

__all__ = ["Probes", "probe"]

NEIGHBOURS = 20


class Probes(NamedTuple):
    """Two scores from 0 to 1: accuracy for labels; for attributes the mean area under their ROC curves."""

    linear: float
    neighbours: float


def probe(
    train: Float[np.ndarray, "n d"],
    targets: Shaped[np.ndarray, "n ..."],
    others: list[tuple[Float[np.ndarray, "m d"], Shaped[np.ndarray, "m ..."]]],
) -> list[Probes]:
    """Fit both probes to training items and evaluate them on other items.

    Args:
        train: features of the training items, which are standardised in this function.
        targets: class labels (n,), or attributes (n, a) with values 0 and 1.
        others: features and targets of the items for evaluation, such as validation and test items.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

    mean, scale = train.mean(0), train.std(0)
    scale = np.where(scale > 1e-6 * scale.max(initial=0) + 1e-12, scale, 1.0)  # constant features remain constant

    def standard(x: np.ndarray) -> np.ndarray:
        return (x - mean) / scale

    z = standard(train)
    if targets.ndim == 1:
        linear = LogisticRegression(max_iter=200).fit(z, targets)
        near = KNeighborsClassifier(min(NEIGHBOURS, len(z))).fit(train, targets)
        return [Probes(float(linear.score(standard(x), y)), float(near.score(x, y))) for x, y in others]
    heads = [LogisticRegression(solver="newton-cholesky").fit(z, column) for column in targets.T]
    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(z))).fit(train)
    found = []
    for x, y in others:
        scores = np.stack([head.decision_function(standard(x)) for head in heads], 1)
        votes = targets[search.kneighbors(x, return_distance=False)].mean(1)
        found.append(Probes(_area(y, scores), _area(y, votes)))
    return found


def _area(y: np.ndarray, scores: np.ndarray) -> float:
    """Mean area under the ROC curves of the attributes that have both values."""
    from sklearn.metrics import roc_auc_score

    told = (y.min(0) == 0) & (y.max(0) == 1)
    return float(roc_auc_score(y[:, told], scores[:, told]))
