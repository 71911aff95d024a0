"""Our convolutions are PyTorch's, gradients included."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from eccentric.models.convolution import Conv2d, ConvTranspose2d

PAIRS = [
    pytest.param(Conv2d(3, 4, 3, 2, 1), nn.Conv2d(3, 4, 3, 2, 1), id="conv"),
    pytest.param(Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1), id="conv-1x1"),
    pytest.param(ConvTranspose2d(3, 4, 4, 2, 1), nn.ConvTranspose2d(3, 4, 4, 2, 1), id="transposed"),
    pytest.param(ConvTranspose2d(3, 4, 1), nn.ConvTranspose2d(3, 4, 1), id="transposed-1x1"),
]
BOTH = pytest.mark.parametrize(("ours", "pytorchs"), PAIRS)


def images() -> Tensor:
    return torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def outcome(layer: nn.Module, dtype: torch.dtype, autocast: bool) -> list[Tensor]:
    """Output, and the gradients of input, weight and bias."""
    layer.zero_grad()
    x = images().to(torch.float32 if autocast else dtype).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        y = layer(x)
    y.square().sum().backward()
    assert x.grad is not None
    return [y.detach(), x.grad, *(parameter.grad for parameter in layer.parameters() if parameter.grad is not None)]


@BOTH
@pytest.mark.parametrize("autocast", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_same_numbers_as_pytorchs_layer(
    ours: nn.Module, pytorchs: nn.Module, dtype: torch.dtype, autocast: bool
) -> None:
    pytorchs.load_state_dict(ours.state_dict())
    own = torch.float32 if autocast else dtype
    found, expected = outcome(ours.to(own), dtype, autocast), outcome(pytorchs.to(own), dtype, autocast)
    ours.float(), pytorchs.float()
    assert len(found) == len(expected) == 4
    rounding = 1e-6 if own == dtype == torch.float32 and not autocast else 0.01
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, rtol=rounding, atol=rounding * float(b.abs().max()))


@BOTH
def test_works_under_functional_transforms(ours: nn.Module, pytorchs: nn.Module) -> None:
    x = images().bfloat16()
    ours.bfloat16()

    def loss(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        y: Tensor = torch.func.functional_call(ours, parameters, (x[None],)).float().square().sum()
        return y

    parameters: dict[str, Tensor] = dict(ours.named_parameters())
    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, x)
    ours.zero_grad()
    ours(x).float().square().sum().backward()
    for name, parameter in parameters.items():
        assert parameter.grad is not None
        torch.testing.assert_close(each[name].float().sum(0), parameter.grad.float(), rtol=0.02, atol=0.5)
    ours.float()


@BOTH
def test_frozen_parameters_and_second_derivatives(ours: nn.Module, pytorchs: nn.Module) -> None:
    x = images().bfloat16().requires_grad_()
    ours.zero_grad()
    ours.bfloat16().requires_grad_(False)
    (slope,) = torch.autograd.grad(ours(x).float().square().sum(), x, create_graph=True)
    slope.float().square().sum().backward()
    ours.float().requires_grad_(True)
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert x.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in ours.parameters())


@BOTH
def test_gradients_of_a_gradient_penalty_are_pytorchs(ours: nn.Module, pytorchs: nn.Module) -> None:
    """Second derivatives under autocast, with respect to the weights too."""
    pytorchs.load_state_dict(ours.state_dict())
    found = []
    for layer in (ours, pytorchs):
        layer.zero_grad()
        x = images().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            y = torch.nn.functional.softplus(layer(x))
            (slope,) = torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)
        slope.square().sum().backward()
        assert x.grad is not None
        found.append([x.grad, *(parameter.grad for parameter in layer.parameters() if parameter.grad is not None)])
    assert len(found[0]) == len(found[1]) == 3
    for a, b in zip(*found, strict=True):
        assert a.dtype == b.dtype == torch.float32
        torch.testing.assert_close(a, b, rtol=0.03, atol=0.03 * float(b.abs().max()))


@BOTH
def test_compiled_it_stays_in_one_graph(ours: nn.Module, pytorchs: nn.Module) -> None:
    expected = outcome(ours, torch.float32, autocast=True)
    torch.compiler.reset()
    compiled = copy.deepcopy(ours)
    compiled.compile(backend="aot_eager", fullgraph=True)
    found = outcome(compiled, torch.float32, autocast=True)
    assert len(found) == len(expected) == 4
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0.01, atol=0.01 * float(b.abs().max()))
