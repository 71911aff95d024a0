"""Probes: how well simple classifiers do on an encoding (section 4.3), with PCA of the same size as the yardstick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccentric.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jaxtyping import Float, Shaped
    from torch import Tensor

MOST_NUMBERS = 10**8
TABLE_3 = {10: 1, 100: 1, 1000: 5, 10_000: 10, 60_000: 15}
"""Labelled items -> neighbours that vote, in the paper's Table 3."""


def neighbours_for(labelled: int) -> int:
    """The paper's number of neighbours by the number of labelled items (Table 3: 100 -> 1 ... 60,000 -> 15)."""
    return next((neighbours for most, neighbours in TABLE_3.items() if labelled <= most), 15)


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


def subset_errors(
    train_p: Float[np.ndarray, "n d"],
    train_labels: Shaped[np.ndarray, " n"],
    test_p: Float[np.ndarray, "m d"],
    test_labels: Shaped[np.ndarray, " m"],
    counts_and_neighbours: Mapping[int, int] = TABLE_3,
    subsets: int = 20,
    seed: int = 0,
) -> dict[int, Float[np.ndarray, " subsets"]]:
    """Errors of nearest-neighbour classifiers that know the labels of a few random training items (Table 3).

    Subsets are drawn from all items alike, without regard to their labels, as in the paper: with 10 labels of 10 even
    classes, 0.9^10 = 35 % of the classes are never seen on average, and the paper's errors there, 34.0 to 39.0 %,
    leave no other reading.

    Args:
        train_p, test_p: encodings.
        train_labels, test_labels: of any kind that compares equal.
        counts_and_neighbours: how many labels -> how many neighbours vote; by default those of the paper.
        subsets: random subsets for each count, 20 in the paper; all items together are one subset.
        seed: of the subsets. Those of a count are the same whatever other counts there are, so that encodings of the
            same items are compared on the same subsets.

    Returns:
        For each count the fraction of test items told wrongly, one number for each subset.

    Raises:
        UsageError: more labels than training items, or fewer labels than neighbours.
    """
    for count, neighbours in counts_and_neighbours.items():
        if not 1 <= neighbours <= count <= len(train_p):
            raise UsageError(
                f"{neighbours} neighbours among {count:,} labelled items of {len(train_p):,} cannot be; there must be "
                "at least as many labelled items as neighbours, and at most as many as training items"
            )
    errors = {}
    for count, neighbours in counts_and_neighbours.items():
        draw = np.random.default_rng([seed, count])
        drawn = [draw.choice(len(train_p), count, replace=False) for _ in range(subsets if count < len(train_p) else 1)]
        errors[count] = np.array(
            [neighbour_error(train_p[rows], train_labels[rows], test_p, test_labels, neighbours) for rows in drawn]
        )
    return errors


def pca_encodings(
    train: Tensor,
    test: Tensor,
    components: int,
    standardize: Callable[[Tensor], np.ndarray],
    padded: bool = False,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Principal components of both splits, fitted on the first, and the mean squared test reconstruction error.

    Items are standardised batch by batch, and PCA is fitted on as many random training items as make MOST_NUMBERS
    numbers (all of MNIST; 8,000 images of 64x64x3), so that memory stays bounded. The solver is scikit-learn's choice.

    Args:
        train, test: raw items, (n, ...) and (m, ...).
        components: how many; fewer where there are not so many items or features.
        standardize: raw items to flat standardised data (n, features).
        padded: whether items are sequences whose padding is NaN. PCA then works on rows with zeros there, the mean of
            each feature, and errors are means over the real numbers of each item, as `Autoencoder.item_errors` has
            them.
    """
    import torch
    from sklearn.decomposition import PCA

    features = train[0].numel()
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    chosen = chosen[: max(components, MOST_NUMBERS // features)].sort().values
    with np.errstate(invalid="ignore"):  # constant items have no variance, of which PCA takes shares
        rows = _filled(standardize(train[chosen]), padded)
        pca = PCA(min(components, len(chosen), features), random_state=0).fit(rows)

    squares = 0.0
    encoded: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    for name, items in (("train", train), ("test", test)):
        for batch in items.split(1000):
            x = standardize(batch)
            p = pca.transform(_filled(x, padded))
            encoded[name].append(p)
            if name == "test":
                gaps = (pca.inverse_transform(p) - x) ** 2
                squares += float(np.nanmean(gaps, 1).sum() * features if padded else gaps.sum(dtype=np.float64))
    return np.concatenate(encoded["train"]), np.concatenate(encoded["test"]), squares / (len(test) * features)


def _filled(x: np.ndarray, padded: bool) -> np.ndarray:
    return np.nan_to_num(x) if padded else x
