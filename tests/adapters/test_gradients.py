"""A loss added by its gradient, where a training loop cannot be changed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from eccentric import eccentric_loss
from eccentric.adapters.gradients import regularize_input, regularize_output


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()


def gradients(model: nn.Sequential, x: torch.Tensor, weight: float) -> list[torch.Tensor]:
    """Of the objective as one would write it, with the loss of the hidden layer in each call."""
    objective = torch.zeros((), dtype=torch.float64)
    for part in x.chunk(2):
        h = model[:2](part)
        objective = objective + model[2](h).square().mean() + weight * eccentric_loss(h)
    return list(torch.autograd.grad(objective, list(model.parameters())))


@pytest.mark.parametrize("how", ["output", "input"])
def test_gradients_are_those_of_the_objective_with_the_loss(how):
    model, x = network(), torch.randn(12, 6, dtype=torch.float64)
    truth, plain = gradients(model, x, 0.3), gradients(model, x, 0.0)
    handle = regularize_output(model[1], 0.3) if how == "output" else regularize_input(model[2], 0.3)
    for part in x.chunk(2):
        model(part).square().mean().backward()
    for parameter, true in zip(model.parameters(), truth, strict=True):
        torch.testing.assert_close(parameter.grad, true)

    handle.remove()
    model.zero_grad()
    for part in x.chunk(2):
        model(part).square().mean().backward()
    for parameter, true in zip(model.parameters(), plain, strict=True):
        torch.testing.assert_close(parameter.grad, true)


def test_another_loss_and_passes_that_add_nothing():
    model = network()
    calls = []

    def loss(z: torch.Tensor) -> torch.Tensor:
        calls.append(len(z))
        return z.square().sum()

    regularize_output(model, 0.5, loss)
    x = torch.randn(5, 6, dtype=torch.float64)
    with torch.no_grad():
        model(x)
    model(x[:1])  # no pair
    model.eval()(x)
    assert calls == []
    z = model.train()(x)
    (gradient,) = torch.autograd.grad(z.sum(), [*model.parameters()][-1])
    assert calls == [5]
    torch.testing.assert_close(gradient, 5 + 0.5 * 2 * z.detach().sum(0))


def test_a_bad_weight():
    with pytest.raises(ValueError, match="zero or a positive number"):
        regularize_output(network(), -1.0)
