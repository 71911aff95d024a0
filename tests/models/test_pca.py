"""PCA in the units of the networks, against closed forms and scikit-learn."""

from __future__ import annotations

import pytest
import torch
from sklearn.decomposition import PCA

from eccentric.data.items import ItemSpec
from eccentric.models import build_model
from eccentric.models.pca import fit_pca


def model_for(x):
    return build_model(ItemSpec("table", tuple(x.shape[1:])), "auto", 2, units=(0.5, 2.0))


def test_the_error_of_pca_is_the_variance_left_out():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3000, 6, generator=generator) * torch.tensor([5.0, 3, 2, 1, 0.5, 0.1])
    fitted = fit_pca(model_for(x), x, 2)
    left_out = PCA().fit(x.double().numpy() / 2).explained_variance_[2:].sum() * 2999 / 3000
    assert fitted.errors(x).mean().item() == pytest.approx(left_out / 6, rel=1e-6)
    torch.testing.assert_close(fitted.scores(x).var(0), fitted.variances)


def test_pca_is_fitted_to_what_fits_in_memory():
    x = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    x[:, 0] = torch.arange(500)
    some = fit_pca(model_for(x), x, 2, most_numbers=400)
    assert not torch.equal(some.mean, fit_pca(model_for(x), x, 2).mean)
    assert some.scores(x).shape == (500, 2)


def test_fewer_items_than_components():
    x = torch.randn(3, 10, generator=torch.Generator().manual_seed(0))
    assert fit_pca(model_for(x), x, 8).scores(x).shape == (3, 3)


def test_constant_items_have_no_variance_and_no_error():
    x = torch.full((20, 3), 7.0)
    fitted = fit_pca(model_for(x), x, 2)
    assert fitted.errors(x).abs().max() == 0
    assert fitted.variances.abs().max() == 0
