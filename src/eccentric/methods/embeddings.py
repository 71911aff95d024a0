"""The regularizers of embeddings that training on two views can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from eccentric.collectives import from_first_rank, union
from eccentric.loss import eccentric_loss
from eccentric.methods.sigreg import along
from eccentric.methods.uniformity import uniformity
from eccentric.methods.vicreg import vicreg

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float
    from torch import Tensor

__all__ = ["REGULARIZERS", "EmbeddingRegularizer", "Regularizer"]

Regularizer = Literal["eccentric", "sigreg", "vicreg", "uniformity"]

SLICES = 256
"""Directions of SIGReg in each step, as in LeJEPA's own minimal example."""


class EmbeddingRegularizer(NamedTuple):
    """A regularizer of embeddings."""

    value: Callable[[Float[Tensor, "b d"], bool], Float[Tensor, ""]]
    """Function of the embeddings, and of whether they are the rows of one of several ranks."""
    on_sphere: bool = False
    """Whether embeddings must be scaled to length sqrt(d) first, for the invariance term as well."""


def _eccentric(z: Tensor, sync: bool) -> Tensor:
    return eccentric_loss(z, sync=sync)


def _sigreg(z: Tensor, sync: bool) -> Tensor:
    normals = torch.randn(z.shape[1], SLICES, device=z.device, dtype=z.dtype)
    return along(union(z), from_first_rank(normals)) if sync else along(z, normals)


def _vicreg(z: Tensor, sync: bool) -> Tensor:
    return vicreg(union(z) if sync else z)


def _uniformity(z: Tensor, sync: bool) -> Tensor:
    return uniformity(union(z) if sync else z)


REGULARIZERS: dict[str, EmbeddingRegularizer] = {
    "eccentric": EmbeddingRegularizer(_eccentric),
    "sigreg": EmbeddingRegularizer(_sigreg),
    "vicreg": EmbeddingRegularizer(_vicreg),
    "uniformity": EmbeddingRegularizer(_uniformity, on_sphere=True),
}
