"""Value and gradient of the loss in one pass, from the pair sums of whichever kernel suits the device.

With w_ij = 1 / (1 + D_ij / N) the gradient is

    dl/dz_i = 2 z_i / b  -  4 mu / (b (b-1)) * sum_j w_ij (z_i - z_j)

so no second look at the pairs is needed: the backward pass multiplies a saved (b, d) tensor.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import torch

from eccentric.kernels import blocked, sampled

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


def value_and_gradient(
    z: Float[Tensor, "b d"], mu: float, N: float, impl: str = "auto", shifts: Int[Tensor, " m"] | None = None
) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """The loss and its gradient, both in float64 for float64 input, else in float32 (half precision is widened).

    Estimated from the pairs at the given shifts, if any are given (see `sampled`).
    """
    dtype = result_dtype(z.dtype)
    on_triton = impl == "triton" or (impl == "auto" and _suits_triton(z))
    # Autocast would take the matrix products down to half precision again.
    with torch.autocast(z.device.type, enabled=False):
        if not on_triton and shifts is None and len(z) <= blocked.TILE and z.device.type != "mps":
            # A small batch is all dispatch, so that double precision costs next to nothing. At equilibrium the two
            # terms of the gradient cancel, and duplicates (w = 1) add to both sums what their difference must not see;
            # a small batch has few terms for such errors to average out over.
            z = z.double()
        else:
            z = z.to(dtype)
        b = z.shape[0]
        # Distances do not change when z is centred, but most of the cancellation in |zi|^2 + |zj|^2 - 2 zi.zj goes.
        x = z - z.mean(0)
        if shifts is not None:
            log_sum, force = sampled.pairs(x, N, shifts)
        elif on_triton:
            from eccentric.kernels import triton

            log_sum, force = triton.pairs(x, N)
        else:
            log_sum, force = blocked.pairs(x, N)
        value = z.square().sum() / b - mu * N / (b * (b - 1)) * log_sum
        gradient = torch.add(z * (2 / b), force, alpha=-4 * mu / (b * (b - 1)))
        return value.to(dtype), gradient.to(dtype)


def result_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _suits_triton(z: Float[Tensor, "b d"]) -> bool:
    if not z.is_cuda or importlib.util.find_spec("triton") is None:
        return False
    from eccentric.kernels import triton

    return triton.suits(z)
