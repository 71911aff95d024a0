"""Pair sums over tiles: any device, O(b d) memory, each pair of a batch visited once.

A tile holds u_ij = 1 + D_ij/N. Its logarithm is its share of the value; its reciprocal w_ij, times the points, its
share of the force sum_j w_ij (x_i - y_j) = x_i sum_j w_ij - sum_j w_ij y_j.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

TILE = 512  # rows and columns: a float32 tile is 1 MB, which stays in a core's cache between the passes over it


def pairs(x: Float[Tensor, "b d"], N: float) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """Sum over i != j of log(1 + |xi - xj|^2 / N), and for each i the force, the sum over j of w_ij (xi - xj)."""
    b, d = x.shape
    left, right = _factors(x, N)
    wide = _accumulator(x)
    points = right[:, : d + 1].to(wide)
    weighted = torch.zeros(b, d + 1, dtype=wide, device=x.device)
    buffer = x.new_empty(min(b, TILE), min(b, TILE))
    logs = []
    for i in range(0, b, TILE):
        rows = slice(i, min(i + TILE, b))
        for j in range(i, b, TILE):
            cols = slice(j, min(j + TILE, b))
            log_sum, w = _visit(left[rows], right[cols], buffer, diagonal=0 if i == j else None)
            w = w.to(wide)
            weighted[rows].addmm_(w, points[cols])
            if i == j:
                logs.append(log_sum)
            else:
                weighted[cols].addmm_(w.T, points[rows])
                logs.append(2 * log_sum)
    return torch.stack(logs).sum(), x * weighted[:, d:] - weighted[:, :d]


def repel(
    x: Float[Tensor, "m d"], y: Float[Tensor, "n d"], N: float, diagonal: int | None
) -> tuple[Float[Tensor, ""], Float[Tensor, "m d"]]:
    """The same for rows x against columns y.

    Where x is y[diagonal : diagonal + m], an item's pair with itself is left out. Centre both on the same point first:
    distances do not change, but rounding errors shrink.
    """
    (m, d), n = x.shape, y.shape[0]
    left, right = _factors(x, N)[0], _factors(y, N)[1]
    weighted = x.new_zeros(m, d + 1)
    buffer = x.new_empty(min(m, TILE), min(n, TILE))
    logs = []
    for i in range(0, m, TILE):
        rows = slice(i, min(i + TILE, m))
        for j in range(0, n, TILE):
            cols = slice(j, min(j + TILE, n))
            own = None if diagonal is None else diagonal + i - j
            log_sum, w = _visit(left[rows], right[cols], buffer, own)
            weighted[rows].addmm_(w, right[cols, : d + 1])
            logs.append(log_sum)
    return torch.stack(logs).sum(), x * weighted[:, d:] - weighted[:, :d]


def _factors(x: Float[Tensor, "b d"], N: float) -> tuple[Float[Tensor, "b d+2"], Float[Tensor, "b d+2"]]:
    """Left and right with left_i . right_j = 1 + D_ij/N; right starts with the points and ones, for sums over w."""
    norms = x.square().sum(1, keepdim=True) / N
    ones = torch.ones_like(norms)
    return torch.cat([x * (-2 / N), 1 + norms, ones], 1), torch.cat([x, ones, norms], 1)


def _visit(
    left: Float[Tensor, "m d+2"], right: Float[Tensor, "n d+2"], buffer: Tensor, diagonal: int | None
) -> tuple[Float[Tensor, ""], Float[Tensor, "m n"]]:
    """The sum of log u over a tile, and w = 1/u, which lies in the buffer; none on the diagonal j = i + `diagonal`."""
    tile = buffer[: len(left), : len(right)]
    torch.mm(left, right.T, out=tile)
    tile.clamp_(min=1)  # rounding leaves values just below one for duplicates
    own = tile.diagonal(diagonal) if diagonal is not None and -len(left) < diagonal < len(right) else None
    if own is not None:
        own.fill_(1)
    log_sum = tile.log().sum(dtype=_accumulator(left))
    w = tile.reciprocal_()
    if own is not None:
        own.fill_(0)  # an item's force on itself is nothing, but its w would drown those of far others
    return log_sum, w


def _accumulator(x: Float[Tensor, "b d"]) -> torch.dtype:
    """The dtype of the sums: double where it costs next to nothing, because a small batch is all dispatch.

    At equilibrium the two terms of the gradient cancel, and duplicates (w = 1) add to both sums what their difference
    must not see; a small batch has few terms for such errors to average out over.
    """
    return torch.float64 if len(x) <= TILE and x.device.type != "mps" else x.dtype
