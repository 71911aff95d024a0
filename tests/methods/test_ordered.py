"""Methods that order or empty latents: nested dropout, PCAAE, the regularised linear autoencoder, Least Volume."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from eccentric.components import DeepComponents
from eccentric.errors import UsageError
from eccentric.methods import make_method, make_settings
from eccentric.methods.least_volume import volume
from eccentric.methods.pcaae import OneByOne, correlation_with_earlier
from tests.methods.checking import NOTHING, objective, pair, terms, trained


def gaussian(n: int = 512, *, features: int = 12, seed: int = 0) -> torch.Tensor:
    """Rows with variances 9, 4, 1 along three directions, and a little noise."""
    torch.manual_seed(seed)
    axes = torch.linalg.qr(torch.randn(features, 3)).Q
    return torch.randn(n, 3) * torch.tensor([3.0, 2.0, 1.0]) @ axes.T + 0.05 * torch.randn(n, features) + 1


def linear_pair(features: int = 12, dim: int = 3) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(features, dim)), nn.Sequential(nn.Linear(dim, features))


# Nested dropout


def test_prefixes_are_as_long_as_the_distribution_says():
    torch.manual_seed(0)
    method = make_method("nested-dropout", {"full": 0.4}, 4)
    dict(method.named_buffers())["mean"].fill_(7.0)
    z = torch.ones(20_000, 4)
    outputs = method(nn.Identity(), nn.Identity(), z)
    assert torch.equal(outputs.z, z)
    kept = outputs.reconstruction == 1
    assert (outputs.reconstruction[~kept] == 7).all()
    assert (kept.int().diff(dim=1) <= 0).all()  # prefixes
    expected = [1, 0.4 ** (1 / 3), 0.4 ** (2 / 3), 0.4]
    assert kept.float().mean(0).tolist() == pytest.approx(expected, abs=0.015)
    all_of_one = make_method("nested-dropout", {}, 1)
    assert torch.equal(all_of_one(nn.Identity(), nn.Identity(), z[:, :1]).reconstruction, z[:, :1])


def test_running_mean_of_the_latents():
    method = make_method("nested-dropout", {}, 3)
    outputs = method(nn.Identity(), nn.Identity(), torch.tensor([[1.0, 2, 3], [3, 2, 1]]))
    for _ in range(1400):
        method.terms(outputs, NOTHING, nn.Identity(), nn.Identity())
    assert method.state_dict()["mean"].tolist() == pytest.approx([2, 2, 2], rel=1e-4)
    assert set(method.state_dict()) == {"mean"}


def error_of_first(k: int, components: DeepComponents, z: torch.Tensor, decoder: nn.Module, x: torch.Tensor) -> float:
    p = components.encode(z)
    p[:, k:] = 0
    return (decoder(components.decode(p)) - x).square().mean().item()


def test_nested_dropout_orders_its_own_coordinates():
    """The first k coordinates reconstruct nearly as well as the first k principal components of the data."""
    x = gaussian()
    method = make_method("nested-dropout", {}, 3)
    encoder, decoder, _ = trained(method, linear_pair(), x, steps=1500)
    components = DeepComponents(method.traits.axes).fit(encoder(x))
    found = [error_of_first(k, components, encoder(x), decoder, x) for k in range(4)]
    best = torch.linalg.svdvals(x - x.mean(0)).square() / x.numel()
    for k in (1, 2, 3):
        assert found[k] < best[k:].sum() + 0.1 * best.sum()


@pytest.mark.parametrize("full", [0, -0.1, 1.5, math.nan])
def test_shares_that_are_none(full):
    with pytest.raises(UsageError, match="full must be above 0 and at most 1"):
        make_settings("nested-dropout", {"full": full})


# PCAAE


def test_correlation_with_earlier_latents():
    z = torch.randn(100, 3, dtype=torch.float64)
    r = torch.corrcoef(z.T)[2, :2]
    assert correlation_with_earlier(z).item() == pytest.approx(r.square().mean().item())
    assert correlation_with_earlier(5 * z + 3).item() == pytest.approx(r.square().mean().item())
    assert correlation_with_earlier(z[:, :1]) == 0
    assert correlation_with_earlier(torch.zeros(4, 2)) == 0
    earlier = z[:, :2]
    assert torch.autograd.gradcheck(
        lambda last: correlation_with_earlier(torch.cat([earlier, last], 1)), z[:, 2:].clone().requires_grad_()
    )


def test_finished_encoders_no_longer_change():
    x = gaussian(64)
    method = make_method("pcaae", {}, 3)
    encoder, decoder = method.prepare(*pair(dim=3))
    assert isinstance(encoder, OneByOne)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-2, weight_decay=0.1)
    seen = []
    for step in range(9):
        method.before_step(step / 9)
        objective(method, encoder, decoder, x).backward()
        optimizer.step()
        optimizer.zero_grad()
        seen.append(encoder(x).detach())
    for k, z in enumerate(seen):
        stage = k // 3
        assert (z[:, stage + 1 :] == 0).all()
        assert z[:, : stage + 1].var(0).min() > 0
        if k % 3 > 0:
            assert torch.equal(z[:, :stage], seen[k - 1][:, :stage])
            assert not torch.equal(z[:, stage], seen[k - 1][:, stage])
    first, second = encoder.others[0], encoder.others[1]
    assert not torch.equal(next(first.parameters()), next(second.parameters()))


def test_pcaae_is_opened_in_the_stage_that_was_saved():
    x = gaussian(16)
    method = make_method("pcaae", {}, 3)
    encoder, _ = method.prepare(*pair(dim=3))
    other = copy.deepcopy(encoder)
    assert (other(x)[:, 1] == 0).all()
    assert isinstance(encoder, OneByOne)
    encoder.advance(2)
    other.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(other(x), encoder(x))
    assert (other(x)[:, 2] != 0).all()


def test_pcaae_finds_principal_components_of_linear_data():
    x = gaussian()
    method = make_method("pcaae", {"weight": 0.1}, 3)
    encoder, decoder, _ = trained(method, linear_pair(), x, steps=1500)
    z = encoder(x).detach()
    principal = (x - x.mean(0)) @ torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[:3].T
    for k in range(3):
        assert torch.corrcoef(torch.stack([z[:, k], principal[:, k]]))[0, 1].abs() > 0.95
    assert (decoder(z) - x).square().mean() < 0.05


# The linear autoencoder


@pytest.mark.parametrize("uneven", [True, False])
def test_linear_autoencoder_against_its_closed_form(uneven):
    x = gaussian(64).double()
    weight = 0.01
    method = make_method("linear", {"weight": weight, "uneven": uneven}, 3).double()
    encoder, decoder = (network.double() for network in method.prepare(*linear_pair()))
    optimizer = torch.optim.LBFGS(
        [*encoder.parameters(), *decoder.parameters()],
        max_iter=2000,
        line_search_fn="strong_wolfe",
        tolerance_change=1e-14,
        tolerance_grad=1e-10,
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = objective(method, encoder, decoder, x)
        loss.backward()
        return loss

    optimizer.step(closure)
    variances = torch.linalg.svdvals(x - x.mean(0))[:3].square() / len(x)
    factors = torch.tensor([1, 2, 3]) / 3 if uneven else torch.ones(3)
    expected = variances - 12 * weight * factors
    covariance = encoder(x).detach().T.cov(correction=0)
    if uneven:  # the coordinates themselves are ordered
        torch.testing.assert_close(covariance, expected.diag(), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(torch.linalg.eigvalsh(covariance).flip(0), expected, rtol=1e-3, atol=1e-3)


def test_linear_term_is_that_of_all_weights():
    encoder, decoder = linear_pair(dim=2)
    method = make_method("linear", {"uneven": False}, 2)
    value = method.terms(method(encoder, decoder, gaussian(4)), NOTHING, encoder, decoder)["weights"].value
    squares = [p.square().sum() for p in (*encoder.parameters(), *decoder.parameters()) if p.ndim == 2]
    torch.testing.assert_close(value, torch.stack(squares).sum())


def test_networks_that_are_not_linear_are_refused():
    with pytest.raises(UsageError, match="one linear layer"):
        make_method("linear", {}, 4).prepare(*pair(dim=4))


# Least Volume


def test_volume_of_known_latents():
    z = torch.tensor([[1.0, 2.0], [-1.0, -2.0]], dtype=torch.float64) / math.sqrt(2)  # deviations 1 and 2
    assert volume(z, 0.5).item() == pytest.approx(math.sqrt(1.5 * 2.5))
    assert volume(z + 7, 1e-9).item() == pytest.approx(math.sqrt(2))
    z = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: volume(z, 0.1), z)
    torch.testing.assert_close(volume(z.flip(0)), volume(z))
    flat = torch.ones(4, 2, requires_grad=True)
    volume(flat).backward()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()
    assert terms("least-volume", flat.detach(), eta=0.25)["volume"].item() == pytest.approx(0.25, rel=1e-4)


def test_the_decoder_of_least_volume_stretches_nothing():
    method = make_method("least-volume", {}, 4)
    encoder, decoder, _ = trained(method, pair(), gaussian(), steps=200)
    a, b = torch.randn(2, 100, 4)
    steep = (decoder(a) - decoder(b)).norm(dim=1) / (a - b).norm(dim=1)
    assert steep.max() < 1.3  # GELU's slope goes up to 1.13
    assert all(p.requires_grad for p in encoder.parameters())


def test_least_volume_flattens_dimensions_that_are_not_needed():
    x = gaussian()  # three dimensions through four latents
    method = make_method("least-volume", {"weight": 0.01, "eta": 0.1}, 4)
    encoder, decoder, _ = trained(method, pair(), x, steps=1000)
    eigenvalues = torch.linalg.eigvalsh(encoder(x).detach().T.cov())
    assert eigenvalues[0] < 0.05 * eigenvalues[1]
    assert (decoder(encoder(x)) - x).square().mean() < 0.2


def test_settings_of_least_volume():
    with pytest.raises(UsageError, match="eta must be a positive number, not 0"):
        make_settings("least-volume", {"eta": 0})
