"""A fitted model at work on data of any length, batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from eccentric.estimator.inputs import batch_rows, in_batches, is_double

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.models import Autoencoder


@torch.no_grad()
def encode_array(model: Autoencoder, components: DeepComponents, x: Shaped[np.ndarray, "n ..."]) -> np.ndarray:
    """Components (n, d) of an array, in the model's precision; float64 for tables but of float32, else float32."""
    device, dtype = _place(model)
    p = np.empty((len(x), components.dim), np.float64 if is_double(x) else np.float32)
    start = 0
    for batch in in_batches(x, dtype):
        p[start : start + len(batch)] = components.encode(model.encode(batch.to(device)).cpu()).numpy()
        start += len(batch)
    return p


@torch.no_grad()
def encode_stream(
    model: Autoencoder, components: DeepComponents, stream: Iterable[Shaped[Tensor, "b ..."]]
) -> Float[np.ndarray, "n d"]:
    """Components of batches as they come, float32."""
    device, _ = _place(model)
    return np.concatenate([components.encode(model.encode(x.to(device)).cpu()).float().numpy() for x in stream])


@torch.no_grad()
def decode(model: Autoencoder, z: Float[Tensor, "n d"], shape: Sequence[int]) -> Shaped[Tensor, "n ..."]:
    """Raw items of a shape for latents, on the CPU, in z's precision."""
    device, dtype = _place(model)
    parts = z.split(batch_rows(shape))
    return torch.cat([model.decode(part.to(device, dtype)).cpu() for part in parts]).to(z.dtype)


@torch.no_grad()
def explained_share(model: Autoencoder, batches: Iterable[Shaped[Tensor, "b ..."]]) -> float:
    """1 - squared error / variance of the rows about their own mean, in standardised units and in one pass.

    Raises:
        ValueError: there are fewer than two rows.
    """
    device, _ = _place(model)
    count, error, squares, sums = 0, 0.0, 0.0, torch.zeros(())
    for x in batches:
        _, made, target = model(x.to(device))
        error += (made - target).square().sum().item()
        flat = target.flatten(1).cpu().double()
        count, squares, sums = count + len(x), squares + flat.square().sum().item(), sums + flat.sum(0)
    if count < 2:
        raise ValueError(f"score needs at least 2 rows for a variance, not {count}")
    variance = squares - sums.square().sum().item() / count
    return 1 - error / variance if variance > 0 else 0.0


def _place(model: Autoencoder) -> tuple[torch.device, torch.dtype]:
    weight = next(model.parameters())
    return weight.device, weight.dtype
