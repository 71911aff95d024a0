"""What the tests of methods share: the terms on given latents, and a few steps of training without a run folder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from eccentric.methods import Method, Outputs, make_method

NOTHING = torch.zeros(1)


def pair(features: int = 12, dim: int = 4, seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """A small encoder and decoder for a table."""
    torch.manual_seed(seed)
    encoder = nn.Sequential(nn.Linear(features, 16), nn.GELU(), nn.Linear(16, dim))
    return encoder, nn.Sequential(nn.Linear(dim, 16), nn.GELU(), nn.Linear(16, features))


def terms(name: str, z: Tensor, **settings: Any) -> dict[str, Tensor]:
    """The values of a method's terms for given latents."""
    method = make_method(name, settings, z.shape[1]).to(z.dtype)
    encoder, decoder = pair(dim=z.shape[1])
    found = method.terms(Outputs(z, NOTHING, {}), NOTHING, encoder, decoder)
    assert list(found) == list(method.term_titles)
    return {key: term.value for key, term in found.items()}


def objective(method: Method, encoder: nn.Module, decoder: nn.Module, x: Tensor) -> Tensor:
    """What a step of training on one rank minimises."""
    outputs = method(encoder, decoder, x)
    loss = (outputs.reconstruction - x).square().mean()
    for term in method.terms(outputs, x, encoder, decoder).values():
        loss = loss + term.weight * term.value
    return loss


def trained(
    method: Method, networks: tuple[nn.Module, nn.Module], x: Tensor, steps: int = 200, rate: float = 1e-2
) -> tuple[nn.Module, nn.Module, list[float]]:
    """Train on batches of x; the networks as the method made them, and the objective in each step."""
    encoder, decoder = method.prepare(*networks)
    parameters = [p for module in (encoder, decoder, method) for p in module.parameters() if p.requires_grad]
    optimizer, losses = torch.optim.Adam(parameters, lr=rate), []
    for module in (encoder, decoder, method):
        module.train()
    for step in range(steps):
        method.before_step(step / steps)
        loss = objective(method, encoder, decoder, x[torch.randint(len(x), (64,))])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        method.after_step()
        losses.append(loss.item())
    return encoder.eval(), decoder.eval(), losses
