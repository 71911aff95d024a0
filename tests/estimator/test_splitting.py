"""Which rows are held out, and whether a gain on them counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eccentric.estimator.fitting import is_gain
from eccentric.estimator.splitting import identical, split
from tests.estimator.test_learning import quick


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=2, max_size=200), st.integers(0, 100), st.sampled_from([0.1, 0.3]))
def test_every_row_is_on_one_side_and_so_are_identical_rows(values, seed, fraction):
    x = np.array(values, np.float32)[:, None] * [1, 2]
    train, held = split(len(x), fraction, np.random.RandomState(seed), identical(x))
    assert sorted([*train, *held]) == list(range(len(x)))
    assert len(held) <= np.ceil(fraction * len(x))
    if set(x[train, 0]) & set(x[held, 0]):  # only if copies cannot be told from few distinct values
        np.testing.assert_array_equal(held, split(len(x), fraction, np.random.RandomState(seed))[1])
        copies = np.unique(x[:, 0], return_counts=True)[1]
        assert len(copies) < len(x) / 2


def test_rows_that_differ_are_held_out_as_if_nothing_were_compared():
    x = np.random.default_rng(0).normal(size=(100, 3))
    for ours, plain in zip(
        split(100, 0.1, np.random.RandomState(3), identical(x)), split(100, 0.1, np.random.RandomState(3)), strict=True
    ):
        np.testing.assert_array_equal(ours, plain)
    np.testing.assert_array_equal(identical(x), np.arange(100))


def test_a_row_that_occurs_too_often_is_not_held_out():
    x = np.r_[np.zeros(60), np.arange(1, 41)]
    _, held = split(100, 0.1, np.random.RandomState(0), identical(x))
    assert len(held) == 10
    assert x[held].min() > 0


def test_rows_of_few_distinct_values_are_divided_at_random():
    binary = np.random.default_rng(0).integers(2, size=(2000, 6))
    outliers = np.r_[np.repeat(np.arange(5), 200), 7, 8][:, None]
    for x in (binary, outliers):
        found = split(len(x), 0.1, np.random.RandomState(0), identical(x))
        np.testing.assert_array_equal(found[1], split(len(x), 0.1, np.random.RandomState(0))[1])


def test_rows_that_were_tripled_are_held_out_together():
    x = np.repeat(np.random.default_rng(0).normal(size=(200, 4)), 3, axis=0)
    train, held = split(600, 0.1, np.random.RandomState(0), identical(x))
    assert len(held) == 60
    assert not set(x[train, 0]) & set(x[held, 0])


def test_zero_has_no_sign():
    assert identical(np.array([[0.0, 1.0], [-0.0, 1.0]])).tolist() == [0, 0]


def test_repeated_rows_do_not_hide_that_nothing_was_learnt():
    # Rows drawn with replacement, as in a bootstrap: a network can memorise those that it has seen in training.
    noise = np.random.default_rng(0).normal(size=(200, 12))
    drawn = noise[np.random.default_rng(1).integers(200, size=200)]
    assert quick(n_components=2, max_epochs=200, batch_size=32).fit(drawn).fell_back_to_pca_


@pytest.mark.parametrize(
    ("gains", "counts"),
    [
        ([*np.linspace(0.1, 0.2, 99), 80.0], True),  # all rows, one of them far more
        ([*np.linspace(0.1, 0.2, 99), -80.0], False),  # most rows, but not the mean
        ([1.0] * 10 + [0.0] * 90, True),  # few rows, but consistently
        ([0.5, -0.5] * 50, False),
        ([0.0] * 100, False),
    ],
)
def test_which_gains_count(gains, counts):
    assert is_gain(torch.tensor(gains)) is counts


def test_gains_of_noise_rarely_count():
    noise = torch.randn(400, 100, generator=torch.Generator().manual_seed(0))
    assert 0 < sum(map(is_gain, noise)) / 400 < 0.06
