from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from eccentric.models import Autoencoder, build_pair, start_from_pca


def model_for(x, dim=3, shift=2.0, scale=4.0):
    torch.manual_seed(0)
    return Autoencoder(*build_pair("auto", tuple(x.shape[1:]), dim), shift, scale)


@pytest.fixture
def x():
    random = np.random.default_rng(0)
    return torch.from_numpy(random.normal(size=(300, 7)) @ random.normal(size=(7, 7)) + 1).float()


@torch.no_grad()
def test_begins_as_pca(x):
    model = model_for(x)
    assert start_from_pca(model, x)
    pca = PCA(3).fit(x.numpy())
    z, made, _ = model(x)
    expected = pca.inverse_transform(pca.transform(x.numpy()))
    np.testing.assert_allclose(model.decode(z).numpy(), expected, atol=1e-4)
    covariance = np.cov(z.numpy().T)
    np.testing.assert_allclose(
        covariance, np.diag(3 * pca.explained_variance_ / pca.explained_variance_.sum()), atol=1e-4
    )
    assert made.shape == x.shape


@torch.no_grad()
def test_latents_beyond_the_rows_are_zero():
    x = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    model = model_for(x, dim=4)
    assert start_from_pca(model, x)
    assert model.encode(x)[:, 2:].abs().max() == 0
    torch.testing.assert_close(model.decode(model.encode(x)), x, atol=1e-5, rtol=0)


def test_leaves_alone_what_it_cannot_begin():
    images, constant = torch.rand(5, 1, 8, 8), torch.ones(5, 4)
    for rows in (images, constant):
        model = model_for(rows)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        assert not start_from_pca(model, rows)
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
