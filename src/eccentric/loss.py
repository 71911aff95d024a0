"""The Eccentric loss: `eccentric_loss(z)` and the module `EccentricLoss`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from eccentric.kernels import autograd, reference
from eccentric.kernels.constant import KernelConstant, resolve

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Impl = Literal["auto", "reference", "blocked"]
IMPLS = ("auto", "reference", "blocked")


def eccentric_loss(
    z: Float[Tensor, "b d"], mu: float = 1.0, N: KernelConstant = "paper", *, impl: Impl = "auto"
) -> Float[Tensor, ""]:
    """Repel every pair of latent vectors and pull each to the origin: equation (1) of Li & Blair 2021.

        l = mean_i |z_i|^2  -  mu N mean_{i != j} log(1 + |z_i - z_j|^2 / N)

    Alone, it spreads the vectors evenly over a sphere of radius sqrt(d) (from d = 4 on; with fewer dimensions only
    while mu is small: see `theory.stationary_radius`). Added to another objective with a small weight, it holds the
    trace of the latents' covariance near d and leaves its eigenvalues free to differ.

    Args:
        z: latent vectors, (b, d) with b >= 2, floating point, any device and strides. Half precision is accumulated
            in float32.
        mu: strength of the repulsion, > 1/2. At 1, the default and the paper's choice for MNIST, far pairs matter
            most and clusters may form; at d + 1/2 near pairs do, and the latents spread evenly.
        N: kernel constant, a squared length. "paper" is the paper's formula, which puts the radius within 0.1 % of
            sqrt(d) from d = 12 on; "exact" makes it sqrt(d); a positive number is taken as it is.
        impl: "blocked" visits tiles of pairs in O(b d) memory and computes the gradient in the same pass; "reference"
            is the formula as written, dense and in double precision. "auto", the default, is "blocked", whose second
            derivative is dense too.

    Returns:
        A scalar: float64 for float64 input, otherwise float32. NaN if z holds a NaN.

    Raises:
        TypeError: z is not a floating-point tensor.
        ValueError: z is not (b, d) with b >= 2, or mu, N or impl is out of range.
    """
    _check(z, impl)
    if impl == "reference":
        constant = resolve(z.shape[1], mu, N)
        wide = z.double() if z.device.type != "mps" else z.float()
        return reference.loss(wide, mu, constant).to(torch.promote_types(z.dtype, torch.float32))
    return autograd.loss(z, mu, N)


class EccentricLoss(torch.nn.Module):
    """`eccentric_loss` as a module, for `objective = reconstruction + weight * EccentricLoss()(z)`.

    Args and errors are those of `eccentric_loss`; mu and N are checked at once where they do not depend on d.
    """

    def __init__(self, mu: float = 1.0, N: KernelConstant = "paper", *, impl: Impl = "auto") -> None:
        super().__init__()
        resolve(3, mu, N)
        _check_impl(impl)
        self.mu, self.N, self.impl = mu, N, impl

    def forward(self, z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
        return eccentric_loss(z, self.mu, self.N, impl=self.impl)

    def extra_repr(self) -> str:
        return f"mu={self.mu:g}, N={self.N!r}" + ("" if self.impl == "auto" else f", impl={self.impl!r}")


def _check(z: Tensor, impl: str) -> None:
    if not isinstance(z, torch.Tensor):
        raise TypeError(f"z must be a torch.Tensor of shape (b, d), not {type(z).__name__}")
    if z.ndim != 2 or z.shape[1] == 0:
        raise ValueError(f"z must have shape (b, d) with d >= 1, not {tuple(z.shape)}; flatten each item to one vector")
    if z.shape[0] < 2:
        raise ValueError(f"z must hold at least 2 vectors to make a pair, not {z.shape[0]}; drop the last short batch")
    if not z.is_floating_point():
        raise TypeError(f"z must be floating point, not {z.dtype}; convert it with z.float()")
    _check_impl(impl)


def _check_impl(impl: str) -> None:
    if impl not in IMPLS:
        raise ValueError(f"unknown impl {impl!r}; choose one of {', '.join(map(repr, IMPLS))}")
