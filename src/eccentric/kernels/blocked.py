"""Pair sums over tiles: any device, O(b d) memory, each pair of a batch visited once.

A tile holds u_ij = 1 + D_ij/N. Its logarithm is its share of the value; its reciprocal w_ij, times the points, its
share of the force sum_j w_ij (x_i - y_j) = x_i sum_j w_ij - sum_j w_ij y_j.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

TILE = 384  # rows and columns: a float32 tile is 0.6 MB and stays in a core's cache from its first use to its last
PRODUCT = 32  # at most so many terms are multiplied before one logarithm is taken


def pairs(x: Float[Tensor, "b d"], N: float) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """Sum over i != j of log(1 + |xi - xj|^2 / N), and for each i the force, the sum over j of w_ij (xi - xj)."""
    b = len(x)
    if b <= TILE:
        return _one_tile(x, N)
    left, right, terms = _factors(x, x, N)
    weighted, totals = torch.zeros_like(x), torch.zeros_like(x[:, 0])
    buffer = x.new_empty(TILE**2)
    logs = []
    for i in range(0, b, TILE):
        rows = slice(i, min(i + TILE, b))
        for j in range(i, b, TILE):
            cols = slice(j, min(j + TILE, b))
            log_sum, w = _visit(left[rows], right[cols], buffer, terms, diagonal=0 if i == j else None)
            weighted[rows].addmm_(w, x[cols])
            totals[rows] += w.sum(1)
            if i == j:
                logs.append(log_sum)
            else:  # the mirror image of the tile
                weighted[cols].addmm_(w.T, x[rows])
                totals[cols] += w.sum(0)
                logs.append(2 * log_sum)
    return torch.stack(logs).sum(), x * totals[:, None] - weighted


def _one_tile(x: Float[Tensor, "b d"], N: float) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """The same in as few steps as can be: a small batch costs what its steps cost to call."""
    norms = x.square().sum(1).div_(N).add_(0.5)
    u = torch.addmm(norms[:, None] + norms, x, x.T, alpha=-2 / N).clamp_(min=1).fill_diagonal_(1)
    log_sum = u.log().sum()
    w = u.reciprocal_().fill_diagonal_(0)
    return log_sum, torch.addmm(x * w.sum(1, keepdim=True), w, x, alpha=-1)


def repel(
    x: Float[Tensor, "m d"], y: Float[Tensor, "n d"], N: float, diagonal: int | None
) -> tuple[Float[Tensor, ""], Float[Tensor, "m d"]]:
    """The same for rows x against columns y.

    Where x is y[diagonal : diagonal + m], an item's pair with itself is left out. Centre both on the same point first:
    distances do not change, but rounding errors shrink.
    """
    m, n = len(x), len(y)
    left, right, terms = _factors(x, y, N)
    weighted, totals = torch.zeros_like(x), torch.zeros_like(x[:, 0])
    buffer = x.new_empty(min(m, TILE) * min(n, TILE))
    logs = [x.new_zeros(())]  # for a rank without rows
    for i in range(0, m, TILE):
        rows = slice(i, min(i + TILE, m))
        for j in range(0, n, TILE):
            cols = slice(j, min(j + TILE, n))
            own = None if diagonal is None else diagonal + i - j
            log_sum, w = _visit(left[rows], right[cols], buffer, terms, own)
            weighted[rows].addmm_(w, y[cols])
            totals[rows] += w.sum(1)
            logs.append(log_sum)
    return torch.stack(logs).sum(), x * totals[:, None] - weighted


def _factors(
    x: Float[Tensor, "m d"], y: Float[Tensor, "n d"], N: float
) -> tuple[Float[Tensor, "m d+2"], Float[Tensor, "n d+2"], int]:
    """Left and right with left_i . right_j = 1 + D_ij/N, and how many of those may be multiplied without overflow.

    A logarithm costs as much as the tile's matrix product; a product of 32 terms and one logarithm cost a tenth of it.
    How large the terms can be is known from the norms, since |xi - yj|^2 <= 2 |xi|^2 + 2 |yj|^2; asking that of an
    accelerator would make the host wait for it.
    """
    own, other = x.square().sum(1, keepdim=True) / N, y.square().sum(1, keepdim=True) / N
    left = torch.cat([x * (-2 / N), 1 + own, torch.ones_like(own)], 1)
    right = torch.cat([y, torch.ones_like(other), other], 1)
    terms = 1
    if x.device.type == "cpu" and len(x) and len(y):
        largest = 1 + 2 * (own.max() + other.max()).item()
        room = math.log(torch.finfo(x.dtype).max) / math.log1p(largest) if math.isfinite(largest) else 1
        terms = min(PRODUCT, 2 ** max(0, math.floor(math.log2(max(1, room)))))
    return left, right, terms


def _visit(
    left: Float[Tensor, "m d+2"], right: Float[Tensor, "n d+2"], buffer: Tensor, terms: int, diagonal: int | None
) -> tuple[Float[Tensor, ""], Float[Tensor, "m n"]]:
    """The sum of log u over a tile, and w = 1/u, which lies in the buffer; none on the diagonal j = i + `diagonal`."""
    m, n = len(left), len(right)
    tile = buffer[: m * n].view(m, n)
    torch.mm(left, right.T, out=tile)
    tile.clamp_(min=1)  # rounding leaves values just below one for duplicates
    own = tile.diagonal(diagonal) if diagonal is not None and -m < diagonal < n else None
    if own is not None:
        own.fill_(1)
    terms = math.gcd(terms, m)
    product = tile.view(terms, m // terms, n).prod(0) if terms > 1 else tile
    log_sum = product.log().sum()
    w = tile.reciprocal_()
    if own is not None:
        own.fill_(0)  # an item's force on itself is nothing, but its w would drown those of far others
    return log_sum, w
