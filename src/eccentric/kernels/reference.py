"""The specification: equation (1) of the paper, dense, differentiable any number of times, with O(b^2) memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def loss(z: Float[Tensor, "b d"], mu: float, N: float) -> Float[Tensor, ""]:
    """Return the mean over all pairs of (|zi|^2 + |zj|^2)/2 - mu N log(1 + |zi - zj|^2 / N)."""
    b = z.shape[0]
    pull = z.square().sum() / b
    repulsion = torch.log1p(squared_distances(z) / N).sum() / (b * (b - 1))
    return pull - mu * N * repulsion


def hessian_product(z: Float[Tensor, "b d"], v: Float[Tensor, "b d"], mu: float, N: float) -> Float[Tensor, "b d"]:
    """Return the Hessian of the loss at z times v: the change of the gradient in the direction v.

    With w_ij = 1/(1 + D_ij/N), the repulsion sum_j w_ij (zi - zj) changes by
    sum_j w_ij (vi - vj) - 2/N w_ij^2 <zi - zj, vi - vj> (zi - zj).
    """
    b = z.shape[0]
    x = z - z.mean(0)  # distances do not change, and their rounding errors become smaller
    w = 1 / (1 + squared_distances(x) / N)
    inner, cross = (x * v).sum(1), x @ v.T
    c = 2 / N * w.square() * (inner[:, None] + inner[None, :] - cross - cross.T)
    change = v * w.sum(1, keepdim=True) - w @ v - x * c.sum(1, keepdim=True) + c @ x
    return 2 / b * v - 4 * mu / (b * (b - 1)) * change


def squared_distances(z: Float[Tensor, "b d"]) -> Float[Tensor, "b b"]:
    """Return |zi - zj|^2 computed from the Gram matrix, so that memory is O(b^2) and not O(b^2 d)."""
    x = z - z.mean(0)  # distances do not change, and their rounding errors become smaller
    norms = x.square().sum(1)
    d = norms[:, None] + norms[None, :] - 2 * (x @ x.T)
    # Rounding can give values just below zero for duplicates and values other than zero on the diagonal.
    own = torch.eye(len(z), dtype=torch.bool, device=z.device)
    return d.clamp(min=0).masked_fill(own, 0)
