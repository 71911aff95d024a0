"""Batched inference: networks run over data in evaluation mode, without gradients and autocast.

On a GPU, PyTorch computes float32 convolutions in TF32 by default, which differs from the CPU by about 1e-3.
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
    """Mean over raw items x of their mean squared error, in standardised units."""
    return item_errors(model, x).mean().item()


@torch.no_grad()
def item_errors(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    """Mean squared error of each item, on the model's device."""
    model.eval()
    device = next(model.parameters()).device
    errors = []
    for batch in x.split(batch_size(device)):
        _, reconstruction, target = model(batch.to(device))
        errors.append(model.item_errors(reconstruction, target))
    return torch.cat(errors)


def in_batches(
    function: Callable[[Tensor], Tensor], x: Shaped[Tensor, "n ..."], network: nn.Module, batch: int | None = None
) -> Shaped[Tensor, "n ..."]:
    """Apply `function` to all items in batches. The result is on the CPU.

    Args:
        function: maps a batch of items to a tensor with one row for each item; `network` itself or one of its methods.
        x: the items.
        network: set to evaluation mode; the computation runs on its device.
        batch: items per batch; None selects a size for the device.
    """
    size = batch or batch_size(next(network.parameters()).device)
    return torch.cat(list(over_batches(function, x.split(size), network)))


@torch.no_grad()
def over_batches(
    function: Callable[[Tensor], Tensor], batches: Iterable[Shaped[Tensor, "b ..."]], network: nn.Module
) -> Iterator[Shaped[Tensor, "b ..."]]:
    """Apply `function` to each batch of a stream and yield the results on the CPU. Arguments as for `in_batches`."""
    network.eval()
    device = next(network.parameters()).device
    for items in batches:
        yield function(items.to(device)).cpu()


def batch_size(device: torch.device) -> int:
    """Number of items per batch for a device."""
    # On a CPU, the activations of 1000 images exceed the caches, which took three times as long. On accelerators, small
    # batches are dominated by kernel launches.
    return 256 if device.type == "cpu" else 1024
