"""Batched inference: networks run over data in evaluation mode, without gradients and autocast.

On a GPU, PyTorch computes float32 convolutions in TF32 by default, which differs from the CPU by about 1e-3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from eccentric.components import DeepComponents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jaxtyping import Float, Shaped
    from torch import Tensor, nn

    from eccentric.models import Autoencoder
    from eccentric.models.pca import LinearPCA

__all__ = ["components_of", "decode", "encode", "in_batches", "item_errors", "over_batches", "reconstruction_error"]


def encode(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
    """Latents of raw data, on the CPU."""
    return in_batches(model.encode, x, model)


def decode(model: Autoencoder, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
    """Raw data from latents, on the CPU."""
    return in_batches(model.decode, z, model)


def reconstruction_error(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> float:
    """Mean over raw items x of their mean squared error, in standardised units."""
    return item_errors(model, x).mean().item()


def components_of(
    model: Autoencoder,
    batches: Iterable[tuple[Shaped[Tensor, "b ..."], Float[Tensor, "b d"]]],
    anchors: LinearPCA | None = None,
) -> DeepComponents:
    """Mean, axes and variances of latents, in one pass.

    Args:
        model: its method may decide on the axes itself.
        batches: raw items and their latents, on the CPU.
        anchors: PCA of the items, to whose scores the axes are anchored; None takes the principal axes.
    """
    own = model.method.traits.axes == "own"
    components = DeepComponents("own" if own else "anchored" if anchors else "principal")
    for x, z in batches:
        components.update(z, anchors.scores(x) if anchors and not own else None)
    return components


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
