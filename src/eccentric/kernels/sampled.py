"""Pair sums estimated from m partners per row, the rows at m cyclic shifts, in O(b m d).

Every shift from 1 to b - 1 pairs each row with one other row, and all shifts together contain every ordered pair once.
So the expectation of the mean over random shifts is the mean over all pairs, and the same holds for the gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


def draw_shifts(b: int, partners: int, generator: torch.Generator | None = None) -> Int[Tensor, " m"]:
    """Draw `partners` different shifts from 1 to b - 1, or all of them if there are fewer. The result is on the CPU."""
    return 1 + torch.randperm(b - 1, generator=generator, device="cpu")[:partners]


def pairs(
    x: Float[Tensor, "b d"], N: float, shifts: Int[Tensor, " m"]
) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """Return unbiased estimates of the log sum and the forces of `blocked.pairs`.

    A shift s contributes log(1 + |xi - xj|^2 / N) with j = i + s (cyclic) to the sum, and w_ij (xi - xj) to the force
    on i, and its opposite to the force on j: half of what the ordered pairs (i, j) and (j, i) contribute together.
    """
    log_sum, force = x.new_zeros(()), torch.zeros_like(x)
    for shift in shifts.tolist():
        difference = x - x.roll(-shift, 0)
        ratio = difference.square().sum(1).div_(N)
        log_sum += ratio.log1p().sum()
        push = difference.div_(ratio.add_(1)[:, None])
        force += push - push.roll(shift, 0)
    scale = (len(x) - 1) / len(shifts)
    return scale * log_sum, (scale / 2) * force
