"""Variational and uncertainty autoencoders: latents with noise."""

from __future__ import annotations

import pytest
import torch
from torch import distributions as D
from torch import nn

from eccentric.errors import UsageError
from eccentric.methods import Outputs, make_method, make_settings
from eccentric.methods.vae import gaussian_kl
from tests.methods.checking import pair, trained


def rows(n: int = 400, features: int = 12, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, generator=generator) @ torch.randn(3, features, generator=generator)


def test_kl_of_gaussians():
    mean, log_variance = torch.randn(2, 50, 5, dtype=torch.float64) * 2
    ours = D.Normal(mean, torch.exp(log_variance / 2))
    expected = D.kl_divergence(ours, D.Normal(torch.zeros_like(mean), 1.0)).sum(1)
    torch.testing.assert_close(gaussian_kl(mean, log_variance), expected)
    assert gaussian_kl(torch.zeros(1, 4), torch.zeros(1, 4)).item() == 0
    shrunk = torch.full((1, 1), 1e-4)  # where exp(s) - s - 1 in float32 would have no digits left
    assert gaussian_kl(torch.zeros(1, 1), shrunk).item() == pytest.approx(1e-8 / 4, rel=1e-3)
    assert torch.autograd.gradcheck(gaussian_kl, (mean.requires_grad_(), log_variance.requires_grad_()))


