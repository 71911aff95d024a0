"""Pair sums over tiles, for any device, with O(b d) memory. Each pair of a batch is visited once.

A tile contains u_ij = 1 + D_ij/N. The logarithm of u_ij is its share of the value, and the reciprocal w_ij times the
points is its share of the force sum_j w_ij (x_i - y_j) = x_i sum_j w_ij - sum_j w_ij y_j.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

TILE = 640  # rows and columns; a float32 tile is 1.6 MB and stays in the caches of the cores
LAUNCHED = 4096  # rows and columns on devices where a tile takes a dozen launches
SMALL = 384  # largest batch that is computed as one tile in double precision with few operations
PRODUCT = 32  # most entries that are multiplied before taking a logarithm
CLOSE = 1.0  # D/N below which adding 1 would lose digits of the value


def pairs(x: Float[Tensor, "b d"], N: float) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """Return the sum over i != j of log(1 + |xi - xj|^2 / N), and the force on each i, sum over j of w_ij (xi - xj)."""
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
            else:  # the transposed tile
                weighted[cols].addmm_(w.T, x[rows])
                totals[cols] += w.sum(0)
                logs.append(2 * log_sum)
    return torch.stack(logs).sum(), x * totals[:, None] - weighted


def _one_tile(x: Float[Tensor, "b d"], N: float) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """Compute the same sums with few operations in double precision. For small batches, the calls dominate the time."""
    norms = x.square().sum(1).add_(N / 2)
    u = torch.addmm(norms[:, None] + norms, x, x.T, beta=1 / N, alpha=-2 / N).clamp_(min=1)
    terms = math.gcd(4, len(x))  # there is room for a product of four
    log_sum = u.view(terms, -1).prod(0).log_().sum()
    w = u.reciprocal_().fill_diagonal_(0)
    return log_sum, torch.addmm(x * w.sum(1, keepdim=True), w, x, alpha=-1)


def repel(
    x: Float[Tensor, "m d"], y: Float[Tensor, "n d"], N: float, diagonal: int | None
) -> tuple[Float[Tensor, ""], Float[Tensor, "m d"]]:
    """Return the same sums for rows x and columns y.

    If x is y[diagonal : diagonal + m], pairs of an item with itself are excluded. Centre x and y on the same point
    first: distances do not change, but rounding errors become smaller.
    """
    m, n = len(x), len(y)
    left, right, terms = _factors(x, y, N)
    weighted, totals = torch.zeros_like(x), torch.zeros_like(x[:, 0])
    side = _side(x)
    buffer = x.new_empty(min(m, side) * min(n, side))
    logs = [x.new_zeros(())]  # a rank may have no rows
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
    """Return the left and right factors of a tile, and how many of the tile's entries may be multiplied.

    If the number is at least 1, an entry is u = 1 + D/N. A logarithm of each entry costs as much as the tile's matrix
    product; multiplying 32 entries and taking one logarithm costs a tenth of that. The norms bound the entries, since
    |xi - yj|^2 <= 2 |xi|^2 + 2 |yj|^2. If the number is 0, an entry is D/N: for latents that are very close together,
    as in a newly initialised network, adding 1 would lose digits. On other devices than the CPU the host would have to
    wait for the norms, so the number is 0.
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
    """Return the sum of log u over a tile, and w = 1/u in the buffer, without the diagonal j = i + `diagonal`."""
    m, n = len(left), len(right)
    tile = buffer[: m * n].view(m, n)
    torch.mm(left, right.T, out=tile)
    least = 1 if terms else 0
    tile.clamp_(min=least)  # rounding can give values just below the bound for duplicates
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
        own.fill_(0)  # the force of an item on itself is 0, but its w would dominate those of distant items
    return log_sum, w
