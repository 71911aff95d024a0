from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from eccentric.evaluation import probes


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


def flat(x):
    return x.flatten(1).numpy()


def test_the_error_of_pca_is_the_variance_left_out():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3000, 2, 3, generator=generator) * torch.tensor([[5.0, 3, 2], [1, 0.5, 0.1]])
    train, test, error = probes.pca_encodings(x, x, 2, flat)
    assert train.shape == test.shape == (3000, 2)
    left_out = PCA().fit(flat(x)).explained_variance_[2:].sum() * 2999 / 3000
    assert error == pytest.approx(left_out / 6, rel=1e-4)


def test_pca_is_fitted_on_what_fits_in_memory(monkeypatch):
    x = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(probes, "MOST_NUMBERS", 400)
    sizes = []

    def counted(batch):
        sizes.append(len(batch))
        return flat(batch)

    train, test, _ = probes.pca_encodings(x, x[:50], 2, counted)
    assert sizes[0] == 100
    assert (len(train), len(test)) == (500, 50)


def test_fewer_items_than_components():
    x = torch.randn(3, 10)
    assert probes.pca_encodings(x, x, 8, flat)[0].shape == (3, 3)
