from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from eccentric.evaluation.importance import importance, is_worth_it
from eccentric.evaluation.redundancy import neighbour_overlap, redundancy


def test_of_pca_the_importance_is_the_variance():
    """Without component k, PCA's squared error grows by the mean square of its scores."""
    x = np.random.default_rng(0).normal(size=(400, 5)) * [5, 4, 3, 2, 1]
    pca = PCA(3).fit(x)
    p = torch.from_numpy(pca.transform(x))
    axes, mean = torch.from_numpy(pca.components_), torch.from_numpy(pca.mean_)
    found = importance(p, torch.from_numpy(x), lambda p: p @ axes + mean)
    squares = p.square().mean(0).numpy() / 5
    np.testing.assert_allclose(found.by_component, squares)
    np.testing.assert_allclose(-np.diff(found.curve), squares)
    assert found.curve[0] == pytest.approx(x.var(0).sum() / 5)
    assert (found.noise > 0).all()


def test_a_component_of_noise_is_not_worth_it():
    random = np.random.default_rng(0)
    x = torch.from_numpy(random.normal(size=(2000, 10)) * np.r_[3, np.ones(9)])
    errors = [x[:, k:].square().sum(1) / 10 for k in range(3)]  # with the first k columns kept
    assert is_worth_it(errors[0], errors[1], 10)
    assert not is_worth_it(errors[1], errors[2], 9)
    assert (errors[1] - errors[2]).mean() > 0  # though the error does fall


class TestRedundancy:
    def test_curvature_is_told_from_a_factor(self):
        random = np.random.default_rng(0)
        t = random.normal(size=(900, 2))
        p = np.c_[t, t[:, 0] ** 2 - 1 + 0.1 * random.normal(size=900)]
        found = redundancy(p[:600], p[600:])
        assert found[2] > 0.8
        assert found[1] < 0.1

    def test_independent_components_have_none(self):
        p = np.random.default_rng(0).normal(size=(600, 3))
        np.testing.assert_allclose(redundancy(p[:400], p[400:]), 0, atol=0.1)

    def test_of_one_component_or_a_constant(self):
        p = np.random.default_rng(0).normal(size=(50, 1))
        assert redundancy(p, p).tolist() == [0]
        assert redundancy(np.c_[p, 0 * p], np.c_[p, 0 * p])[1] == 0


def test_neighbours_survive_a_rotation_and_not_a_permutation():
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 3))
    assert neighbour_overlap(x, 2 * x @ np.linalg.qr(random.normal(size=(3, 3)))[0]) == 1
    assert neighbour_overlap(x, x[random.permutation(300)]) < 0.1
    assert neighbour_overlap(x[:2], x[:2]) == 1
