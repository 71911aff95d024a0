"""The Eccentric loss: `eccentric_loss(z)` and the module `EccentricLoss`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from eccentric.kernels import autograd, reference, sampled
from eccentric.kernels.constant import KernelConstant, resolve

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor
    from torch.distributed import ProcessGroup

    from eccentric.ranks import Exchange

Impl = Literal["auto", "reference", "blocked", "triton"]
IMPLS = ("auto", "reference", "blocked", "triton")
EXCHANGES = ("gather", "ring")


def eccentric_loss(
    z: Float[Tensor, "b d"],
    mu: float = 1.0,
    N: KernelConstant = "paper",
    *,
    impl: Impl = "auto",
    pairs: int | Literal["all"] = "all",
    generator: torch.Generator | None = None,
    sync: bool = False,
    group: ProcessGroup | None = None,
    exchange: Exchange = "gather",
    average: bool = True,
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
        impl: "blocked" visits tiles of pairs in O(b d) memory and computes the gradient in the same pass, on any
            device; "triton" does so in one kernel on NVIDIA GPUs; "reference" is the formula as written, dense and in
            double precision. "auto", the default, is "triton" where it runs and "blocked" elsewhere. Second
            derivatives are right with each of them, in O(b^2) memory.
        pairs: "all", or a number of partners per row for an unbiased estimate of value and gradient in O(b pairs d):
            each row meets the rows at so many random cyclic shifts. For batches where all pairs are too many.
        generator: draws the shifts, on the CPU; by default PyTorch's own, which torch.manual_seed seeds.
        sync: the batch is the union of the rows that the ranks of `group` hold; the value is the same on all of them.
        group: process group; with `sync`, None is the default group. Giving a group implies `sync`.
        exchange: how rows travel between ranks: "gather" in O(B d) memory, "ring" in O(b d) (see `ranks.union_loss`).
        average: scale the gradient for DistributedDataParallel, which averages over ranks, so that the result is that
            of one process with the whole batch; False for those who sum gradients.

    Returns:
        A scalar: float64 for float64 input, otherwise float32. NaN if z holds a NaN.

    Raises:
        TypeError: z is not a floating-point tensor.
        ValueError: z is not (b, d) with b >= 2, or another argument is out of range.
        RuntimeError: `sync` without a process group; `impl="triton"` where it cannot run.
    """
    sync = sync or group is not None
    check_latents(z, at_least=0 if sync else 2)
    _check_options(impl, pairs, sync, exchange)
    if sync:
        from eccentric.ranks import union_loss

        return union_loss(z, mu, N, group=group, exchange=exchange, average=average)
    if impl == "reference":
        wide = z.double() if z.device.type != "mps" else z.float()
        value = reference.loss(wide, mu, resolve(z.shape[1], mu, N))
        return value.to(torch.promote_types(z.dtype, torch.float32))
    shifts = None if pairs == "all" else sampled.draw_shifts(z.shape[0], pairs, generator)
    return autograd.loss(z, mu, N, impl, shifts)


class EccentricLoss(torch.nn.Module):
    """`eccentric_loss` as a module, for `objective = reconstruction + weight * EccentricLoss()(z)`.

    Args and errors are those of `eccentric_loss`; what does not depend on z is checked at once.
    """

    def __init__(
        self,
        mu: float = 1.0,
        N: KernelConstant = "paper",
        *,
        impl: Impl = "auto",
        pairs: int | Literal["all"] = "all",
        generator: torch.Generator | None = None,
        sync: bool = False,
        group: ProcessGroup | None = None,
        exchange: Exchange = "gather",
        average: bool = True,
    ) -> None:
        super().__init__()
        resolve(3, mu, N)
        _check_options(impl, pairs, sync or group is not None, exchange)
        self.mu, self.N = float(mu), N  # a NumPy number would be in torch.compile's way
        self._options = {
            "impl": impl,
            "pairs": pairs,
            "generator": generator,
            "sync": sync,
            "group": group,
            "exchange": exchange,
            "average": average,
        }

    def forward(self, z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
        return eccentric_loss(z, self.mu, self.N, **self._options)  # type: ignore[arg-type]

    def extra_repr(self) -> str:
        changed = {name: value for name, value in self._options.items() if value != DEFAULTS[name]}
        return ", ".join(
            [f"mu={self.mu:g}", f"N={self.N!r}", *(f"{name}={value!r}" for name, value in changed.items())]
        )


DEFAULTS = dict(eccentric_loss.__kwdefaults__ or {})  # one place for them, for what repr leaves out


def check_latents(z: Tensor, at_least: int) -> None:
    """Raise an error unless z is a floating-point tensor (b, d) with b >= at_least."""
    if not isinstance(z, torch.Tensor):
        raise TypeError(f"z must be a torch.Tensor of shape (b, d), not {type(z).__name__}")
    if z.ndim != 2 or z.shape[1] == 0:
        raise ValueError(f"z must have shape (b, d) with d >= 1, not {tuple(z.shape)}; flatten each item to one vector")
    if z.shape[0] < at_least:
        raise ValueError(f"z must hold at least 2 vectors to make a pair, not {z.shape[0]}; drop the last short batch")
    if not z.is_floating_point():
        raise TypeError(f"z must be floating point, not {z.dtype}; convert it with z.float()")


def _check_options(impl: str, pairs: int | str, sync: bool, exchange: str) -> None:
    if impl not in IMPLS:
        raise ValueError(f"unknown impl {impl!r}; choose one of {', '.join(map(repr, IMPLS))}")
    if exchange not in EXCHANGES:
        raise ValueError(f"unknown exchange {exchange!r}; choose one of {', '.join(map(repr, EXCHANGES))}")
    if pairs != "all" and not (isinstance(pairs, int) and not isinstance(pairs, bool) and pairs >= 1):
        raise ValueError(f"pairs must be 'all' or a positive whole number of partners, not {pairs!r}")
    if pairs != "all" and (sync or impl not in ("auto", "blocked")):
        raise ValueError(f"pairs={pairs} has one implementation and one rank; leave out {'sync' if sync else 'impl'}")
    if sync and impl != "auto":
        raise ValueError(f"impl={impl!r} is for one rank; leave out impl or sync")
