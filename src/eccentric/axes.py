"""Axes of the latent space along which the components are measured, and the variances along them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

SMALLEST = 1e-12  # anchors with a smaller fraction of the largest variance consist of rounding errors


def principal_axes(covariance: Float[Tensor, "d d"]) -> tuple[Float[Tensor, " d"], Float[Tensor, "d d"]]:
    """Variances in descending order and principal axes, one per row; the largest entry of each axis is positive."""
    ascending, columns = torch.linalg.eigh(covariance)
    axes = columns.T.flip(0)
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    # Rounding can make a zero variance negative.
    return ascending.flip(0).clamp(min=0), axes * largest.sign()


def anchored_axes(
    covariance: Float[Tensor, "d d"], cross: Float[Tensor, "d m"], variances: Float[Tensor, " m"]
) -> tuple[Float[Tensor, " d"], Float[Tensor, "d d"]]:
    """The rotation that brings latents nearest to given anchors in the least-squares sense, ordered by variance.

    The orthogonal Procrustes problem (Schönemann 1966). The anchors are scaled to unit variance first. Each axis has a
    positive correlation with its anchor: for cross = U S V^T the axes are V U^T, and V U^T cross = V S V^T has no
    negative entry on its diagonal. Anchors that are constant are left out. With fewer anchors than latent dimensions,
    the other axes are the principal axes of what is orthogonal to the anchored ones.

    Args:
        covariance: of the latents.
        cross: covariance of the latents with the anchors, m <= d.
        variances: of the anchors.

    Returns:
        Variances along the axes in descending order, and the axes, one per row.
    """
    used = variances > SMALLEST * variances.max()
    left, _, right = torch.linalg.svd(cross[:, used] / variances[used].sqrt(), full_matrices=False)
    axes = (left @ right).T
    if len(axes) < len(covariance):
        # Rows of `free` span the orthogonal complement of the anchored axes.
        free = torch.linalg.svd(axes, full_matrices=True)[2][len(axes) :]
        inner = torch.linalg.eigh(free @ covariance @ free.T)[1].T.flip(0) @ free
        largest = inner.gather(1, inner.abs().argmax(1, keepdim=True))
        axes = torch.cat([axes, inner * largest.sign()])
    along = ((axes @ covariance) * axes).sum(1).clamp(min=0)
    order = along.argsort(descending=True, stable=True)
    return along[order], axes[order]
