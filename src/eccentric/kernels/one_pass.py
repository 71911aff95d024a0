"""Value and gradient of the loss in one pass, from the pair sums of the kernel for the device.

With w_ij = 1 / (1 + D_ij / N) the gradient is

    dl/dz_i = 2 z_i / b  -  4 mu / (b (b-1)) * sum_j w_ij (z_i - z_j)

so the pairs are visited only once: the backward pass multiplies a saved (b, d) tensor.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sysconfig
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from eccentric.kernels import blocked, sampled

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import ModuleType

    from jaxtyping import Float, Int
    from torch import Tensor


def value_and_gradient(
    z: Float[Tensor, "b d"], mu: float, N: float, impl: str = "auto", shifts: Int[Tensor, " m"] | None = None
) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """Return the loss and its gradient, in float64 for float64 input, otherwise in float32.

    If shifts are given, both are estimated from the pairs at these shifts (see `sampled`).
    """
    dtype, kernel = result_dtype(z.dtype), kernel_for(z, impl)
    if kernel is not blocked and shifts is None and kernel.takes_whole(z):
        result: tuple[Tensor, Tensor] = kernel.value_and_gradient(z, mu, N)
        return result
    with without_autocast(z):
        given, z = z, z.to(working_dtype(z, len(z), kernel) if shifts is None else dtype)
        b = z.shape[0]
        # Centring z does not change distances, but removes most of the cancellation in |zi|^2 + |zj|^2 - 2 zi.zj. On
        # tensor cores, products in half precision are exact and fast; centred values would have to be rounded.
        # Any centre is valid; in double precision the first row is used, since it costs less than the mean.
        if kernel is not blocked and given.dtype.itemsize < 4:
            x = given
        else:
            x = z - (z[0] if z.dtype != dtype else z.mean(0))
        log_sum, force = kernel.pairs(x, N) if shifts is None else sampled.pairs(x, N, shifts)
        # A dot product would add up a large batch in one float32 sum and lose three digits.
        value = torch.sub(z.square().sum() / b, log_sum, alpha=mu * N / (b * (b - 1)))
        gradient = force.mul_(-4 * mu / (b * (b - 1))).add_(z, alpha=2 / b)
        return value.to(dtype), gradient.to(dtype)


def without_autocast(z: Tensor) -> AbstractContextManager[object]:
    """Disable autocast, which would compute matrix products in half precision. Does nothing if autocast is inactive."""
    enabled = torch.is_autocast_enabled(z.device.type)
    return torch.autocast(z.device.type, enabled=False) if enabled else nullcontext()


def kernel_for(z: Float[Tensor, "b d"], impl: str = "auto") -> ModuleType:
    """Return the module with `pairs` and `repel` for the device of z, or the requested module.

    Raises:
        RuntimeError: Triton is requested but not available.
    """
    if impl == "blocked" or (impl == "auto" and not (z.is_cuda and has_triton())):
        return blocked
    if not has_triton():
        raise RuntimeError(
            "impl='triton' needs the package triton, which comes with CUDA builds of PyTorch, and a C compiler with "
            "Python's headers, from which it builds what launches a kernel"
        )
    from eccentric.kernels import triton

    if triton.suits(z):
        return triton
    if impl == "triton":
        raise RuntimeError(f"impl='triton' needs an NVIDIA GPU, Ampere or later; z is on {z.device}; use impl='auto'")
    return blocked


@lru_cache(maxsize=1)
def has_triton() -> bool:
    """Whether Triton and its requirements are available; production images often have no compiler."""
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    header = Path(sysconfig.get_path("include"), "Python.h")
    return importlib.util.find_spec("triton") is not None and compiler is not None and header.exists()


def working_dtype(z: Float[Tensor, "b d"], b: int, kernel: ModuleType) -> torch.dtype:
    """Return the dtype of the computation for b vectors: double for a small batch, if the device supports it.

    At equilibrium the two terms of the gradient cancel, and duplicates (w = 1) add the same value to both sums. In a
    small batch few rounding errors average out, and calls dominate its time. A larger batch is accurate enough in the
    dtype of the result.
    """
    small = kernel is blocked and b <= blocked.SMALL and z.device.type != "mps"
    return torch.float64 if small else result_dtype(z.dtype)


def result_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return float64 for float64, otherwise float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32
