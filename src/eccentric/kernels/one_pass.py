"""Value and gradient of the loss in one pass, from the pair sums of whichever kernel suits the device.

With w_ij = 1 / (1 + D_ij / N) the gradient is

    dl/dz_i = 2 z_i / b  -  4 mu / (b (b-1)) * sum_j w_ij (z_i - z_j)

so no second look at the pairs is needed: the backward pass multiplies a saved (b, d) tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from eccentric.kernels import blocked

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def value_and_gradient(z: Float[Tensor, "b d"], mu: float, N: float) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """The loss and its gradient, both in float64 for float64 input, else in float32 (half precision is widened)."""
    dtype = result_dtype(z.dtype)
    # Autocast would take the matrix products down to half precision again.
    with torch.autocast(z.device.type, enabled=False):
        z = z.to(_working_dtype(z))
        b = z.shape[0]
        # Distances do not change when z is centred, but most of the cancellation in |zi|^2 + |zj|^2 - 2 zi.zj goes.
        log_sum, force = blocked.pairs(z - z.mean(0), N)
        value = z.square().sum() / b - mu * N / (b * (b - 1)) * log_sum
        gradient = torch.add(z * (2 / b), force, alpha=-4 * mu / (b * (b - 1)))
        return value.to(dtype), gradient.to(dtype)


def _working_dtype(z: Float[Tensor, "b d"]) -> torch.dtype:
    """Double for a small batch, which is all dispatch, so that it costs next to nothing.

    At equilibrium the two terms of the gradient cancel, and duplicates (w = 1) add to both sums what their difference
    must not see; a small batch has few terms for such errors to average out over.
    """
    return torch.float64 if len(z) <= blocked.TILE and z.device.type != "mps" else result_dtype(z.dtype)


def result_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32
