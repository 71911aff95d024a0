"""Directions in which an attribute or a label changes, learnt by linear probes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eccentric.data.attributes import Attributes
from eccentric.errors import UsageError
from eccentric.evaluation.attributes import base_rates, one_component_gains

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float, Shaped

__all__ = ["Direction", "attributes_of_labels", "learn", "learn_between"]

MOST_ITEMS = 20_000  # training items used, evenly spaced; more items hardly change a direction


@dataclass(frozen=True)
class Direction:
    """The direction of an attribute.

    Attributes:
        name: name of the attribute.
        vector: (d,) unit vector, in standard deviations of the components.
        accuracy: accuracy of the linear probe on the test items.
        base_rate: accuracy of always predicting the more frequent value, on the test items.
        component: index of the component that predicts the attribute best (Table 5); None if no component does.
        component_accuracy: accuracy of that component alone on the test items, with a decision tree of depth 1.
    """

    name: str
    vector: Float[np.ndarray, " d"]
    accuracy: float
    base_rate: float
    component: int | None
    component_accuracy: float


def attributes_of_labels(
    train: Shaped[np.ndarray, " n"], test: Shaped[np.ndarray, " m"], names: Sequence[str]
) -> Attributes:
    """One attribute per label. For two labels, only the second one, because the first one is its opposite."""
    asked = names[1:] if len(names) == 2 else names
    shown = [" → ".join(names)] if len(names) == 2 else list(names)
    return Attributes(shown, *(np.stack([labels == name for name in asked], 1) for labels in (train, test)))


def learn(train: Float[np.ndarray, "n d"], test: Float[np.ndarray, "m d"], attributes: Attributes) -> list[Direction]:
    """Learn a direction for each attribute that has both values among the training items.

    Args:
        train, test: states of the training and of the test items.
        attributes: attributes of these items, in the same order.
    """
    if (len(attributes.train), len(attributes.test)) != (len(train), len(test)):
        raise UsageError(
            f"the attributes are of {len(attributes.train):,} training and {len(attributes.test):,} test items, but "
            f"the run has {len(train):,} and {len(test):,}; name the data that the run was trained on"
        )
    rows = np.linspace(0, len(train) - 1, min(len(train), MOST_ITEMS)).astype(int)
    train, truth = train[rows], attributes.train[rows]
    varied = truth.any(0) & ~truth.all(0)
    names = [name for name, use in zip(attributes.names, varied, strict=True) if use]
    truth, test_truth = truth[:, varied], attributes.test[:, varied]
    if not names:
        return []
    gains = one_component_gains(train, truth, test, test_truth, names)
    return [
        Direction(name, *_probe(train, truth[:, j], test, test_truth[:, j]), rate, gain.component, gain.accuracy)
        for j, (name, rate, gain) in enumerate(zip(names, base_rates(test_truth).tolist(), gains, strict=True))
    ]


def learn_between(
    train: Float[np.ndarray, "n d"],
    train_labels: Shaped[np.ndarray, " n"],
    test: Float[np.ndarray, "m d"],
    test_labels: Shaped[np.ndarray, " m"],
    first: str,
    second: str,
) -> Direction | None:
    """Learn the direction from the items of one label to those of another; None if one has no items in a split."""
    one, other = (np.isin(labels, (first, second)) for labels in (train_labels, test_labels))
    attributes = Attributes([second], (train_labels[one] == second)[:, None], (test_labels[other] == second)[:, None])
    found = learn(train[one], test[other], attributes) if one.any() and other.any() else []
    return found[0] if found else None


def _probe(
    train: Float[np.ndarray, "n d"], truth: Bool[np.ndarray, " n"], test: np.ndarray, test_truth: np.ndarray
) -> tuple[Float[np.ndarray, " d"], float]:
    """Direction and held-out accuracy of logistic regression with scikit-learn's default regularization."""
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the direction is accurate enough before the solver has converged
        probe = LogisticRegression(max_iter=200).fit(train, truth)
    weights = probe.coef_[0]
    length = np.linalg.norm(weights)
    vector = weights / length if length > 0 else np.zeros_like(weights)
    return vector, float((probe.predict(test) == test_truth).mean())
