"""Communication between the ranks of a distributed training, for terms of the union batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped

__all__ = ["from_first_rank", "mean_over_ranks", "sum_over_ranks", "total_over_ranks", "union"]


def union(z: Float[Tensor, "b ..."]) -> Float[Tensor, "B ..."]:
    """Concatenate the rows of all ranks in the order of the ranks; all ranks get the same tensor.

    Gradients reach this rank's rows only, multiplied by the number of ranks. If every rank computes the same function
    of the union, and the gradients of the weights are averaged over ranks as DistributedDataParallel does, the result
    is the gradient of one process with the whole batch. The backward pass does not communicate.

    Args:
        z: rows of this rank. The number of rows may differ between ranks.
    """
    rows: Tensor = _Union.apply(z)
    return rows


def from_first_rank(x: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """Broadcast the tensor of rank 0, for random numbers that all ranks must share."""
    shared = x.clone()
    dist.broadcast(shared, src=0)
    return shared


def sum_over_ranks(x: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """The sum of a tensor over all ranks, without gradients."""
    total = x.detach().clone()
    dist.all_reduce(total)
    return total


def total_over_ranks(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The sum of a tensor over all ranks, with gradients: for statistics of the batch within an objective.

    Each rank's part gets the sum of all ranks' gradients. After the ranks' gradients of the weights are averaged, the
    result is the gradient of one process with the whole batch. The backward pass communicates once more.
    """
    total: Tensor = _Total.apply(x)
    return total


def mean_over_ranks(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The mean of a tensor over all ranks, without gradients."""
    return sum_over_ranks(x) / dist.get_world_size()


class _Union(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ranks, rank = dist.get_world_size(), dist.get_rank()
        counts = [torch.zeros(1, dtype=torch.int64, device=z.device) for _ in range(ranks)]
        dist.all_gather(counts, torch.tensor([len(z)], device=z.device))
        rows = [int(count) for count in counts]
        padded = z.new_zeros(max(rows), *z.shape[1:])
        padded[: len(z)] = z
        parts = [torch.empty_like(padded) for _ in range(ranks)]
        dist.all_gather(parts, padded)
        ctx.own, ctx.ranks = slice(sum(rows[:rank]), sum(rows[: rank + 1])), ranks
        return torch.cat([part[:count] for part, count in zip(parts, rows, strict=True)])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad[ctx.own] * ctx.ranks


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return sum_over_ranks(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return sum_over_ranks(grad)
