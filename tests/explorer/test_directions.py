"""Directions that labels and attributes have in component space."""

import numpy as np
import pytest

from eccentric.data.attributes import Attributes
from eccentric.errors import UsageError
from eccentric.explorer.directions import attributes_of_labels, learn, learn_between

RNG = np.random.default_rng(0)
TRAIN, TEST = RNG.normal(size=(500, 4)), RNG.normal(size=(300, 4))


def test_a_direction_is_the_one_that_the_attribute_depends_on():
    truth = [states @ [0, 3, 0, 4] > 1 for states in (TRAIN, TEST)]
    (found,) = learn(TRAIN, TEST, Attributes(["tilted"], *(t[:, None] for t in truth)))
    assert np.linalg.norm(found.vector) == pytest.approx(1)
    assert np.allclose(found.vector, [0, 0.6, 0, 0.8], atol=0.15)
    assert found.accuracy > 0.95
    assert found.base_rate == pytest.approx(1 - truth[1].mean())
    assert found.component == 3
    assert found.base_rate < found.component_accuracy < found.accuracy


def test_attributes_without_two_answers_have_no_direction():
    attributes = Attributes(["all", "none"], *(np.tile([True, False], (len(x), 1)) for x in (TRAIN, TEST)))
    assert learn(TRAIN, TEST, attributes) == []


def test_attributes_of_other_items_are_refused():
    with pytest.raises(UsageError, match="of 1 training and 300 test items, but the run has 500 and 300"):
        learn(TRAIN, TEST, Attributes(["a"], np.ones((1, 1), bool), np.ones((300, 1), bool)))


def test_two_labels_are_one_direction_and_three_are_three():
    labels = np.array(["a", "b", "b"])
    assert attributes_of_labels(labels, labels, ["a", "b"]).train.tolist() == [[False], [True], [True]]
    assert attributes_of_labels(labels, labels, ["a", "b", "c"]).train.shape == (3, 3)


def test_one_label_against_another_ignores_the_rest():
    labels = [np.where(x[:, 0] > 0, "right", np.where(x[:, 1] > 0, "up", "down")) for x in (TRAIN, TEST)]
    found = learn_between(TRAIN, labels[0], TEST, labels[1], "down", "up")
    assert found is not None
    assert found.vector[1] > 0.9
    assert learn_between(TRAIN, labels[0], TEST, labels[1], "down", "absent") is None
