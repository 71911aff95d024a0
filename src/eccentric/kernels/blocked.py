"""Value and gradient in one pass over tiles of pairs: any device, O(b d) memory, each pair visited once.

With w_ij = 1 / (1 + D_ij / N) the gradient of the loss is

    dl/dz_i = 2 z_i / b  -  4 mu / (b (b-1)) * ( z_i sum_j w_ij  -  sum_j w_ij z_j )

so a tile of 1 + D/N gives its share of the value (a logarithm) and of the gradient (a reciprocal and a product with z).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

TILE = 512  # rows and columns: a float32 tile is 1 MB, which stays in a core's cache between the passes over it


def value_and_gradient(z: Float[Tensor, "b d"], mu: float, N: float) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """The loss and its gradient with respect to z, in z's dtype."""
    b = z.shape[0]
    # Distances do not change when z is centred, but most of the cancellation in |zi|^2 + |zj|^2 - 2 zi.zj goes.
    potential, force = _pairs(z - z.mean(0), N)
    value = z.square().sum() / b - mu * N / (b * (b - 1)) * potential
    gradient = (2 / b) * z - (4 * mu / (b * (b - 1))) * force
    return value.to(z.dtype), gradient.to(z.dtype)


def _pairs(x: Float[Tensor, "b d"], N: float) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """Sum over i != j of log(1 + D_ij/N), and for each i the sum over j of w_ij (xi - xj)."""
    b, d = x.shape
    norms = x.square().sum(1, keepdim=True) / N
    ones = torch.ones_like(norms)
    # left @ right.T is 1 + D/N; the column of ones beside x also makes w @ right give the row sums of w.
    left = torch.cat([x * (-2 / N), 1 + norms, ones], 1)
    right = torch.cat([x, ones, norms], 1)
    wide = _accumulator(x)
    points = right[:, : d + 1].to(wide)
    weighted = torch.zeros(b, d + 1, dtype=wide, device=x.device)
    buffer = x.new_empty(min(b, TILE), min(b, TILE))
    logs = []
    for i in range(0, b, TILE):
        rows = slice(i, min(i + TILE, b))
        for j in range(i, b, TILE):
            cols = slice(j, min(j + TILE, b))
            tile = buffer[: rows.stop - i, : cols.stop - j]
            torch.mm(left[rows], right[cols].T, out=tile)
            tile.clamp_(min=1)  # rounding leaves values just below one for duplicates
            if i == j:
                tile.fill_diagonal_(1)
                logs.append(tile.log().sum(dtype=wide))
                w = tile.reciprocal_().fill_diagonal_(0).to(wide)
                weighted[rows].addmm_(w, points[cols])
            else:
                logs.append(2 * tile.log().sum(dtype=wide))
                w = tile.reciprocal_().to(wide)
                weighted[rows].addmm_(w, points[cols])
                weighted[cols].addmm_(w.T, points[rows])
    force = x * weighted[:, d:] - weighted[:, :d]
    return torch.stack(logs).sum(), force


def _accumulator(x: Float[Tensor, "b d"]) -> torch.dtype:
    """The dtype of the sums: double where it costs next to nothing, because a small batch is all dispatch.

    At equilibrium the two terms of the gradient cancel, and duplicates (w = 1) add to both sums what their difference
    must not see; a small batch has few terms for such errors to average out over.
    """
    return torch.float64 if len(x) <= TILE and x.device.type != "mps" else x.dtype
