"""Probes: accuracy of simple classifiers on an encoding (section 4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccentric.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float, Int, Shaped

TABLE_3 = {10: 1, 100: 1, 1000: 5, 10_000: 10, 60_000: 15}
"""Numbers of labelled items and of neighbours that vote, in Table 3 of the paper."""


def neighbours_for(labelled: int) -> int:
    """The paper's number of neighbours for a number of labelled items (Table 3: 100 -> 1 ... 60,000 -> 15)."""
    return next((neighbours for most, neighbours in TABLE_3.items() if labelled <= most), 15)


def neighbour_error(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray, neighbours: int
) -> float:
    """Fraction of test items that a nearest-neighbour classifier misclassifies.

    Args:
        train, test: encodings (n, d) and (m, d).
        train_labels, test_labels: (n,) and (m,).
        neighbours: number of neighbours that vote.
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
    *,
    balanced: bool = False,
) -> dict[int, Float[np.ndarray, " subsets"]]:
    """Errors of nearest-neighbour classifiers trained with the labels of a few random training items (Table 3).

    Args:
        train_p, test_p: encodings.
        train_labels, test_labels: labels of any type that supports comparison.
        counts_and_neighbours: numbers of labels with the numbers of neighbours that vote; those of the paper by
            default.
        subsets: random subsets for each count, 20 in the paper; all items together are one subset.
        seed: seed of the subsets. The subsets of a count do not depend on other counts, so that encodings of the same
            items are compared on the same subsets.
        balanced: whether each subset contains the same number of items of each class, or as nearly as possible. By
            default, subsets are drawn from all items regardless of their labels.

    Returns:
        For each count, the fraction of misclassified test items in each subset.

    Raises:
        UsageError: more labels than training items, or fewer labels than neighbours.
    """
    for count, neighbours in counts_and_neighbours.items():
        if not 1 <= neighbours <= count <= len(train_p):
            raise UsageError(
                f"cannot use {neighbours} neighbours among {count:,} labelled items of {len(train_p):,}; the number "
                "of labelled items must be at least that of neighbours and at most that of training items"
            )
    errors = {}
    for count, neighbours in counts_and_neighbours.items():
        draw = np.random.default_rng([seed, count])
        drawn = [
            _balanced(draw, train_labels, count) if balanced else draw.choice(len(train_p), count, replace=False)
            for _ in range(subsets if count < len(train_p) else 1)
        ]
        errors[count] = np.array(
            [neighbour_error(train_p[rows], train_labels[rows], test_p, test_labels, neighbours) for rows in drawn]
        )
    return errors


def _balanced(draw: np.random.Generator, labels: Shaped[np.ndarray, " n"], count: int) -> Int[np.ndarray, " count"]:
    """Rows of a random subset with as many items of each class as possible."""
    rows = draw.permutation(len(labels))
    _, codes = np.unique(labels[rows], return_inverse=True)
    place = np.empty(len(rows), int)  # of each row among those of its class
    for code in range(codes.max() + 1):
        place[codes == code] = np.arange((codes == code).sum())
    return rows[np.argsort(place, kind="stable")[:count]]
