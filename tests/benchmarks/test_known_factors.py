from __future__ import annotations

import numpy as np
import pytest
from benchmarks.known_factors import COLUMNS_OF, KINDS, make_table, mcc, measure, r_squared
from sklearn.decomposition import PCA


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_standardised_signals_in_noise(kind):
    table = make_table(kind, 4000, 0)
    assert table.x.shape == table.signal.shape == (4000, 40)
    assert table.x.dtype == np.float32
    np.testing.assert_allclose(table.signal.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(table.signal.std(0), 1)
    np.testing.assert_allclose((table.x - table.signal).std(0), 0.3, rtol=0.06)
    np.testing.assert_allclose(np.cov(table.factors.T), np.eye(3), atol=0.08)


@pytest.mark.parametrize("kind", KINDS)
def test_without_noise_the_table_is_the_signal(kind):
    table = make_table(kind, 200, 3, noise=0)
    np.testing.assert_allclose(table.x, table.signal, atol=1e-6)
    assert np.array_equal(table.x, make_table(kind, 200, 3, noise=0).x)
    assert not np.allclose(table.x, make_table(kind, 200, 4, noise=0).x)


def neighbour_difference(t: np.ndarray, column: np.ndarray) -> float:
    """Mean squared difference of a column between rows that are next to each other in t; near 0 if it depends on t."""
    return float(np.square(np.diff(column[t.argsort()])).mean())


def test_a_separable_column_is_a_curve_of_its_factor_alone():
    table = make_table("separable", 4000, 1)
    owner = np.repeat(range(3), COLUMNS_OF)
    for column in range(0, 40, 5):
        differences = [neighbour_difference(table.factors[:, k], table.signal[:, column]) for k in range(3)]
        assert differences[owner[column]] < 0.01
        assert sum(difference > 1 for difference in differences) == 2


def test_a_mixed_column_depends_on_more_than_one_factor():
    table = make_table("mixed", 4000, 1)
    assert all(
        neighbour_difference(table.factors[:, k], table.signal[:, j]) > 0.01 for k in range(3) for j in range(0, 40, 5)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_linear_components_do_not_reach_the_signal(kind):
    """So a nonlinear method has something to gain."""
    shares = [measure(make_table(kind, 2000, seed), PCA(3))[1] for seed in range(3)]
    assert 0.6 < np.mean(shares) < 0.9


def test_mcc_and_r_squared_in_closed_form():
    random = np.random.default_rng(0)
    factors = random.normal(size=(500, 3))
    noise = random.normal(size=(500, 2))
    assert mcc(np.c_[noise, -3 * factors[:, [2, 0, 1]]], factors) == pytest.approx(1)
    assert mcc(factors[:, [0, 1, 1]], factors) < 0.75
    assert r_squared(factors, factors) == 1
    assert r_squared(np.broadcast_to(factors.mean(0), factors.shape), factors) == pytest.approx(0)
