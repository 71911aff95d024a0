"""Batched application of a fitted model to data of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from eccentric.estimator.inputs import batch_rows, is_double, parts_of
from eccentric.inference import in_batches, over_batches
from eccentric.padding import real_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.models import Autoencoder


def encode_array(model: Autoencoder, components: DeepComponents, x: Shaped[np.ndarray, "n ..."]) -> np.ndarray:
    """Components (n, d) of an array in the model's precision: float64 for tables except float32, otherwise float32."""
    p = np.empty((len(x), components.dim), np.float64 if is_double(x) else np.float32)
    start = 0
    for z in over_batches(model.encode, parts_of(x, next(model.parameters()).dtype), model):
        p[start : start + len(z)] = components.encode(z).numpy()
        start += len(z)
    return p


def encode_stream(
    model: Autoencoder, components: DeepComponents, stream: Iterable[Shaped[Tensor, "b ..."]]
) -> Float[np.ndarray, "n d"]:
    """Components of each batch, float32."""
    return np.concatenate([components.encode(z).float().numpy() for z in over_batches(model.encode, stream, model)])


def decode(model: Autoencoder, z: Float[Tensor, "n d"], shape: Sequence[int]) -> Shaped[Tensor, "n ..."]:
    """Decode latents to raw items of a shape, on the CPU and in the precision of z."""
    weight = next(model.parameters())
    return in_batches(model.decode, z.to(weight.dtype), model, batch_rows(shape)).to(z.dtype)


def explained_share(model: Autoencoder, batches: Iterable[Shaped[Tensor, "b ..."]]) -> float:
    """1 - squared error / variance of the rows around their mean, in standardised units, computed in one pass.

    For sequences, the rows are the real steps of all sequences.

    Raises:
        ValueError: there are fewer than two rows.
    """
    count, error, squares, sums = 0, 0.0, 0.0, torch.zeros(())
    for made, target in over_batches(lambda x: torch.stack(model(x)[1:]), batches, model):
        if model.padded:
            real = real_steps(target)
            made, target = made[real], target[real]  # one row per step
        error += (made - target).square().sum().item()
        flat = target.flatten(1).double()
        count, squares, sums = count + len(target), squares + flat.square().sum().item(), sums + flat.sum(0)
    if count < 2:
        raise ValueError(f"score needs at least 2 rows for a variance, not {count}")
    variance = squares - sums.square().sum().item() / count
    return 1 - error / variance if variance > 0 else 0.0
