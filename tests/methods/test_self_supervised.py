"""The regularizers from self-supervised learning: SIGReg, VICReg, uniformity, KoLeo."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.integrate import quad

from eccentric.errors import UsageError
from eccentric.methods import make_method, make_settings
from eccentric.methods.koleo import koleo
from eccentric.methods.sigreg import epps_pulley, sigreg
from eccentric.methods.sphere import FLOOR
from eccentric.methods.uniformity import uniformity
from eccentric.methods.vicreg import covariance_term, variance_term, vicreg
from tests.methods.checking import pair, terms, trained


def white(n: int, d: int) -> torch.Tensor:
    """Rows whose covariance is the identity."""
    x = torch.randn(n, d, dtype=torch.float64)
    x = x - x.mean(0)
    return x @ torch.linalg.inv(torch.linalg.cholesky(x.T.cov()).T)


def test_epps_pulley_against_quadrature_and_its_closed_form():
    x = torch.randn(30, 1, dtype=torch.float64) * 1.3 + 0.2

    def integrand(t: float) -> float:
        phases = torch.exp(1j * t * x)
        return abs(phases.mean().item() - math.exp(-(t**2) / 2)) ** 2 * math.exp(-(t**2) / 2)

    (value,) = epps_pulley(x)
    assert value.item() == pytest.approx(30 * quad(integrand, -3, 3)[0], rel=1e-3)
    # The same integral over the whole line, as Epps and Pulley give it.
    pairs = torch.exp(-(x - x.T).square() / 2).mean() - math.sqrt(2) * torch.exp(-x.square() / 4).mean() + 3**-0.5
    assert value.item() == pytest.approx(30 * math.sqrt(2 * math.pi) * pairs.item(), rel=0.05)


def test_sigreg_tells_a_normal_from_another():
    torch.manual_seed(0)
    z = torch.randn(2000, 4)
    assert sigreg(z, 64) < 0.05 * sigreg(z.sign(), 64)
    assert sigreg(z, 64) < 0.05 * sigreg(2 * z, 64)


def test_sigreg_of_one_dimension_needs_no_choice_of_direction():
    z = torch.randn(20, 1, dtype=torch.float64)
    torch.testing.assert_close(terms("sigreg", z, slices=3)["sigreg"], epps_pulley(z).mean())


def test_vicreg_of_white_latents_is_nothing():
    z = white(200, 4)
    assert vicreg(z).item() == pytest.approx(0, abs=1e-6)
    assert vicreg(z * 0.5).item() == pytest.approx(12.5, rel=1e-3)
    assert variance_term(z * 3) == 0
    mixed = z @ torch.tensor([[1.0, 0.5], [0, 1], [0, 0], [0, 0]], dtype=torch.float64)  # covariance 0.5
    assert covariance_term(mixed).item() == pytest.approx(0.25)


def test_vicreg_weighs_its_terms_as_published():
    z = torch.randn(50, 4, dtype=torch.float64) * 0.7
    found = make_method("vicreg", {"weight": 2}, 4)
    both = terms("vicreg", z)
    torch.testing.assert_close(25 * both["variance"] + both["covariance"], vicreg(z))
    assert found.objective(found.settings) == "mean squared error + 2 × (25 × variance term + covariance term)"


def test_uniformity_of_two_opposite_points():
    assert uniformity(torch.tensor([[3.0, 0], [-1, 0]])).item() == pytest.approx(-8)


def test_koleo_of_known_points():
    square = torch.tensor([[1.0, 0], [0, 2], [-3, 0], [0, -1]], dtype=torch.float64)
    assert koleo(square).item() == pytest.approx(-math.log(2) / 2)
    assert koleo(square[[0, 0]]).item() == pytest.approx(-math.log(FLOOR))


@pytest.mark.parametrize("function", [lambda z: sigreg(z, 3), vicreg, uniformity, koleo])
def test_gradients_and_the_order_of_items(function):
    def of(z: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        value: torch.Tensor = function(z)
        return value

    z = torch.randn(9, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(of, z)
    torch.testing.assert_close(of(z.flip(0)), of(z))
    equal = torch.ones(4, 3, requires_grad=True)
    of(equal).backward()
    assert equal.grad is not None
    assert equal.grad.isfinite().all()


@pytest.mark.parametrize("name", ["sigreg", "vicreg", "uniformity", "koleo"])
def test_training_lowers_the_term(name):
    torch.manual_seed(0)
    x = torch.randn(256, 5) @ torch.randn(5, 12) + 1
    method = make_method(name, {"weight": 1.0}, 4)
    encoder, _, _ = trained(method, pair(), x)
    before = sum(terms(name, pair()[0](x)).values())
    assert sum(terms(name, encoder(x)).values()) < before


def test_what_is_wrong_is_said():
    with pytest.raises(UsageError, match="slices must be 1 or more, not 0"):
        make_settings("sigreg", {"slices": 0})
    for name in ("uniformity", "koleo"):
        with pytest.raises(UsageError, match=f"{name} needs two dimensions or more"):
            make_method(name, {}, 1)
