from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from eccentric.errors import UsageError
from eccentric.evaluation.attributes import attribute_scores, base_rates, one_component_gains

Sides = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def encoded() -> Sides:
    """Four components; attributes: the third large, the first two both positive, and chance."""
    draw = np.random.default_rng(0)

    def side(n):
        p = draw.normal(size=(n, 4))
        chance = draw.random(n) < 0.8
        return p, np.stack([p[:, 2] > 0.5, (p[:, 0] > 0) & (p[:, 1] > 0), chance], 1)

    return *side(2000), *side(1000)


def test_scores_have_the_names_and_order_of_table_4(encoded: Sides):
    assert list(attribute_scores(*encoded)) == ["majority", "DT(1)", "DT(8)", "KNN(20)"]
    assert list(attribute_scores(*encoded, depths=(3,), neighbours=5)) == ["majority", "DT(3)", "KNN(5)"]


def test_scores_are_those_of_one_classifier_an_attribute(encoded: Sides):
    train_p, train_attributes, test_p, test_attributes = encoded
    scores = attribute_scores(*encoded)
    for j in range(3):
        for name, classifier in {
            "DT(1)": DecisionTreeClassifier(max_depth=1, random_state=0),
            "DT(8)": DecisionTreeClassifier(max_depth=8, random_state=0),
            "KNN(20)": KNeighborsClassifier(20),
        }.items():
            alone = classifier.fit(train_p, train_attributes[:, j]).score(test_p, test_attributes[:, j])
            assert scores[name][j] == pytest.approx(alone)


def test_what_each_classifier_can_see(encoded: Sides):
    scores = attribute_scores(*encoded)
    assert scores["DT(1)"][0] > 0.99
    # Of two conditions that must both hold, one component alone tells no more than the more frequent answer.
    assert scores["DT(1)"][1] == pytest.approx(scores["majority"][1], abs=0.02)
    assert scores["DT(8)"][1] > 0.95
    assert scores["KNN(20)"][1] > 0.9


def test_one_attribute_alone(encoded: Sides):
    train_p, train_attributes, test_p, test_attributes = encoded
    alone = attribute_scores(train_p, train_attributes[:, :1], test_p, test_attributes[:, :1])
    assert all(scores.shape == (1,) for scores in alone.values())
    assert alone["KNN(20)"][0] == attribute_scores(*encoded)["KNN(20)"][0]


def test_base_rates_are_of_the_more_frequent_answer():
    held = np.array([[True, True, False], [True, False, False], [True, False, True], [True, False, False]])
    assert base_rates(held).tolist() == [1, 0.75, 0.75]


def test_gains(encoded: Sides):
    gains = one_component_gains(*encoded, ["third", "both", "chance"])
    assert [g.attribute for g in gains] == ["third", "both", "chance"]
    assert [g.number for g in gains] == [1, 2, 3]
    assert gains[0].component == 2
    assert gains[0].base_rate == pytest.approx(0.69, abs=0.05)
    assert gains[0].gain == pytest.approx(gains[0].accuracy - gains[0].base_rate)
    assert gains[0].gain > 0.25
    assert abs(gains[2].gain) < 0.02


def test_gains_agree_with_the_scores(encoded: Sides):
    gains = one_component_gains(*encoded, list("abc"))
    scores = attribute_scores(*encoded)
    assert [g.accuracy for g in gains] == scores["DT(1)"].tolist()
    assert [g.base_rate for g in gains] == scores["majority"].tolist()


def test_an_attribute_that_all_share_has_no_component():
    p = np.random.default_rng(0).normal(size=(30, 2))
    (gain,) = one_component_gains(p, np.ones((30, 1), bool), p, np.ones((30, 1), bool), ["all"])
    assert (gain.component, gain.gain) == (None, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({1: np.ones((5, 3), bool)}, "5 rows of attributes are given for 2000 training items"),
        ({3: np.ones((5, 3), bool)}, "5 rows of attributes are given for 1000 test items"),
        ({3: np.ones((1000, 2), bool)}, "training items have 3 attributes, test items 2"),
    ],
)
def test_tables_that_do_not_go_together(encoded: Sides, change, said):
    a, b, c, d = (change.get(i, value) for i, value in enumerate(encoded))
    with pytest.raises(UsageError, match=said):
        attribute_scores(a, b, c, d)
    with pytest.raises(UsageError, match=said):
        one_component_gains(a, b, c, d, list("abc"))


def test_names_and_neighbours_must_be_enough(encoded: Sides):
    with pytest.raises(UsageError, match="2 names are given for 3 attributes"):
        one_component_gains(*encoded, list("ab"))
    with pytest.raises(UsageError, match="neighbours must be at most the 2000 training items, not 9000"):
        attribute_scores(*encoded, neighbours=9000)
