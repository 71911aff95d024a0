from __future__ import annotations

import numpy as np
import pytest
import torch
from benchmarks.estimator import METHODS, Rows, _filling_the_frame, split
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eccentric.data import ItemSpec
from eccentric.estimator import fitting
from eccentric.models.general import Bypass


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    x = random.normal(size=(150, 3)) @ random.normal(size=(3, 6)) + 0.1 * random.normal(size=(150, 6))
    return Rows(x.astype(np.float32), random.integers(2, size=150), 2, ItemSpec("table", (6,)))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_encodes_and_reconstructs_held_out_rows(method, rows, monkeypatch):
    monkeypatch.setattr(fitting, "STEPS", 20)
    data = split(rows, 0)
    assert (len(data.train), data.stop, len(data.coded), len(data.test)) == (120, 12, 108, 30)
    coded = METHODS[method](data, rows.dim, 0)
    assert coded.train.shape == (108, 2)
    assert coded.test.shape == (30, 2)
    assert 0 < coded.error < 1.5


def test_pca_standardises_the_rows_that_it_is_fitted_to(rows):
    data = split(rows, 0).resampled(0)
    own = make_pipeline(StandardScaler(), PCA(2)).fit(data.train[data.rows])
    coded = METHODS["PCA"](data, 2, 0)
    signs = np.sign((coded.test * own.transform(data.test)).sum(0))
    np.testing.assert_allclose(coded.test, signs * own.transform(data.test), atol=1e-4)
    left = (own.inverse_transform(own.transform(data.test)) - data.test) / data.train.std(0)
    assert coded.error == pytest.approx(np.square(left).mean(), rel=1e-3)


def test_digits_are_scaled_to_fill_their_frame():
    image = torch.zeros(28, 28)
    image[4:24, 10:14] = 1
    found = _filling_the_frame(image)
    assert found.shape == (16, 16)
    assert found[:, 7:9].min() > 0.9
    assert found[:, :5].max() == found[:, 11:].max() == 0


def test_rivals_start_from_random_weights(rows, monkeypatch):
    started = []
    once = fitting.train_once

    def noted(model, *args, **options):
        started.append((type(model.encoder), model.encoder.linear.bias.abs().max().item()))
        return once(model, *args, **options)

    monkeypatch.setattr(fitting, "STEPS", 1)
    monkeypatch.setattr(fitting, "train_once", noted)
    data = split(rows, 0)
    for method in ("EccentricAutoencoder", "plain autoencoder", "variational autoencoder"):
        METHODS[method](data, rows.dim, 0)
    assert [kind for kind, _ in started] == [Bypass] * 3
    pca, *rivals = (bias for _, bias in started)
    assert pca < 1e-6  # standardised columns have mean zero
    assert min(rivals) > 1e-3
