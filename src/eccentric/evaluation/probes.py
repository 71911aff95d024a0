"""Probes: how well simple classifiers do on an encoding (section 4.3), with PCA of the same size as the yardstick."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def neighbours_for(labelled: int) -> int:
    """The paper's number of neighbours by the number of labelled items (Table 3: 100 -> 1 ... 60,000 -> 15)."""
    for most, neighbours in ((100, 1), (1_000, 5), (10_000, 10)):
        if labelled <= most:
            return neighbours
    return 15


def neighbour_error(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray, neighbours: int
) -> float:
    """Fraction of test items that a nearest-neighbour classifier gets wrong.

    Args:
        train, test: encodings (n, d) and (m, d).
        train_labels, test_labels: (n,) and (m,).
        neighbours: how many vote.
    """
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(min(neighbours, len(train))).fit(train, train_labels)
    return float(1 - classifier.score(test, test_labels))


def pca_encodings(train: np.ndarray, test: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Principal components of both splits, fitted on the first, and the mean squared test reconstruction error.

    Args:
        train, test: flat standardised data (n, features) and (m, features).
        components: how many; at most min(n, features).
    """
    from sklearn.decomposition import PCA

    pca = PCA(components, random_state=0).fit(train)
    encoded = pca.transform(test)
    return pca.transform(train), encoded, float(((pca.inverse_transform(encoded) - test) ** 2).mean())
