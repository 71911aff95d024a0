"""The von Mises-Fisher distribution and the autoencoder that uses it."""

from __future__ import annotations

import math

import mpmath
import pytest
import torch
from scipy.special import ive

from eccentric.errors import UsageError
from eccentric.methods import make_method
from eccentric.methods.hyperspherical import HypersphericalVAE
from eccentric.methods.von_mises_fisher import angle, kl_to_uniform, moments, sample, uniform
from tests.methods.checking import pair, trained

DIMS = (2, 3, 8, 33, 64)
KAPPAS = (0.01, 1.0, 1.7, 10.0, 64.0, 500.0, 1e4)
EACH = pytest.mark.parametrize("d", DIMS)


def truth(kappa: float, d: int) -> dict[str, float]:
    """From Bessel functions with 40 digits."""
    with mpmath.workdps(40):
        k, order = mpmath.mpf(kappa), mpmath.mpf(d) / 2 - 1
        bessel = mpmath.besseli(order, k)
        mean = mpmath.besseli(order + 1, k) / bessel
        variance = 1 - mean**2 - (d - 1) / k * mean
        log_density = order * mpmath.log(k) - mpmath.mpf(d) / 2 * mpmath.log(2 * mpmath.pi) - mpmath.log(bessel)
        log_area = mpmath.log(2) + mpmath.mpf(d) / 2 * mpmath.log(mpmath.pi) - mpmath.loggamma(mpmath.mpf(d) / 2)
        kl = k * mean + log_density + log_area
        return {"gap": float(1 - mean), "variance": float(variance), "kl": float(kl), "slope": float(k * variance)}


@EACH
@pytest.mark.parametrize("kappa", KAPPAS)
def test_moments_and_kl_against_high_precision(d, kappa):
    expected = truth(kappa, d)
    for dtype, digits in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        k = torch.tensor([kappa], dtype=dtype, requires_grad=True)
        kl = kl_to_uniform(k, d)
        kl.sum().backward()
        assert kl.dtype == dtype
        assert kl.item() == pytest.approx(expected["kl"], rel=digits, abs=1e-12)
        assert k.grad is not None
        assert k.grad.item() == pytest.approx(truth(k.item(), d)["slope"], rel=digits)
    found = moments(torch.tensor([kappa], dtype=torch.float64), d)
    assert found.gap.item() == pytest.approx(expected["gap"], rel=1e-12)
    assert found.variance.item() == pytest.approx(expected["variance"], rel=1e-12)


@EACH
def test_normaliser_is_a_scaled_bessel_function(d):
    kappa = torch.tensor(KAPPAS, dtype=torch.float64)
    order = d / 2 - 1
    bessel = torch.from_numpy(ive(order, kappa.numpy())).log()
    expected = 0.5 * math.log(math.pi) + math.lgamma((d - 1) / 2) + order * torch.log(2 / kappa) + bessel
    torch.testing.assert_close(moments(kappa, d).log_z, expected, rtol=1e-9, atol=1e-9)


