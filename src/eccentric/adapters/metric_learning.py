"""The loss with the signature of pytorch-metric-learning's losses.

`EccentricLoss` can be used directly as a regularizer of one of its losses:

    losses.TripletMarginLoss(embedding_regularizer=EccentricLoss(), embedding_reg_weight=0.001)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eccentric.loss import EccentricLoss

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["MetricEccentricLoss"]


class MetricEccentricLoss(EccentricLoss):
    """`EccentricLoss` for use in `pytorch_metric_learning.losses.MultipleLosses`. Labels are not used.

    Arguments and errors are those of `EccentricLoss`.
    """

    def forward(
        self,
        embeddings: Float[Tensor, "b d"],
        labels: Int[Tensor, " b"] | None = None,
        indices_tuple: Any = None,
        ref_emb: Float[Tensor, "m d"] | None = None,
        ref_labels: Int[Tensor, " m"] | None = None,
    ) -> Float[Tensor, ""]:
        """The loss of the embeddings of the batch. Mined pairs and reference embeddings are ignored."""
        return super().forward(embeddings)