@pytest.mark.parametrize("decoder", ["gaussian", "calibrated"])
def test_the_objective_is_the_evidence_lower_bound_times_a_constant(decoder):
    """Its gradient is that of -ELBO times 2 sigma^2 / D, with autograd through Gaussian log-densities as the truth."""
    method = make_method("vae", {"beta": 0.7, "sigma": 0.3, "decoder": decoder}, 4)
    x, mean, log_variance = rows(20), torch.randn(20, 4), torch.randn(20, 4)
    reconstruction = torch.randn(20, 12)

    def gradients(loss: torch.Tensor, inputs: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat([gradient.flatten() for gradient in torch.autograd.grad(loss, inputs)])

    inputs = [tensor.clone().requires_grad_() for tensor in (mean, log_variance, reconstruction)]
    outputs = Outputs(inputs[0], inputs[2], {"log_variance": inputs[1]})
    term = method.terms(outputs, x, nn.Identity(), nn.Identity())["kl"]
    mse = (inputs[2] - x).square().mean()
    found = gradients(mse + term.weight * term.value, inputs)
    sigma = 0.3 if decoder == "gaussian" else mse.detach().sqrt()
    prior = D.Normal(torch.zeros(20, 4), 1.0)
    kl = D.kl_divergence(D.Normal(inputs[0], torch.exp(inputs[1] / 2)), prior).sum(1).mean()
    bound = -D.Normal(inputs[2], sigma).log_prob(x).sum(1).mean() + 0.7 * kl
    torch.testing.assert_close(found, gradients(bound, inputs) * 2 * sigma**2 / 12, rtol=1e-4, atol=1e-7)


def test_calibrated_variance_is_the_one_that_maximises_the_likelihood():
    method = make_method("vae", {}, 2)
    x = rows(30)
    outputs = Outputs(torch.zeros(30, 2), x + 0.3 * torch.randn(30, 12), {"log_variance": torch.zeros(30, 2)})
    weight = method.terms(outputs, x, nn.Identity(), nn.Identity())["kl"].weight
    variance = float(weight) * 12 / 2
    likelihoods = [
        D.Normal(outputs.reconstruction, (factor * variance) ** 0.5).log_prob(x).mean() for factor in (0.99, 1, 1.01)
    ]
    assert max(likelihoods) == likelihoods[1]


def test_noise_reaches_the_decoder_and_not_the_latents():
    method = make_method("vae", {}, 4)
    encoder, decoder = nn.Linear(12, 8), nn.Identity()
    nn.init.constant_(encoder.bias[4:], -2.0)
    x = rows(5000)
    with torch.no_grad():
        outputs = method(encoder, decoder, x)
        h = encoder(x)
    assert method.encoder_width == 8
    assert torch.equal(outputs.z, method.encode(h))
    assert torch.equal(outputs.z, h[:, :4])
    noise = (outputs.reconstruction - outputs.z) / torch.exp(h[:, 4:] / 2)
    torch.testing.assert_close(noise.mean(0), torch.zeros(4), atol=0.06, rtol=0)
    torch.testing.assert_close(noise.std(0), torch.ones(4), atol=0.06, rtol=0)


def test_latents_carry_less_for_a_larger_beta():
    torch.manual_seed(0)
    divergences = []
    for beta in (1e-3, 1.0, 1e3):
        method = make_method("vae", {"beta": beta, "decoder": "gaussian"}, 4)
        networks = pair(dim=method.encoder_width)[0], pair()[1]
        encoder, _, _ = trained(method, networks, rows(), steps=150)
        divergences.append(gaussian_kl(*encoder(rows()).chunk(2, 1)).mean().item())
    assert divergences[0] > divergences[1] > 10 * divergences[2]


def test_beta_vae_is_a_vae_with_another_default():
    assert make_settings("beta-vae", {}).beta == 4
    assert make_settings("vae", {}).beta == 1
    assert make_settings("beta-vae", {"beta": "2"}).beta == 2


def test_power_is_one_in_training_and_by_the_running_average_afterwards():
    method = make_method("uncertainty-autoencoder", {"sigma": 0.5}, 4)
    encoder, seen = nn.Linear(12, 4), []

    class Decoder(nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            seen.append(z)
            return z

    x = rows(4000)
    for _ in range(100):
        outputs = method(encoder, Decoder(), x)
    assert outputs.z.square().mean().item() == pytest.approx(1, rel=1e-5)
    torch.testing.assert_close(method.encode(encoder(x)), outputs.z, rtol=1e-3, atol=1e-4)
    noise = (seen[-1] - outputs.z).detach()
    assert noise.std().item() == pytest.approx(0.5, rel=0.03)
    state = method.state_dict()
    assert state["power"].item() == pytest.approx(encoder(x).square().mean().item(), rel=1e-3)


def test_larger_outputs_do_not_drown_the_noise():
    """The gradient has no part along the encoder's output: its scale changes nothing."""
    method = make_method("uncertainty-autoencoder", {}, 4)
    h, target = torch.randn(30, 4, requires_grad=True), torch.randn(30, 4)
    outputs = method(nn.Identity(), nn.Identity(), h)
    (outputs.reconstruction - target).square().mean().backward()
    assert h.grad is not None
    assert (h.grad * h).sum().abs() < 1e-5 * (h.grad.norm() * h.detach().norm())
    zeros = method(nn.Identity(), nn.Identity(), torch.zeros(3, 4)).reconstruction
    assert zeros.isfinite().all()


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("vae", {"beta": -1}, "beta must be zero or a positive number"),
        ("vae", {"decoder": "bernoulli"}, "decoder must be one of calibrated, gaussian, not bernoulli"),
        ("vae", {"sigma": 0}, "sigma must be a positive number"),
        ("uncertainty-autoencoder", {"sigma": "0"}, "sigma must be a positive number"),
        ("wae-mmd", {"weight": "nan"}, "weight must be zero or a positive number"),
        ("wae-gan", {"hidden": 0}, "hidden must be 1 or more"),
        ("rae-l2", {"decoder_weight": -1}, "decoder_weight must be zero or a positive number"),
        ("rae-gp", {"weight": -1}, "weight must be zero or a positive number"),
        ("rae-sn", {"decoder_weight": 1}, "has no setting 'decoder_weight'"),
    ],
)
def test_bad_settings_are_named(name, values, message):
    with pytest.raises(UsageError, match=message):
        make_settings(name, values)
