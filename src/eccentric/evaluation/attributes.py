"""What simple classifiers read off an encoding about yes-or-no attributes (Tables 4 and 5)."""

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
    """Accuracy on the test items for each attribute, by classifier (Table 4, which gives mean errors).

    Args:
        train_p, test_p: encodings.
        train_attributes, test_attributes: what holds of each item.
        depths: of the decision trees, one for each attribute (Gini impurity, scikit-learn's defaults otherwise).
        neighbours: how many vote; of an even number, half is not enough for a yes.

    Returns:
        By the paper's names and in its order: "majority", see `base_rates`, then "DT(1)", "DT(8)" and "KNN(20)", or
        what the arguments make of them. 1 - the mean over attributes is the table's error.

    Raises:
        UsageError: the numbers of items or attributes do not go together, or there are fewer items than neighbours.
    """
    from sklearn.neighbors import KNeighborsClassifier

    _check(train_p, train_attributes, test_p, test_attributes)
    if neighbours > len(train_p):
        raise UsageError(f"{neighbours} neighbours cannot be asked, there are {len(train_p)} training items")
    scores = {"majority": base_rates(test_attributes)}
    for depth in depths:
        trees = _trees(train_p, train_attributes, depth)
        told = np.stack([tree.predict(test_p) for tree in trees], 1)
        scores[f"DT({depth})"] = _accuracy(told, test_attributes)
    # One search for the neighbours serves all attributes. Two columns, for one alone comes back as a vector.
    classifier = KNeighborsClassifier(neighbours).fit(train_p, np.c_[train_attributes, train_attributes[:, 0]])
    scores[f"KNN({neighbours})"] = _accuracy(classifier.predict(test_p)[:, :-1], test_attributes)
    return scores


@dataclass(frozen=True)
class Gain:
    """What one component tells of one attribute (a row of Table 5).

    Attributes:
        attribute: its name.
        number: its place among the attributes, from 1, as the paper counts them.
        component: the one that a tree of depth 1 splits on, from 0: the paper's p2 is 1. None where no split helps.
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
        """Accuracy above the base rate; may be negative."""
        return self.accuracy - self.base_rate


def one_component_gains(
    train_p: Float[np.ndarray, "n d"],
    train_attributes: Bool[np.ndarray, "n a"],
    test_p: Float[np.ndarray, "m d"],
    test_attributes: Bool[np.ndarray, "m a"],
    names: Sequence[str],
) -> list[Gain]:
    """For each attribute, the component a decision tree of depth 1 chooses and how far it leads (Table 5).

    Args:
        train_p, test_p: encodings, one column for each component in its order.
        train_attributes, test_attributes: what holds of each item.
        names: of the attributes.

    Returns:
        One for every attribute, in their order. The paper prints seven of forty, those that gain 0.15 or more.

    Raises:
        UsageError: the numbers of items, attributes or names do not go together.
    """
    _check(train_p, train_attributes, test_p, test_attributes)
    if len(names) != train_attributes.shape[1]:
        raise UsageError(f"{len(names)} names are given for {train_attributes.shape[1]} attributes")
    gains = []
    rates = base_rates(test_attributes)
    for j, (name, tree) in enumerate(zip(names, _trees(train_p, train_attributes, 1), strict=True)):
        split_on = int(tree.tree_.feature[0])  # negative in a tree that is a leaf
        accuracy = _accuracy(tree.predict(test_p), test_attributes[:, j])
        gains.append(Gain(name, j + 1, split_on if split_on >= 0 else None, float(rates[j]), float(accuracy)))
    return gains


def base_rates(test_attributes: Bool[np.ndarray, "m a"]) -> Float[np.ndarray, " a"]:
    """The majority baseline: the share of the more frequent answer among the test items themselves.

    No constant answer does better, so this is the baseline that is hardest to beat; a constant learnt from the training
    items can fall below one half where the splits differ.
    """
    yes = test_attributes.mean(0)
    return np.maximum(yes, 1 - yes)


def _trees(p: np.ndarray, attributes: np.ndarray, depth: int) -> list[DecisionTreeClassifier]:
    """One tree for each attribute, in threads: scikit-learn lets go of Python's lock while it grows a tree."""
    from sklearn.tree import DecisionTreeClassifier

    def grow(attribute: np.ndarray) -> DecisionTreeClassifier:
        # The seed decides between splits that are equally good.
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
