"""What the paper says of its rivals: VAEs equalise the variances, IRMAE makes components vanish, and the Eccentric loss
is in between, by its weight. On a table of real digits, with one network and budget for all."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.datasets import load_digits

from eccentric.data import from_arrays
from eccentric.training import TrainConfig, train

CONFIG: dict[str, Any] = {
    "dim": 6,
    "epochs": 20,
    "batch_size": 60,
    "learning_rate": 3e-3,
    "schedule": "one-cycle",
    "start": "random",
    "width": 0.25,
    "device": "cpu",
}
ECCENTRIC = (0.001, 0.01, 0.1)


@pytest.fixture(scope="module")
def shares(tmp_path_factory):
    """Shares of the variance along the components, descending, by method or by weight of the Eccentric loss."""
    out = tmp_path_factory.mktemp("claims")
    data = from_arrays((load_digits().data[:600] / 16).astype("float32"))

    def trained(name, **settings):
        run = train(
            data, TrainConfig(method=name, settings=settings, **CONFIG), out / f"{name}{len(list(out.iterdir()))}"
        )
        return run.components.eigenvalues / run.components.eigenvalues.sum()

    return {
        **{name: trained(name) for name in ("plain", "vae", "irmae")},
        **{weight: trained("eccentric", weight=weight) for weight in ECCENTRIC},
    }


def effective_dimension(shares):
    return float(1 / shares.square().sum())


def test_a_variational_autoencoder_equalises(shares):
    assert effective_dimension(shares["vae"]) > effective_dimension(shares["plain"]) + 0.2


def test_irmae_makes_components_vanish(shares):
    assert shares["irmae"][-1] < 1e-3
    assert shares["plain"][-1] > 1e-2
    assert effective_dimension(shares["irmae"]) < effective_dimension(shares["plain"]) - 1


def test_the_eccentric_loss_is_between_them_by_its_weight(shares):
    small, middle, large = (effective_dimension(shares[weight]) for weight in ECCENTRIC)
    assert effective_dimension(shares["irmae"]) < small < middle < effective_dimension(shares["vae"])
    assert large > effective_dimension(shares["vae"])  # with a larger weight it equalises more than the VAE
    assert all(shares[weight][-1] > 1e-2 for weight in ECCENTRIC)  # and no component vanishes
