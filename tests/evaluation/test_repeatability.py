from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from eccentric.evaluation.repeatability import (
    linear_cka,
    linear_map_r2,
    matched_correlations,
    mcc_null,
    pairwise_mcc,
    repeatability,
)


def encodings(seed: int, n: int = 60, d: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.normal(size=(n, d)) * np.arange(d, 0, -1)
    return p, p + rng.normal(size=(n, d))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(4)), st.lists(st.sampled_from([-3.0, 0.5]), min_size=4, max_size=4))
def test_mcc_does_not_depend_on_order_sign_and_scale(seed, order, factors):
    p, q = encodings(seed)
    np.testing.assert_allclose(
        matched_correlations(p, q), matched_correlations(p, q[:, order] * factors + 1), atol=1e-12
    )


def test_mcc_of_a_rotation_by_45_degrees():
    x = np.random.default_rng(0).normal(size=(50, 2))
    p = np.linalg.qr(x - x.mean(0))[0]  # centred, uncorrelated, of equal variance
    turned = p @ np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    np.testing.assert_allclose(matched_correlations(p, turned), np.sqrt(0.5))
    assert linear_cka(p, turned) == pytest.approx(1)


@pytest.mark.parametrize("n", [100, 1000])
def test_null_of_one_component_is_that_of_independent_columns(n):
    p, q = encodings(1, n, 1)
    assert mcc_null(p, q, permutations=2000) == pytest.approx(np.sqrt(2 / (np.pi * n)), rel=0.06)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_cka_does_not_depend_on_rotation_scale_and_shift(seed):
    p, q = encodings(seed)
    turned = 3 * q @ ortho_group.rvs(4, random_state=seed) + 7
    assert linear_cka(p, turned) == pytest.approx(linear_cka(p, q))
    assert linear_cka(p, turned) == pytest.approx(linear_cka(turned, p))
    assert linear_cka(p, 2 * p @ ortho_group.rvs(4, random_state=seed)) == pytest.approx(1)


def test_cka_of_single_columns_is_the_squared_correlation():
    p, q = encodings(2, d=1)
    assert linear_cka(p, q) == pytest.approx(np.corrcoef(p[:, 0], q[:, 0])[0, 1] ** 2)


def test_cka_of_a_part_of_whitened_columns():
    """With k of d orthonormal columns: ||q'p||^2 = k, ||p'p|| = sqrt d, ||q'q|| = sqrt k, so sqrt(k / d)."""
    x = np.random.default_rng(0).normal(size=(40, 5))
    p = np.linalg.qr(x - x.mean(0))[0]
    assert linear_cka(p, p[:, :2]) == pytest.approx(np.sqrt(2 / 5))


def test_r2_of_a_linear_map_is_one_and_of_noise_its_share():
    rng = np.random.default_rng(0)
    p = rng.normal(size=(40_000, 3))
    q = p @ rng.normal(size=(3, 3)) + 5
    noisy = p + 0.5 * rng.normal(size=p.shape)  # variance 1 of 1.25 is explained
    assert linear_map_r2(p[:50], q[:50], p[50:], q[50:]) == pytest.approx(1)
    assert linear_map_r2(p[:20_000], noisy[:20_000], p[20_000:], noisy[20_000:]) == pytest.approx(0.8, abs=0.01)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_r2_does_not_depend_on_an_invertible_map_of_the_source(seed):
    p, q = encodings(seed)
    a = np.random.default_rng(seed).normal(size=(4, 4)) + 4 * np.eye(4)
    mapped = p @ a + 1
    found = linear_map_r2(mapped[:40], q[:40], mapped[40:], q[40:])
    assert found == pytest.approx(linear_map_r2(p[:40], q[:40], p[40:], q[40:]), abs=1e-6)


def test_constant_encodings_share_nothing():
    p, _ = encodings(0)
    assert linear_cka(p, np.ones_like(p)) == 0
    assert linear_map_r2(p, np.ones_like(p), p, np.ones_like(p)) == 0
    assert (matched_correlations(p, np.ones_like(p)) == 0).all()


def test_every_pair_of_runs_counts():
    p, q = encodings(3)
    found = repeatability([p, p, q], [p, -p[:, ::-1], q])
    assert found.mcc.shape == found.mcc_null.shape == found.cka.shape == found.r2.shape == (3,)
    assert found.mcc[0] == pytest.approx(1)
    assert found.mcc[1] == pytest.approx(found.mcc[2])
    assert (found.mcc_null < found.mcc).all()
    assert found.by_component.shape == (4,)
    assert found.by_component.mean() == pytest.approx(found.mcc.mean())
    assert found.spearman_by_component.mean() == pytest.approx(found.spearman.mean())
    np.testing.assert_allclose(pairwise_mcc([p, -p[:, ::-1], q]), found.mcc)


def test_spearman_does_not_change_under_monotone_maps():
    p, q = encodings(4)
    found = repeatability([p, np.exp(p)], [p, np.exp(p)])
    assert found.spearman == pytest.approx(1)
    assert found.mcc < 0.99
    expected = repeatability([p, q], [p, q]).spearman
    assert repeatability([p, q**3], [p, q**3]).spearman == pytest.approx(expected)


def test_nulls_of_independent_encodings_are_like_their_agreement():
    p, q = np.random.default_rng(0).normal(size=(2, 400, 3))
    found = repeatability([p, q], [p, q])
    assert found.cka_null == pytest.approx(found.cka, abs=0.02)
    assert found.r2_null == pytest.approx(found.r2, abs=0.05)
    assert found.mcc_null == pytest.approx(found.mcc, abs=0.05)


def test_one_run_is_not_enough():
    p, _ = encodings(0)
    with pytest.raises(ValueError, match="at least two runs"):
        repeatability([p], [p])
