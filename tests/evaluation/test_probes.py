from __future__ import annotations

import numpy as np
import pytest

from eccentric.errors import UsageError
from eccentric.evaluation import probes

Sides = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def test_neighbours_are_those_of_table_3():
    assert [probes.neighbours_for(n) for n in (10, 100, 1000, 10_000, 60_000)] == [1, 1, 5, 10, 15]


def test_neighbour_error():
    """Two far clusters, and one test item of five beside the wrong one."""
    train = np.r_[np.zeros((5, 2)), np.full((5, 2), 10.0)] + np.random.default_rng(0).normal(size=(10, 2))
    labels = np.repeat([0, 1], 5)
    test = np.array([[0.0, 0], [1, 1], [10, 10], [9, 9], [9, 10]])
    assert probes.neighbour_error(train, labels, test, np.array([0, 0, 1, 1, 0]), 3) == pytest.approx(0.2)


def test_more_neighbours_than_items():
    assert probes.neighbour_error(np.zeros((3, 1)), np.array([1, 1, 0]), np.zeros((1, 1)), np.array([1]), 15) == 0


def test_table_3_as_the_paper_has_it():
    assert probes.TABLE_3 == {10: 1, 100: 1, 1000: 5, 10_000: 10, 60_000: 15}


@pytest.fixture
def ten_clusters() -> Sides:
    """Ten clusters so far apart that only a class nobody labelled is told wrongly."""
    draw = np.random.default_rng(0)
    labels, test_labels = draw.integers(10, size=2000), draw.integers(10, size=500)
    centres = 100 * draw.normal(size=(10, 4))
    return centres[labels], labels, centres[test_labels], test_labels


def test_subsets_are_drawn_without_regard_to_labels(ten_clusters: Sides):
    """Of ten even classes, ten labels miss 0.9^10 = 35 % on average."""
    errors = probes.subset_errors(*ten_clusters, {10: 1}, subsets=200)[10]
    assert errors.shape == (200,)
    assert errors.mean() == pytest.approx(0.9**10, abs=0.03)


def test_balanced_subsets_contain_each_class_equally_often(ten_clusters: Sides):
    errors = probes.subset_errors(*ten_clusters, {10: 1, 5: 1}, subsets=20, balanced=True)
    assert (errors[10] == 0).all()
    assert errors[5] == pytest.approx(np.full(20, 0.5), abs=0.1)  # five classes of ten
    assert len(set(errors[5])) > 1


def test_a_class_too_small_for_its_share_is_used_whole():
    """All labelled items vote. Eight are four of each class, and the tie goes to "a"; ten are four and six."""
    p = np.zeros((40, 2))
    labels = np.repeat(["a", "b"], [4, 36])
    errors = probes.subset_errors(p, labels, p, labels, {8: 8, 10: 10}, subsets=1, balanced=True)
    assert errors[8] == pytest.approx([0.9])
    assert errors[10] == pytest.approx([0.1])


def test_all_items_are_one_subset(ten_clusters: Sides):
    errors = probes.subset_errors(*ten_clusters, {100: 1, 2000: 15}, subsets=3)
    assert {count: len(of) for count, of in errors.items()} == {100: 3, 2000: 1}
    assert errors[2000][0] == probes.neighbour_error(*ten_clusters, 15)


def test_subsets_depend_on_seed_and_count_alone(ten_clusters: Sides):
    alone = probes.subset_errors(*ten_clusters, {20: 1}, subsets=5, seed=1)[20]
    among = probes.subset_errors(*ten_clusters, {10: 1, 20: 1}, subsets=5, seed=1)[20]
    other = probes.subset_errors(*ten_clusters, {20: 1}, subsets=5, seed=2)[20]
    assert (alone == among).all()
    assert (alone != other).any()


@pytest.mark.parametrize("wanted", [{3000: 1}, {5: 6}, {10: 0}])
def test_counts_that_cannot_be(ten_clusters: Sides, wanted):
    with pytest.raises(UsageError, match=r"labelled items of 2,000; the number of labelled items must be"):
        probes.subset_errors(*ten_clusters, wanted)
