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

TILE = 640  # rows and columns: a float32 tile is 1.6 MB and stays in the cores' caches from its first use to its last
LAUNCHED = 4096  # the same where a tile is a dozen launches
SMALL = 384  # a batch of up to so many is one tile, worked in double precision in as few steps as can be
PRODUCT = 32  # at most so many entries are multiplied before one logarithm is taken
CLOSE = 1.0  # D/N below which 1 + D/N would cost digits of the value


def pairs(x: Float[Tensor, "b d"], N: float) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """Sum over i != j of log(1 + |xi - xj|^2 / N), and for each i the force, the sum over j of w_ij (xi - xj)."""
    b = len(x)
    if b <= SMALL and x.dtype == torch.float64:
        return _one_tile(x, N)
    left, right, terms = _factors(x, x, N)
    weighted, totals = torch.zeros_like(x), torch.zeros_like(x[:, 0])
    side = _side(x)
    buffer = x.new_empty(min(b, side) ** 2)
    logs = []
    for i in range(0, b, side):
        rows = slice(i, min(i + side, b))
        for j in range(i, b, side):
            cols = slice(j, min(j + side, b))
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
    """The same sums with few operations in double precision: for small batches, the calls dominate the time."""
    norms = x.square().sum(1).add_(N / 2)
    u = torch.addmm(norms[:, None] + norms, x, x.T, beta=1 / N, alpha=-2 / N).clamp_(min=1)
    terms = math.gcd(4, len(x))  # there is room for a product of four
    log_sum = u.view(terms, -1).prod(0).log_().sum()
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
    side = _side(x)
    buffer = x.new_empty(min(m, side) * min(n, side))
    logs = [x.new_zeros(())]  # a rank without rows
    for i in range(0, m, side):
        rows = slice(i, min(i + side, m))
        for j in range(0, n, side):
            cols = slice(j, min(j + side, n))
            own = None if diagonal is None else diagonal + i - j
            log_sum, w = _visit(left[rows], right[cols], buffer, terms, own)
            weighted[rows].addmm_(w, y[cols])
            totals[rows] += w.sum(1)
            logs.append(log_sum)
    return torch.stack(logs).sum(), x * totals[:, None] - weighted


def _side(x: Tensor) -> int:
    return TILE if x.device.type == "cpu" else LAUNCHED


def _factors(
    x: Float[Tensor, "m d"], y: Float[Tensor, "n d"], N: float
) -> tuple[Float[Tensor, "m d+2"], Float[Tensor, "n d+2"], int]:
    """Left and right, whose products make a tile, and how many of the tile's entries may be multiplied.

    An entry is u = 1 + D/N, if that number is 1 or more. A logarithm costs as much as the tile's matrix product; the
    product of 32 entries and one logarithm cost a tenth of it. How large they can be is known from the norms, since
    |xi - yj|^2 <= 2 |xi|^2 + 2 |yj|^2. If the number is 0, an entry is D/N: latents so close together, as they are in a
    network that has just been initialised, would lose their digits beside the 1. Elsewhere than on the CPU the host
    would have to wait for the norms, so the number is 0 there.
    """
    own = x.square().sum(1, keepdim=True).div_(N)
    other = own if y is x else y.square().sum(1, keepdim=True).div_(N)
    terms = 0
    if x.device.type == "cpu" and len(x) and len(y):
        greatest = own.max().item()
        largest = 2 * (greatest + (greatest if y is x else other.max().item()))
        if largest > CLOSE:
            room = math.log(torch.finfo(x.dtype).max) / math.log1p(1 + largest) if math.isfinite(largest) else 1
            terms = min(PRODUCT, 2 ** math.floor(math.log2(max(1, room))))
    left = torch.cat([x * (-2 / N), own + 1 if terms else own, torch.ones_like(own)], 1)
    right = torch.cat([y, torch.ones_like(other), other], 1)
    return left, right, terms


def _visit(
    left: Float[Tensor, "m d+2"], right: Float[Tensor, "n d+2"], buffer: Tensor, terms: int, diagonal: int | None
) -> tuple[Float[Tensor, ""], Float[Tensor, "m n"]]:
    """The sum of log u over a tile, and w = 1/u, which lies in the buffer; none on the diagonal j = i + `diagonal`."""
    m, n = len(left), len(right)
    tile = buffer[: m * n].view(m, n)
    torch.mm(left, right.T, out=tile)
    least = 1 if terms else 0
    tile.clamp_(min=least)  # rounding leaves values just below for duplicates
    own = tile.diagonal(diagonal) if diagonal is not None and -m < diagonal < n else None
    if own is not None:
        own.fill_(least)
    if terms:
        terms = math.gcd(terms, m)
        log_sum = tile.view(terms, m // terms, n).prod(0).log_().sum()
    else:
        log_sum = tile.log1p().sum()
        tile.add_(1)
    w = tile.reciprocal_()
    if own is not None:
        own.fill_(0)  # an item's force on itself is nothing, but its w would drown those of far others
    return log_sum, w
