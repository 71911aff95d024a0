"""Add a loss to a training loop whose code cannot be changed, by adding its gradient to that of the latents."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from eccentric.loss import EccentricLoss

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float
    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle

__all__ = ["regularize_input", "regularize_output"]


def regularize_output(
    layer: nn.Module, weight: float, loss: Callable[[Float[Tensor, "b d"]], Float[Tensor, ""]] | None = None
) -> RemovableHandle:
    """Train as if weight * loss(output of the layer) were part of the objective.

    Each forward pass that records gradients computes the loss, and the backward pass adds weight times its gradient to
    the gradient of the layer's output. Passes under `torch.no_grad()`, with fewer than two rows, or in evaluation mode
    add nothing. A loop that calls the layer several times in a step adds the loss of each call.

    The loop must not scale its objective: with gradient accumulation or `torch.amp.GradScaler`, add the loss to the
    objective instead.

    Args:
        layer: layer whose output is one latent vector per item, (b, d).
        weight: factor of the loss.
        loss: function of the latents; the Eccentric loss by default.

    Returns:
        A handle. `handle.remove()` removes the loss.

    Raises:
        ValueError: weight is negative or not finite.
    """
    add = _adder(weight, loss)
    return layer.register_forward_hook(lambda module, _, output: add(module, output))


def regularize_input(
    layer: nn.Module, weight: float, loss: Callable[[Float[Tensor, "b d"]], Float[Tensor, ""]] | None = None
) -> RemovableHandle:
    """The same as `regularize_output` for the input of a layer, such as the features before the last linear layer."""
    add = _adder(weight, loss)
    return layer.register_forward_pre_hook(lambda module, inputs: (add(module, inputs[0]), *inputs[1:]))


def _adder(weight: float, loss: Callable[[Tensor], Tensor] | None) -> Callable[[nn.Module, Tensor], Tensor]:
    if not 0 <= weight < math.inf:
        raise ValueError(f"weight must be zero or a positive number, not {weight}")
    measure = EccentricLoss() if loss is None else loss

    def add(module: nn.Module, z: Tensor) -> Tensor:
        if not module.training or not z.requires_grad or not torch.is_grad_enabled() or len(z) < 2:
            return z
        latents = z.detach().requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(measure(latents), latents)
        z = z.view_as(z)  # a hook on z would also affect other uses of z
        z.register_hook(lambda grad: grad + weight * gradient)
        return z

    return add
