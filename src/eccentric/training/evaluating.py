"""A trained model at work: errors, latents and decoded items, in evaluation mode and full precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import mse_loss

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.models import Autoencoder

EVALUATION_BATCH = 256  # of 1000, the activations of images left the caches of a CPU, and took three times as long


@torch.no_grad()
def reconstruction_error(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> float:
    """Mean squared error over pixels of the model in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    total = torch.zeros((), device=device)
    for batch in x.split(EVALUATION_BATCH):
        _, reconstruction, target = model(batch.to(device))
        total += mse_loss(reconstruction, target) * len(batch)
    return total.item() / len(x)


@torch.no_grad()
def encode(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
    """Latents of raw data in evaluation mode, on the CPU."""
    model.eval()
    device = next(model.parameters()).device
    return torch.cat([model.encode(batch.to(device)).cpu() for batch in x.split(EVALUATION_BATCH)])


@torch.no_grad()
def decode(model: Autoencoder, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
    """Raw data from latents in evaluation mode, on the CPU."""
    model.eval()
    device = next(model.parameters()).device
    return torch.cat([model.decode(batch.to(device)).cpu() for batch in z.split(EVALUATION_BATCH)])
