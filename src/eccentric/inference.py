"""The one way to run networks over data: batch by batch, in evaluation mode, without gradients and autocast.

Float32 convolutions on a GPU are TF32 where PyTorch may use it, which is its default: some 1e-3 off those on a CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jaxtyping import Float, Shaped
    from torch import Tensor, nn

    from eccentric.models import Autoencoder

__all__ = ["decode", "encode", "in_batches", "item_errors", "over_batches", "reconstruction_error"]


def encode(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
    """Latents of raw data, on the CPU."""
    return in_batches(model.encode, x, model)


def decode(model: Autoencoder, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
    """Raw data from latents, on the CPU."""
    return in_batches(model.decode, z, model)


def reconstruction_error(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> float:
    """Mean squared error over all numbers of raw items x, in the units that the networks see."""
    return item_errors(model, x).mean().item()


@torch.no_grad()
def item_errors(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    """Mean squared error of each item, on the model's device."""
    model.eval()
    device = next(model.parameters()).device
    errors = []
    for batch in x.split(batch_size(device)):
        _, reconstruction, target = model(batch.to(device))
        errors.append((reconstruction - target).square().flatten(1).mean(1))
    return torch.cat(errors)


def in_batches(
    function: Callable[[Tensor], Tensor], x: Shaped[Tensor, "n ..."], network: nn.Module, batch: int | None = None
) -> Shaped[Tensor, "n ..."]:
    """`function` of all items, on the CPU.

    Args:
        function: from a batch of items to a tensor with one row for each; `network` itself or a method of it.
        x: the items.
        network: in evaluation mode from here on; the work is done on its device.
        batch: items at a time; None is what suits the device.
    """
    size = batch or batch_size(next(network.parameters()).device)
    return torch.cat(list(over_batches(function, x.split(size), network)))


@torch.no_grad()
def over_batches(
    function: Callable[[Tensor], Tensor], batches: Iterable[Shaped[Tensor, "b ..."]], network: nn.Module
) -> Iterator[Shaped[Tensor, "b ..."]]:
    """`function` of each batch, on the CPU, as the batches come. Arguments are those of `in_batches`."""
    network.eval()
    device = next(network.parameters()).device
    for items in batches:
        yield function(items.to(device)).cpu()


def batch_size(device: torch.device) -> int:
    """How many items at a time suit a device."""
    # On a CPU the activations of 1000 images left the caches, and took three times as long. Elsewhere each batch costs
    # its launches.
    return 256 if device.type == "cpu" else 1024
