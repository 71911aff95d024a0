from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from eccentric.data.items import ItemSpec
from eccentric.methods import NoSettings, Plain
from eccentric.models import build_model, start_from_pca


class Wide(Plain):
    """A method whose encoder gives more than the latents."""

    encoder_width = 8


def model_for(x, dim=3, shift=2.0, scale=4.0, method=Plain):
    shape = tuple(x.shape[1:])
    spec = ItemSpec("image" if len(shape) == 3 else "table", shape)
    return build_model(spec, "auto", dim, method=lambda: method(NoSettings(), dim), units=(shift, scale))


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


@torch.no_grad()
def test_an_encoder_with_more_outputs_begins_as_pca_in_the_first(x):
    model, wide = model_for(x), model_for(x, method=Wide)
    assert start_from_pca(model, x)
    assert start_from_pca(wide, x)
    h = wide.encode(x)
    torch.testing.assert_close(h[:, :3], model.encode(x))
    assert h[:, 3:].abs().max() > 0


def test_leaves_alone_what_it_cannot_begin():
    images, constant = torch.rand(5, 1, 8, 8), torch.ones(5, 4)
    for rows in (images, constant):
        model = model_for(rows)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        assert not start_from_pca(model, rows)
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
