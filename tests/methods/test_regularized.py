"""Regularized autoencoders: squares, gradient penalty, spectral normalization."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from eccentric.methods import Outputs, make_method
from eccentric.methods.rae import squared_jacobian
from eccentric.models.general import conv_pair
from tests.methods.checking import NOTHING, objective, pair, trained


def test_squares_by_hand():
    method = make_method("rae-l2", {"weight": 0.5, "decoder_weight": 0.25}, 2)
    encoder, decoder = pair(dim=2)
    z = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    found = method.terms(Outputs(z, NOTHING, {}), NOTHING, encoder, decoder)
    assert found["latent"].value.item() == (25 + 4) / 4
    expected = sum((parameter.detach().double() ** 2).sum().item() for parameter in decoder.parameters())
    assert found["decoder"].value.item() == pytest.approx(expected)
    assert (found["latent"].weight, found["latent"].over) == (0.5, "items")
    assert (found["decoder"].weight, found["decoder"].over) == (0.25, "union")


def test_gradient_penalty_of_a_line_is_its_squared_norm():
    torch.manual_seed(0)
    line = nn.Linear(3, 5).double()
    z = torch.randn(100_000, 3, dtype=torch.float64, requires_grad=True)
    found = squared_jacobian(line(z), z)
    assert found.item() == pytest.approx(line.weight.square().sum().item() / 5, rel=0.02)


def test_gradient_penalty_against_the_whole_jacobian():
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 5)).double()
    point = torch.randn(3, dtype=torch.float64)
    jacobian: torch.Tensor = torch.autograd.functional.jacobian(decoder, point)
    z = point.repeat(50_000, 1).requires_grad_()
    assert squared_jacobian(decoder(z), z).item() == pytest.approx(jacobian.square().sum().item() / 5, rel=0.03)


def test_gradient_penalty_can_be_differentiated():
    decoder = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 5)).double()

    def penalty(z: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        names = [name for name, _ in decoder.named_parameters()]
        return squared_jacobian(torch.func.functional_call(decoder, dict(zip(names, weights, strict=True)), (z,)), z)

    inputs = (torch.randn(4, 3, dtype=torch.float64, requires_grad=True), *decoder.parameters())
    assert torch.autograd.gradcheck(penalty, inputs)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_gradient_penalty_trains_the_convolutions_of_a_decoder(precision):
    """Second derivatives in bfloat16 are those of float32, within its rounding."""
    torch.manual_seed(0)
    encoder, decoder = conv_pair((1, 8, 8), 3, width=0.25)
    method, x = make_method("rae-gp", {"decoder_weight": 10.0}, 3), torch.rand(16, 1, 8, 8)
    gradients = []
    for enabled in (False, precision == "bfloat16"):
        torch.manual_seed(1)
        decoder.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            outputs = method(encoder, decoder, x)
        outputs.extra["gradient"].float().backward()
        found = [parameter.grad for parameter in decoder.parameters() if parameter.grad is not None]
        gradients.append(torch.cat([gradient.flatten() for gradient in found]))
    exact, rounded = gradients
    assert exact.norm() > 0
    assert torch.cosine_similarity(exact, rounded, dim=0) > 0.99
    assert (exact - rounded).norm() < 0.15 * exact.norm()


def test_gradient_penalty_makes_a_decoder_smooth():
    torch.manual_seed(0)
    x = torch.randn(300, 2) @ torch.randn(2, 12)
    slopes = []
    for weight in (0.0, 1.0):
        method = make_method("rae-gp", {"weight": 1e-3, "decoder_weight": weight}, 4)
        encoder, decoder, _ = trained(method, pair(), x, steps=200)
        z = encoder(x).detach().requires_grad_()
        slopes.append(squared_jacobian(decoder(z), z).item())
    assert slopes[1] < slopes[0] / 2


def test_spectral_normalization_holds_every_layer_of_the_decoder_at_norm_one():
    torch.manual_seed(0)
    method = make_method("rae-sn", {}, 3)
    encoder, decoder = conv_pair((1, 8, 8), 3, width=0.25)
    encoder, decoder = method.prepare(encoder, decoder)
    assert not any("parametrizations" in name for name, _ in encoder.named_parameters())
    x = torch.rand(16, 1, 8, 8)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        objective(method, encoder, decoder, x).backward()
        optimizer.step()
    for _ in range(50):  # each forward pass is one step of the power iteration, which lags behind fast training
        decoder(encoder(x))
    for layer in decoder.eval().modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.1)


def test_spectral_normalization_survives_saving():
    method = make_method("rae-sn", {}, 4)
    _, decoder, _ = trained(method, pair(), torch.randn(100, 12), steps=20)
    _, opened = method.prepare(*pair(seed=1))
    opened.load_state_dict(decoder.state_dict())
    z = torch.randn(5, 4)
    assert torch.equal(opened.eval()(z), decoder(z))
