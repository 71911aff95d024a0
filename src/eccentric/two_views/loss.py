"""The objective of training on two views: invariance + weight x regularizer.

    mean (a - b)^2  +  weight * (r(a) + r(b)) / 2

for the embeddings a and b of two views of the same items, (b, d) each; the first mean is over items and dimensions. The
regularizer r prevents the constant solution: the Eccentric loss, or one of the rivals in `REGULARIZERS`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from eccentric.collectives import from_first_rank, union
from eccentric.loss import eccentric_loss
from eccentric.methods.sigreg import along
from eccentric.methods.sphere import directions
from eccentric.methods.uniformity import uniformity
from eccentric.methods.vicreg import vicreg

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float
    from torch import Tensor

__all__ = ["REGULARIZERS", "Regularizer", "TwoViewLoss"]

Regularizer = Literal["eccentric", "sigreg", "vicreg", "uniformity"]

SLICES = 256
"""Directions of SIGReg in each step, as in LeJEPA's own minimal example."""


class TwoViewLoss(nn.Module):
    """Invariance between the embeddings of two views and a regularizer of each; called as `loss(a, b)`.

    The signature is that of lightly's two-view losses (`VICRegLoss`, `NTXentLoss`, `BarlowTwinsLoss`).

    Args:
        weight: factor of the regularizer. The Eccentric loss and VICReg scored best at 0.1 to 1 in our trainings, and
            collapsed at 0.001; docs/self-supervised.md gives a sweep for all four.
        regularizer: "eccentric", or a rival: "sigreg", "vicreg", "uniformity". For "uniformity", both terms are those
            of embeddings scaled to length sqrt(d), so that the invariance term is the alignment of Wang & Isola (2020).
        sync: compute the regularizer on the union of the rows of all ranks, for DistributedDataParallel. Ranks should
            hold equally many rows, since the invariance term is a mean over those of each rank.

    Raises:
        ValueError: weight is negative or not finite, or the regularizer is unknown.
    """

    def __init__(self, weight: float = 0.1, regularizer: Regularizer = "eccentric", *, sync: bool = False) -> None:
        super().__init__()
        if not 0 <= weight < math.inf:
            raise ValueError(f"weight must be zero or a positive number, not {weight}")
        if regularizer not in REGULARIZERS:
            raise ValueError(f"unknown regularizer {regularizer!r}; choose one of {', '.join(map(repr, REGULARIZERS))}")
        self.weight, self.regularizer, self.sync = weight, regularizer, sync

    def forward(self, a: Float[Tensor, "b d"], b: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
        """The objective.

        Args:
            a, b: embeddings of two views; row i of both belongs to the same item.

        Raises:
            ValueError: a and b differ in shape, or are not (b, d) with b >= 2.
        """
        if a.shape != b.shape:
            raise ValueError(
                f"the embeddings of both views must have one shape, not {tuple(a.shape)} and {tuple(b.shape)}"
            )
        if self.regularizer == "uniformity":
            a, b = (math.sqrt(z.shape[1]) * directions(z) for z in (a, b))
        invariance = (a - b).square().mean()
        if self.weight == 0:
            return invariance
        measure = REGULARIZERS[self.regularizer]
        return invariance + self.weight / 2 * (measure(a, self.sync) + measure(b, self.sync))

    def extra_repr(self) -> str:
        return f"weight={self.weight:g}, regularizer={self.regularizer!r}, sync={self.sync}"


def _eccentric(z: Tensor, sync: bool) -> Tensor:
    return eccentric_loss(z, sync=sync)


def _sigreg(z: Tensor, sync: bool) -> Tensor:
    normals = torch.randn(z.shape[1], SLICES, device=z.device, dtype=z.dtype)
    return along(union(z), from_first_rank(normals)) if sync else along(z, normals)


def _vicreg(z: Tensor, sync: bool) -> Tensor:
    return vicreg(union(z) if sync else z)


def _uniformity(z: Tensor, sync: bool) -> Tensor:
    return uniformity(union(z) if sync else z)


REGULARIZERS: dict[str, Callable[[Tensor, bool], Tensor]] = {
    "eccentric": _eccentric,
    "sigreg": _sigreg,
    "vicreg": _vicreg,
    "uniformity": _uniformity,
}
"""Name -> function of embeddings (b, d) and of whether they are one rank's share of the batch."""
