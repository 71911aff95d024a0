"""A trained model at work: errors, latents and decoded items, in evaluation mode and without autocast.

Float32 convolutions on a GPU are TF32 where PyTorch may use it, which is its default: some 1e-3 off those on a CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from eccentric.evaluation.batches import batch_size, in_batches

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.models import Autoencoder


def reconstruction_error(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> float:
    """Mean squared error over pixels of the model in evaluation mode."""
    return item_errors(model, x).mean().item()


@torch.no_grad()
def item_errors(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    """The same for each item, on the model's device."""
    model.eval()
    device = next(model.parameters()).device
    errors = []
    for batch in x.split(batch_size(device)):
        _, reconstruction, target = model(batch.to(device))
        errors.append((reconstruction - target).square().flatten(1).mean(1))
    return torch.cat(errors)


def encode(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
    """Latents of raw data in evaluation mode, on the CPU."""
    return in_batches(model.encode, x, model)


def decode(model: Autoencoder, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
    """Raw data from latents in evaluation mode, on the CPU."""
    return in_batches(model.decode, z, model)
