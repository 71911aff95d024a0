from __future__ import annotations

import numpy as np
import pytest
from benchmarks.estimator import METHODS, Rows, split

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
    assert (len(data.train), len(data.stop), len(data.test)) == (108, 12, 30)
    coded = METHODS[method](data, rows.dim, 0)
    assert coded.train.shape == (108, 2)
    assert coded.test.shape == (30, 2)
    assert 0 < coded.error < 1.5


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