def test_gradient_of_the_kl():
    kappa = torch.tensor([0.5, 3.0, 40.0, 900.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda k: kl_to_uniform(k, 5), kappa)


@EACH
@pytest.mark.parametrize("kappa", [1.0, 30.0, 1e4])
def test_samples_have_the_density(d, kappa):
    """Moments within five standard errors, and the distribution function of the angle itself."""
    torch.manual_seed(0)
    n = 10_000
    k = torch.full((n,), kappa, dtype=torch.float64)
    t = angle(k, d)
    expected = moments(k[:1], d)
    gap = 2 * torch.sin(t / 2).square()
    assert (gap.mean() - expected.gap).abs() < 5 * (expected.variance / n).sqrt()
    spread = (gap - gap.mean()).square()
    assert (spread.mean() - expected.variance).abs() < 5 * spread.std() / n**0.5
    # Kolmogorov and Smirnov: sqrt(n) times the largest distance exceeds 1.95 with probability 0.001.
    grid = torch.linspace(0, float(t.max()), 4001, dtype=torch.float64)
    density = torch.sin(grid) ** (d - 2) * torch.exp(-2 * kappa * torch.sin(grid / 2).square() - expected.log_z)
    theory = torch.cumulative_trapezoid(density, grid)
    observed = torch.searchsorted(t.sort().values, grid[1:]) / n
    assert (theory - observed).abs().max() < 1.95 / n**0.5


@EACH
@pytest.mark.parametrize("kappa", [1.0, 30.0, 1e4])
def test_gradients_through_samples_are_unbiased(d, kappa):
    """The derivative of the mean of cos t is its variance; leaving out the acceptance would miss it by up to a half."""
    torch.manual_seed(0)
    n = 10_000
    k = torch.full((n,), kappa, dtype=torch.float64, requires_grad=True)
    torch.cos(angle(k, d)).sum().backward()
    assert k.grad is not None
    assert (k.grad.mean() - moments(k[:1], d).variance).abs() < 5 * k.grad.std() / n**0.5


@EACH
def test_samples_lie_around_the_direction_on_the_sphere(d):
    torch.manual_seed(0)
    direction = uniform(1, d).expand(20_000, d)
    kappa = torch.full((20_000,), 20.0)
    z = sample(direction, kappa)
    torch.testing.assert_close(z.norm(dim=1), torch.ones(20_000), atol=1e-4, rtol=0)
    mean = 1 - moments(kappa[:1], d).gap
    torch.testing.assert_close(z.mean(0), mean * direction[0], atol=0.02, rtol=0)
    # All directions orthogonal to the mean direction are alike.
    across = z - (z * direction).sum(1, keepdim=True) * direction
    variances = torch.linalg.eigvalsh(across.T.cov())[1:]
    torch.testing.assert_close(variances, variances.mean().expand(d - 1), atol=0.0, rtol=0.2)


def test_gradients_with_respect_to_the_direction_are_unbiased():
    """Of a function's mean that is known: E <a, z> = A <a, m>."""
    torch.manual_seed(0)
    for d in (2, 3, 8):
        h = torch.randn(1, d, dtype=torch.float64, requires_grad=True)
        a, n = torch.randn(d, dtype=torch.float64), 40_000
        kappa = torch.full((n,), 5.0, dtype=torch.float64)
        z = sample(torch.nn.functional.normalize(h, dim=1).expand(n, d), kappa)
        (found,) = torch.autograd.grad((z @ a).mean(), h)
        mean = 1 - moments(kappa[:1], d).gap
        (expected,) = torch.autograd.grad((mean * (torch.nn.functional.normalize(h, dim=1) @ a)).sum(), h)
        torch.testing.assert_close(found, expected, atol=0.03, rtol=0)


def test_the_autoencoder_learns_a_circle():
    torch.manual_seed(0)
    turn = torch.rand(400, 1) * 2 * math.pi
    x = torch.cat([torch.cos(turn), torch.sin(turn)], 1) @ torch.randn(2, 12)
    method = make_method("hyperspherical-vae", {}, 2)
    networks = pair(dim=method.encoder_width)[0], pair(dim=2)[1]
    encoder, decoder, losses = trained(method, networks, x, steps=300)
    z = method.encode(encoder(x))
    torch.testing.assert_close(z.norm(dim=1), torch.ones(400))
    assert (decoder(z) - x).square().mean() < 0.1 * x.var()
    assert all(math.isfinite(loss) for loss in losses)
    drawn = method.sample("uniform", 1000, z, torch.Generator().manual_seed(0))
    assert drawn.dtype == torch.float32
    torch.testing.assert_close(drawn.norm(dim=1), torch.ones(1000))
    assert drawn.mean(0).norm() < 0.1


def test_one_dimension_is_refused():
    with pytest.raises(UsageError, match="hyperspherical-vae needs 2 or more dimensions, not 1"):
        make_method("hyperspherical-vae", {}, 1)


def test_extreme_outputs_of_the_encoder_stay_finite():
    method = make_method("hyperspherical-vae", {}, 3)
    assert isinstance(method, HypersphericalVAE)
    h = torch.tensor([[0.0, 0, 0, -100], [1e4, 0, 0, 1e5], [1e-8, 0, 0, 0]], requires_grad=True)
    outputs = method(torch.nn.Identity(), torch.nn.Identity(), h)
    (outputs.reconstruction.sum() + method.divergence(outputs).sum()).backward()
    assert outputs.reconstruction.isfinite().all()
    assert h.grad is not None
    assert h.grad.isfinite().all()
