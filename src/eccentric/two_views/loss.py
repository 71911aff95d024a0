"""The objective of training on two views: invariance + weight x regularizer.

    mean (a - b)^2  +  weight * (r(a) + r(b)) / 2

for the embeddings a and b of two views of the same items, (b, d) each; the first mean is over items and dimensions. The
regularizer r prevents the constant solution; it is one of `eccentric.methods.embeddings.REGULARIZERS`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import nn

from eccentric.methods.embeddings import REGULARIZERS, Regularizer
from eccentric.methods.sphere import directions

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["TwoViewLoss"]


class TwoViewLoss(nn.Module):
    """Invariance between the embeddings of two views and a regularizer of each; called as `loss(a, b)`.

    The signature is that of lightly's two-view losses (`VICRegLoss`, `NTXentLoss`, `BarlowTwinsLoss`).

    Args:
        weight: factor of the regularizer. With the default regularizer, weights from 0.1 to 1 scored best in our
            trainings and 0.001 collapsed; docs/self-supervised.md reports all regularizers over a range of weights.
        regularizer: a key of `REGULARIZERS`. If the regularizer acts on the sphere, both terms are computed from
            embeddings scaled to length sqrt(d); the invariance term then is the alignment of Wang & Isola (2020).
        sync: compute the regularizer on the union of the rows of all ranks, for DistributedDataParallel. All ranks
            should hold the same number of rows, since the invariance term is a mean over the rows of each rank.

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
        chosen = REGULARIZERS[self.regularizer]
        if chosen.on_sphere:
            a, b = (math.sqrt(z.shape[1]) * directions(z) for z in (a, b))
        invariance = (a - b).square().mean()
        if self.weight == 0:
            return invariance
        return invariance + self.weight / 2 * (chosen.value(a, self.sync) + chosen.value(b, self.sync))

    def extra_repr(self) -> str:
        return f"weight={self.weight:g}, regularizer={self.regularizer!r}, sync={self.sync}"
