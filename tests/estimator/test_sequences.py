"""The estimator on sequences of different lengths."""

from __future__ import annotations

import numpy as np
import pytest

from eccentric import EccentricAutoencoder

RANDOM = np.random.default_rng(0)
ITEMS = [
    np.sin(phase + np.arange(length)[:, None] * 0.7 + np.arange(2)) + 5
    for phase, length in zip(RANDOM.normal(size=40), RANDOM.integers(3, 9, 40), strict=True)
]


@pytest.fixture(scope="module")
def fitted():
    return EccentricAutoencoder(2, item_kind="sequence", max_epochs=4, random_state=0, device="cpu").fit(ITEMS)


def padded(items, steps, value=np.nan):
    x = np.full((len(items), steps, 2), value)
    for row, item in zip(x, items, strict=True):
        row[: len(item)] = item
    return x


def test_components_do_not_depend_on_the_padding(fitted):
    p = fitted.transform(ITEMS)
    assert p.shape == (40, 2)
    np.testing.assert_allclose(fitted.transform(padded(ITEMS, 12)), p, atol=1e-5)
    np.testing.assert_allclose(fitted.transform([ITEMS[3]]), p[3:4], atol=1e-5)
    longer = [np.concatenate([ITEMS[3]] * 4)]
    assert fitted.transform(longer).shape == (1, 2), "encoding takes longer sequences than were fitted"


def test_what_was_learnt(fitted):
    assert fitted.item_shape_ == (8, 2)
    assert fitted.inverse_transform(fitted.transform(ITEMS[:3])).shape == (3, 8, 2)
    assert fitted.sample(2).shape == (2, 8, 2)
    assert np.isfinite([fitted.score(ITEMS), fitted.reconstruction_error_, fitted.pca_reconstruction_error_]).all()
    assert fitted.score(ITEMS) == pytest.approx(fitted.score(padded(ITEMS, 8)))
    assert len(fitted.plot_components().axes) == 4


def test_the_score_is_a_fraction_of_the_variance_of_all_steps(fitted):
    shifted = [item + 1 for item in ITEMS]  # their mean is not that of the training sequences
    model = fitted._fitted.model
    steps, made = np.concatenate(shifted), fitted.inverse_transform(fitted.transform(shifted))
    made = np.concatenate([row[: len(item)] for row, item in zip(made, shifted, strict=True)])
    scale = model.scale.numpy().reshape(-1)
    expected = 1 - (((made - steps) / scale) ** 2).sum() / (((steps - steps.mean(0)) / scale) ** 2).sum()
    assert fitted.score(shifted) == pytest.approx(expected, rel=1e-3)


def test_saved_and_opened(fitted, tmp_path):
    fitted.save(tmp_path / "run")
    again = EccentricAutoencoder.load(tmp_path / "run")
    np.testing.assert_array_equal(again.transform(ITEMS), fitted.transform(ITEMS))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((5, 3)), r"needs X of shape \(n, steps, features\)"),
        ([ITEMS[0], ITEMS[1][:0]], "sequence 1 of X has no steps"),
        ([ITEMS[0], ITEMS[1][:, :1]], "sequence 1 has 1 features, the first has 2"),
        ([ITEMS[0]], "minimum of 2 is required"),
        (np.where(np.arange(16).reshape(2, 4, 2) == 3, np.nan, 1.0), "sequence 0, step 1, feature 1; only whole steps"),
    ],
)
def test_mistakes(X, message):
    with pytest.raises(ValueError, match=message) as caught:
        EccentricAutoencoder(2, item_kind="sequence").fit(X)
    assert "\n" not in str(caught.value)


def test_other_features_than_were_fitted(fitted):
    with pytest.raises(ValueError, match="sequences of 1 features, but 2 features were fitted"):
        fitted.transform([ITEMS[0][:, :1]])
    with pytest.raises(ValueError, match="partial_fit does not take sequences"):
        EccentricAutoencoder(2, item_kind="sequence").partial_fit(ITEMS)
