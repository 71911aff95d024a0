"""The weight vectors of a network's units, for the methods that regularize weights in place of latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["layers", "units"]

KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def layers(*networks: nn.Module) -> list[nn.Module]:
    """The linear and convolutional layers of the networks."""
    return [module for network in networks for module in network.modules() if isinstance(module, KINDS)]


def units(*networks: nn.Module) -> list[Float[Tensor, "units inputs"]]:
    """For each linear or convolutional layer with two units or more, the weights of each unit as a row."""
    found = []
    for layer in layers(*networks):
        weight: Tensor = layer.weight  # type: ignore[assignment]
        transposed = isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d))
        rows = (weight.transpose(0, 1) if transposed else weight).flatten(1)
        if len(rows) > 1:
            found.append(rows)
    return found
