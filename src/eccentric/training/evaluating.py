"""A trained model at work: errors, latents and decoded items, in evaluation mode and without autocast.

Float32 convolutions on a GPU are TF32 where PyTorch may use it, which is its default: some 1e-3 off those on a CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import mse_loss

from eccentric.evaluation.batches import batch_size, in_batches

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.models import Autoencoder


@torch.no_grad()
def reconstruction_error(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> float:
    """Mean squared error over pixels of the model in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    total = torch.zeros((), device=device)
    for batch in x.split(batch_size(device)):
        _, reconstruction, target = model(batch.to(device))
        total += mse_loss(reconstruction, target) * len(batch)
    return total.item() / len(x)


def encode(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
    """Latents of raw data in evaluation mode, on the CPU."""
    return in_batches(model.encode, x, model)


def decode(model: Autoencoder, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
    """Raw data from latents in evaluation mode, on the CPU."""
    return in_batches(model.decode, z, model)
