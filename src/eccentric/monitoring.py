"""What to log of the latents during training: `eccentric.diagnostics(z)`."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, NamedTuple

import torch

from eccentric.loss import check_latents

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor
    from torch.distributed import ProcessGroup

__all__ = ["COLLAPSED", "CollapseWarning", "Diagnostics", "diagnostics", "effective_rank"]

COLLAPSED = 1e-3
"""Latents count as collapsed if the trace of their covariance is below this share of d, which the loss aims at.

In the measurements of docs/self-supervised.json, collapsed trainings have at most 0.0006 d and all others at least
0.04 d. Networks of this package have at least 0.015 d before they are trained.
"""

# Odd multipliers of the hash of a row; from Vigna's splitmix64, as signed numbers.
STEP, MIX = 0x9E3779B97F4A7C15 - 2**64, 0xBF58476D1CE4E5B9 - 2**64


class CollapseWarning(UserWarning):
    """The latents of a batch coincide, or nearly do."""


class Diagnostics(NamedTuple):
    """Facts about a batch of latents, as detached tensors on the device of the latents; float64 where it has it."""

    trace: Float[Tensor, ""]
    """Trace of the covariance (normalised by b - 1). The loss alone brings it to about d."""
    eigenvalues: Float[Tensor, " d"]
    """Of the covariance, in descending order."""
    effective_rank: Float[Tensor, ""]
    """See `effective_rank`; from 1 to d, and 0 where all items coincide."""
    smallest_eigenvalue: Float[Tensor, ""]
    mean_radius: Float[Tensor, ""]
    """Mean length of the latents."""
    relative_radius: Float[Tensor, ""]
    """Mean radius divided by sqrt(d), the radius that the loss aims at."""
    coinciding: Float[Tensor, ""]
    """Share of the items that are equal to another item of the batch in every coordinate."""

    def scalars(self, prefix: str = "") -> dict[str, float]:
        """Everything but the list of eigenvalues as numbers by name, for a logger; waits for the device once."""
        names = [name for name in self._fields if name != "eigenvalues"]
        values = torch.stack([getattr(self, name) for name in names]).tolist()
        return {prefix + name: value for name, value in zip(names, values, strict=True)}


@torch.no_grad()
def diagnostics(
    z: Float[Tensor, "b d"],
    *,
    warn: bool = True,
    check_finite: bool = False,
    sync: bool = False,
    group: ProcessGroup | None = None,
) -> Diagnostics:
    """Spectrum, radius and coinciding items of a batch of latents, cheap enough for each training step.

    Where all items coincide, the repulsion between them is zero, and at the origin so are the value and the gradient of
    the Eccentric loss: training cannot leave a collapsed state by the loss alone.

    Args:
        z: latent vectors, (b, d) with b >= 2, floating point, any device.
        warn: issue a `CollapseWarning` if the trace is below 0.001 d. Python shows the warning once for each calling
            line, unless its filters say otherwise. On an accelerator, this check waits for the device; without it,
            nothing does.
        check_finite: raise an error if z holds NaN or infinity. By default, the results are then NaN.
        sync: the batch is the union of the rows of all ranks in `group`, as in `eccentric_loss`; all ranks get the same
            results. O(d^2 + B) numbers are exchanged.
        group: process group; with `sync`, None is the default group. Giving a group implies `sync`.

    Returns:
        A named tuple of tensors without gradients; `.scalars()` gives numbers for a logger.

    Raises:
        TypeError: z is not a floating-point tensor.
        ValueError: z is not (b, d) with b >= 2 in all; or `check_finite` and a number is not finite, on any rank.
        RuntimeError: `sync` without a process group.

    >>> import torch, eccentric
    >>> z = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> found = eccentric.diagnostics(z)
    >>> found.scalars()["mean_radius"]
    1.5
    """
    sync = sync or group is not None
    check_latents(z, at_least=0 if sync else 2)
    dim = z.shape[1]
    x = z.detach().to(torch.float32 if z.device.type == "mps" else torch.float64)
    # One exchange for the counts and the means, one for what is measured about the mean, one for the hashes.
    sums = torch.cat(
        [x.sum(0), x.norm(dim=1).sum()[None], x.isfinite().logical_not().sum()[None], x.new_tensor([len(x)])]
    )
    hashes = _row_hashes(x)
    if sync:
        from eccentric.ranks import gather_rows, members

        sums = gather_rows(sums[None], members(group)).sum(0)
        hashes = gather_rows(hashes[:, None], members(group))[:, 0]
    total, radius, bad, count = sums[:dim], sums[dim], sums[dim + 1], len(hashes)
    if count < 2:
        raise ValueError(f"the ranks must hold at least 2 vectors between them, not {count}")
    if check_finite and bad > 0:
        raise ValueError(f"the latents hold {int(bad):,} numbers that are NaN or infinite")
    centred = x - total / count
    scatter = centred.T @ centred
    if sync:
        scatter = gather_rows(scatter.flatten()[None], members(group)).sum(0).view(dim, dim)
    covariance = scatter / (count - 1)
    finite = covariance.isfinite().all()
    # The eigensolver raises an error where the matrix is not finite.
    spectrum = torch.linalg.eigvalsh(torch.where(finite, covariance, 0)).flip(0).clamp(min=0)
    spectrum = torch.where(finite, spectrum, torch.nan)
    trace = covariance.trace()
    if warn and bool(trace < COLLAPSED * dim):
        warnings.warn(
            "the latents have collapsed: the trace of their covariance is below 0.001 d, where the Eccentric loss "
            "aims at d. The loss does not separate items that coincide; restart the training with a larger weight",
            CollapseWarning,
            stacklevel=3,  # the caller; torch.no_grad is between
        )
    ordered = hashes.sort().values
    same = ordered[1:] == ordered[:-1]
    edge = same.new_zeros(1)
    coinciding = (torch.cat([same, edge]) | torch.cat([edge, same])).to(x.dtype).mean()
    mean_radius = radius / count
    return Diagnostics(
        trace, spectrum, effective_rank(spectrum), spectrum[-1], mean_radius, mean_radius / math.sqrt(dim), coinciding
    )


def effective_rank(eigenvalues: Float[Tensor, " d"]) -> Float[Tensor, ""]:
    """Effective rank (Roy & Vetterli 2007) of centred latents, from the eigenvalues of their covariance.

    The exponential of the entropy of the singular values of the centred batch, divided by their sum: k if k eigenvalues
    are equal and the others zero. RankMe (Garrido et al. 2023) is the same of a batch that is not centred.
    """
    singular = eigenvalues.sqrt()
    p = singular / singular.sum().clamp(min=torch.finfo(singular.dtype).tiny)
    return torch.special.entr(p).sum().exp() * (singular.sum() != 0)


def _row_hashes(x: Float[Tensor, "b d"]) -> Int[Tensor, " b"]:
    """One 64-bit number a row, equal for equal rows; it depends neither on the rank nor on the place in the batch."""
    bits = (x + 0.0).view(torch.int64 if x.dtype == torch.float64 else torch.int32).long()  # -0.0 + 0.0 is 0.0
    bits = bits ^ (bits >> 32)  # the low bits of widened numbers are zero, and a product would keep them so
    factors = torch.arange(1, x.shape[1] + 1, device=x.device) * STEP
    factors = (factors ^ (factors >> 31)) * MIX | 1
    return (bits * factors).sum(1)
