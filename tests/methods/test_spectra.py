"""Methods that shape the spectrum of the latents: evenness, IRMAE."""

from __future__ import annotations

import math

import pytest
import torch

from eccentric import eccentric_loss
from eccentric.errors import UsageError
from eccentric.methods import make_method, make_settings
from eccentric.methods.evenness import unevenness
from tests.methods.checking import pair, terms, trained


def with_variances(*variances: float, n: int = 50) -> torch.Tensor:
    """Rows whose covariance has these eigenvalues."""
    torch.manual_seed(0)
    x = torch.randn(n, len(variances), dtype=torch.float64)
    x = x - x.mean(0)
    white = x @ torch.linalg.inv(torch.linalg.cholesky(x.T.cov()).T)
    turn = torch.linalg.qr(torch.randn(len(variances), len(variances), dtype=torch.float64)).Q
    return white * torch.tensor(variances, dtype=torch.float64).sqrt() @ turn + 3


def test_evenness_of_known_spectra():
    assert unevenness(with_variances(2.5, 2.5, 2.5)).item() == pytest.approx(0, abs=1e-12)
    p = torch.tensor([4.0, 2.0, 1.0]) / 7
    expected = (p * (3 * p).log()).sum().item()
    assert unevenness(with_variances(4, 2, 1)).item() == pytest.approx(expected, rel=1e-6)
    assert unevenness(10 * with_variances(4, 2, 1)).item() == pytest.approx(expected, rel=1e-6)
    one = torch.zeros(9, 4)
    one[:, 2] = torch.arange(9)
    assert unevenness(one).item() == pytest.approx(math.log(4))


def test_evenness_as_the_paper_writes_it():
    z = with_variances(3, 1, 0.5, 0.1)
    G = z.T.cov()
    values, vectors = torch.linalg.eigh(G)
    logarithm = vectors @ values.log().diag() @ vectors.T
    expected = (G @ logarithm).trace() / G.trace() - G.trace().log() + math.log(4)
    torch.testing.assert_close(unevenness(z), expected)
    assert torch.autograd.gradcheck(unevenness, z[:8].clone().requires_grad_())
    torch.testing.assert_close(unevenness(z.flip(0)), unevenness(z))


@pytest.mark.parametrize("z", [torch.zeros(5, 3), torch.ones(5, 3), torch.eye(3)[:2], torch.randn(3, 8)])
def test_evenness_of_empty_dimensions_has_a_finite_gradient(z):
    z = z.clone().requires_grad_()
    value = unevenness(z)
    value.backward()
    assert value.isfinite()
    assert z.grad.isfinite().all()


def test_training_evens_the_spectrum():
    x = with_variances(*range(1, 13), n=256).float()
    method = make_method("evenness", {"weight": 1}, 4)
    encoder, _, _ = trained(method, pair(), x)
    assert unevenness(encoder(x)) < 0.01


def test_irmae_takes_the_latent_after_its_layers():
    method = make_method("irmae", {"layers": 3}, 4)
    encoder, decoder = pair()
    x = torch.randn(7, 12)
    first, second, third = method.parameters()
    product = third @ second @ first
    outputs = method(encoder, decoder, x)
    torch.testing.assert_close(outputs.z, encoder(x) @ product.T)
    torch.testing.assert_close(outputs.z, method.encode(encoder(x)))
    torch.testing.assert_close(outputs.reconstruction, decoder(outputs.z))
    assert method.terms(outputs, x, encoder, decoder) == {}


def test_irmae_empties_dimensions_that_are_not_needed():
    """Data of two dimensions through four latents: the smallest of four variances vanishes beside the plain one's."""
    torch.manual_seed(0)
    x = torch.randn(512, 2) @ torch.randn(2, 12)

    def smallest(name: str) -> float:
        method = make_method(name, {}, 4)
        encoder, _, _ = trained(method, pair(), x, steps=400)
        eigenvalues = torch.linalg.eigvalsh(method.encode(encoder(x)).detach().T.cov())
        return (eigenvalues[1] / eigenvalues[-1]).item()

    assert smallest("irmae") < 0.1 * smallest("plain")


def test_eccentric_irmae_is_both():
    z = torch.randn(30, 4)
    torch.testing.assert_close(terms("eccentric-irmae", z, mu=2.0)["eccentric"], eccentric_loss(z, 2.0))
    method = make_method("eccentric-irmae", {"layers": 2}, 4)
    assert method.settings.weight == 0.001
    h = torch.randn(5, 4)
    first, second = method.parameters()
    torch.testing.assert_close(method.encode(h), h @ first.T @ second.T)
    assert "2 linear layers" in method.objective(method.settings)


@pytest.mark.parametrize("name", ["irmae", "eccentric-irmae"])
def test_settings_that_are_wrong(name):
    with pytest.raises(UsageError, match="layers must be 1 or more, not 0"):
        make_settings(name, {"layers": 0})
