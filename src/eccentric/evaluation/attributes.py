"""Prediction of binary attributes from an encoding by simple classifiers (Tables 4 and 5)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eccentric.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float
    from sklearn.tree import DecisionTreeClassifier

__all__ = ["Gain", "attribute_scores", "one_component_gains"]


def attribute_scores(
    train_p: Float[np.ndarray, "n d"],
    train_attributes: Bool[np.ndarray, "n a"],
    test_p: Float[np.ndarray, "m d"],
    test_attributes: Bool[np.ndarray, "m a"],
    *,
    depths: Sequence[int] = (1, 8),
    neighbours: int = 20,
) -> dict[str, Float[np.ndarray, " a"]]:
    """Accuracy on the test items for each attribute, by classifier (Table 4, which reports mean errors).

    Args:
        train_p, test_p: encodings.
        train_attributes, test_attributes: what holds of each item.
        depths: depths of the decision trees, one tree for each attribute (Gini impurity, otherwise scikit-learn's
            defaults).
        neighbours: number of neighbours that vote; a tie counts as no.

    Returns:
        Accuracies by the names and in the order of the paper: "majority" (see `base_rates`), then "DT(1)", "DT(8)" and
        "KNN(20)", with numbers according to the arguments. The error in the table is 1 minus the mean over attributes.

    Raises:
        UsageError: the numbers of items or attributes do not match, or there are fewer items than neighbours.
    """
    from sklearn.neighbors import KNeighborsClassifier

    _check(train_p, train_attributes, test_p, test_attributes)
    if neighbours > len(train_p):
        raise UsageError(f"neighbours must be at most the {len(train_p)} training items, not {neighbours}")
    scores = {"majority": base_rates(test_attributes)}
    for depth in depths:
        trees = _trees(train_p, train_attributes, depth)
        told = np.stack([tree.predict(test_p) for tree in trees], 1)
        scores[f"DT({depth})"] = _accuracy(told, test_attributes)
    # One search for neighbours is used for all attributes. Two columns are passed, because one would be returned as a
    # vector.
    classifier = KNeighborsClassifier(neighbours).fit(train_p, np.c_[train_attributes, train_attributes[:, 0]])
    scores[f"KNN({neighbours})"] = _accuracy(classifier.predict(test_p)[:, :-1], test_attributes)
    return scores


@dataclass(frozen=True)
class Gain:
    """Prediction of one attribute from one component (a row of Table 5).

    Attributes:
        attribute: its name.
        number: its number among the attributes, counted from 1 as in the paper.
        component: index of the component that a tree of depth 1 splits, from 0: the paper's p2 is 1. None if no split
            helps.
        base_rate: accuracy of the best constant answer on the test items.
        accuracy: of the tree on the test items.
    """

    attribute: str
    number: int
    component: int | None
    base_rate: float
    accuracy: float

    @property
    def gain(self) -> float:
        """Accuracy minus the base rate; may be negative."""
        return self.accuracy - self.base_rate


def one_component_gains(
    train_p: Float[np.ndarray, "n d"],
    train_attributes: Bool[np.ndarray, "n a"],
    test_p: Float[np.ndarray, "m d"],
    test_attributes: Bool[np.ndarray, "m a"],
    names: Sequence[str],
) -> list[Gain]:
    """For each attribute, the component chosen by a decision tree of depth 1 and its gain in accuracy (Table 5).

    Args:
        train_p, test_p: encodings, one column for each component in its order.
        train_attributes, test_attributes: what holds of each item.
        names: of the attributes.

    Returns:
        One gain for each attribute, in order. The paper shows the seven of forty with a gain of 0.15 or more.

    Raises:
        UsageError: the numbers of items, attributes or names do not match.
    """
    _check(train_p, train_attributes, test_p, test_attributes)
    if len(names) != train_attributes.shape[1]:
        raise UsageError(f"{len(names)} names are given for {train_attributes.shape[1]} attributes")
    gains = []
    rates = base_rates(test_attributes)
    for j, (name, tree) in enumerate(zip(names, _trees(train_p, train_attributes, 1), strict=True)):
        split_on = int(tree.tree_.feature[0])  # negative if the tree is a single leaf
        accuracy = _accuracy(tree.predict(test_p), test_attributes[:, j])
        gains.append(Gain(name, j + 1, split_on if split_on >= 0 else None, float(rates[j]), float(accuracy)))
    return gains


def base_rates(test_attributes: Bool[np.ndarray, "m a"]) -> Float[np.ndarray, " a"]:
    """The majority baseline: the fraction of the more frequent answer among the test items.

    No constant answer is better, so this baseline is the hardest to beat. A constant learnt from the training items can
    be below one half if the splits differ.
    """
    yes = test_attributes.mean(0)
    return np.maximum(yes, 1 - yes)


def _trees(p: np.ndarray, attributes: np.ndarray, depth: int) -> list[DecisionTreeClassifier]:
    """Grow one tree for each attribute, in threads: scikit-learn releases Python's lock while it grows a tree."""
    from sklearn.tree import DecisionTreeClassifier

    def grow(attribute: np.ndarray) -> DecisionTreeClassifier:
        # The seed chooses among equally good splits.
        return DecisionTreeClassifier(max_depth=depth, random_state=0).fit(p, attribute)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(grow, attributes.T))


def _accuracy(told: np.ndarray, true: np.ndarray) -> np.ndarray:
    accuracy: np.ndarray = (told == true).mean(0)
    return accuracy


def _check(train_p: np.ndarray, train_attributes: np.ndarray, test_p: np.ndarray, test_attributes: np.ndarray) -> None:
    for side, p, attributes in (("training", train_p, train_attributes), ("test", test_p, test_attributes)):
        if len(p) != len(attributes):
            raise UsageError(f"{len(attributes)} rows of attributes are given for {len(p)} {side} items")
    if train_attributes.shape[1] != test_attributes.shape[1]:
        raise UsageError(
            f"training items have {train_attributes.shape[1]} attributes, test items {test_attributes.shape[1]}"
        )
