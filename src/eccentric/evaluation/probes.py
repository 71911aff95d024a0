"""Probes: how well simple classifiers do on an encoding (section 4.3), with PCA of the same size as the yardstick."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import Tensor

MOST_NUMBERS = 10**8


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


def pca_encodings(
    train: Tensor, test: Tensor, components: int, standardize: Callable[[Tensor], np.ndarray]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Principal components of both splits, fitted on the first, and the mean squared test reconstruction error.

    Items are standardised batch by batch, and PCA is fitted on as many random training items as make MOST_NUMBERS
    numbers (all of MNIST; 8,000 images of 64x64x3), so that memory stays bounded. The solver is scikit-learn's choice.

    Args:
        train, test: raw items, (n, ...) and (m, ...).
        components: how many; fewer where there are not so many items or features.
        standardize: raw items to flat standardised data (n, features).
    """
    import numpy as np
    import torch
    from sklearn.decomposition import PCA

    features = train[0].numel()
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    chosen = chosen[: max(components, MOST_NUMBERS // features)].sort().values
    pca = PCA(min(components, len(chosen), features), random_state=0).fit(standardize(train[chosen]))

    squares = 0.0
    encoded: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    for name, items in (("train", train), ("test", test)):
        for batch in items.split(1000):
            x = standardize(batch)
            p = pca.transform(x)
            encoded[name].append(p)
            if name == "test":
                squares += float(((pca.inverse_transform(p) - x) ** 2).sum(dtype=np.float64))
    return np.concatenate(encoded["train"]), np.concatenate(encoded["test"]), squares / (len(test) * features)
