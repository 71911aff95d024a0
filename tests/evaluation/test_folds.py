"""Distances along the data between neighbours in a code."""

import numpy as np
import pytest

from eccentric.estimator.warning import warn_of_folds
from eccentric.evaluation.folds import Kept, distances_along, neighbour_distance

T = np.linspace(0, 1.8 * np.pi, 300)
ARC = np.c_[np.cos(T), np.sin(T)]


def test_distances_are_those_along_an_arc():
    distances = distances_along(ARC)
    np.testing.assert_allclose(distances, np.abs(T[:, None] - T), rtol=0.01, atol=1e-9)


def test_a_code_that_folds_the_arc_has_distant_neighbours():
    distances = distances_along(ARC)
    assert neighbour_distance(distances, T[:, None]) < 0.01
    assert neighbour_distance(distances, ARC[:, :1]) > 0.3


def test_parts_without_a_path_and_equal_items():
    apart = distances_along(np.r_[ARC[:20], ARC[:20] + 100])
    assert np.isfinite(apart).all()
    assert apart[0, 20] == apart.max()
    same = np.ones((30, 2))
    assert neighbour_distance(distances_along(same), same) == 0
    assert neighbour_distance(distances_along(ARC[:2]), T[:2, None]) == pytest.approx(2)


def test_the_warning_names_a_remedy():
    warn_of_folds(Kept(0.6, 0.3), Kept(0.4, 0.3))
    with pytest.warns(UserWarning, match=r"1\.5 times as far apart along the data as for PCA.*Train longer"):
        warn_of_folds(Kept(0.6, 0.45), Kept(0.4, 0.3))
    with pytest.warns(UserWarning, match="keep 30% of the nearest neighbours, PCA 40%"):
        warn_of_folds(Kept(0.3, 0.1), Kept(0.4, 0.3))
