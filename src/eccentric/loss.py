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
    """Repulsion between all pairs of latent vectors and attraction to the origin: equation (1) of Li & Blair 2021.

        l = mean_i |z_i|^2  -  mu N mean_{i != j} log(1 + |z_i - z_j|^2 / N)

    Minimised alone, it distributes the vectors uniformly on a sphere of radius sqrt(d) (for d >= 4; in fewer dimensions
    only for small mu, see `theory.stationary_radius`). Added to another objective with a small weight, it keeps the
    trace of the covariance of the latents near d, while its eigenvalues may differ.

    Args:
        z: latent vectors, (b, d) with b >= 2, floating point, any device and strides. Half precision is accumulated
            in float32.
        mu: strength of the repulsion, > 1/2. With 1, the default and the paper's choice for MNIST, distant pairs
            dominate and clusters may form; with d + 1/2 close pairs dominate, and the latents are distributed evenly.
        N: kernel constant, a squared length. "paper" is the formula of the paper, with a radius within 0.1 % of sqrt(d)
            for d >= 12; "exact" gives a radius of sqrt(d); a positive number is used directly.
        impl: "blocked" computes value and gradient in one pass over tiles of pairs, in O(b d) memory, on any device;
            "triton" does this in one kernel on NVIDIA GPUs; "reference" is the formula as written, dense and in double
            precision. "auto", the default, selects "triton" if it is available and "blocked" otherwise. All of them
            support second derivatives, in O(b^2) memory.
        pairs: "all", or a number of partners per row for an unbiased estimate of value and gradient in O(b pairs d):
            each row is paired with the rows at this number of random cyclic shifts. For very large batches.
        generator: generator of the shifts, on the CPU; by default PyTorch's global generator, which torch.manual_seed
            seeds.
        sync: whether the batch is the union of the rows of all ranks in `group`; the value is then the same on all of
            them.
        group: process group; with `sync`, None is the default group. A group implies `sync`.
        exchange: exchange of rows between ranks: "gather" in O(B d) memory, "ring" in O(b d) (see `ranks.union_loss`).
        average: scale the gradient for DistributedDataParallel, which averages over ranks, so that the result is that
            of one process with the whole batch; pass False if your code sums gradients.

    Returns:
        A scalar: float64 for float64 input, otherwise float32. NaN if z contains NaN.

    Raises:
        TypeError: z is not a floating-point tensor.
        ValueError: z is not (b, d) with b >= 2, or another argument is out of range.
        RuntimeError: `sync` without a process group, or `impl="triton"` if it is not available.
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

    Arguments and errors are those of `eccentric_loss`. Arguments are checked when the module is created.
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
        self.mu, self.N = float(mu), N  # a NumPy number would break torch.compile
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


DEFAULTS = dict(eccentric_loss.__kwdefaults__ or {})  # options that are shown if they differ from the default


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
