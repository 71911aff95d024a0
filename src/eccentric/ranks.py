"""The loss of a batch that is distributed over the ranks of a torch.distributed process group.

All pairs of the union are included, also pairs of vectors on different ranks. The forward pass performs all
communication and computes value and gradient; the backward pass only multiplies a saved (b, d) tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor

from eccentric.kernels import autograd, one_pass
from eccentric.kernels.constant import KernelConstant, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float, Shaped
    from torch.distributed import ProcessGroup


Exchange = Literal["gather", "ring"]


def union_loss(
    z: Float[Tensor, "b d"],
    mu: float,
    N: KernelConstant,
    *,
    group: ProcessGroup | None = None,
    exchange: Exchange = "gather",
    average: bool = True,
) -> Float[Tensor, ""]:
    """The loss of the B vectors on all ranks of a process group, b of which are on this rank.

    The value is that of one process with all B vectors, and bitwise identical on all ranks. The gradient is this rank's
    share of that process's, times a factor that suits DistributedDataParallel (DDP): with R ranks, rows z_r on rank r,
    objectives f_r(theta) + weight l(z_1 ... z_R), J_r = dz_r/dtheta and g_r what this function hands back to z_r, rank
    r arrives at grad f_r + weight J_r^T g_r, and DDP leaves each rank the average

        1/R sum_r grad f_r  +  weight 1/R sum_r J_r^T g_r

    The objective of the whole, (average of f_r) + weight l, has the gradient (average of grad f_r) + weight
    sum_r J_r^T dl/dz_r: so g_r must be R dl/dz_r. That is `average=True`, the default. Different numbers of rows change
    nothing in this, but the average of f_r is then no longer the mean over all items, unless each f_r is a mean over
    b items times R b / B. Where DDP averages over several such groups of R ranks, l becomes the groups' average.

    Each rank compares its own rows with all of them: O(b B d) time. It receives the other ranks' rows once, in z's own
    dtype, (B - b) d numbers (shorter ranks are padded to the longest). Counts and options are compared first, and the
    host waits for these few bytes: for nothing else where the group talks over the CPU as well ("cpu:gloo,cuda:nccl",
    PyTorch's default); with NCCL alone also for what the GPU has been given to do before.

    Args:
        z: latent vectors of this rank, (b, d), floating point. The number of rows may differ between ranks and may be
            zero.
        mu: strength of the repulsion; the same on every rank, like N, d, the dtype and `exchange`.
        N: kernel constant, as in `eccentric_loss`.
        group: process group; None is the default group of all ranks. With a single rank, this is the ordinary loss.
        exchange: how the rows travel. "gather" brings them all at once, in O(B d) memory, while the own rows are worked
            on; "ring" passes them on from rank to rank, in O(b d) memory, each transfer behind the work on the block
            before it. A ring needs a backend that sends from z's device: NCCL for CUDA, gloo for the CPU.
        average: True if the gradients are averaged over the ranks afterwards, as DDP does; False for dl/dz itself,
            where they are summed or z is what is optimised.

    Returns:
        A scalar: float64 for float64 input, otherwise float32. It has no second derivative on more than one rank.

    Raises:
        RuntimeError: there is no process group, or this process is not a member.
        ValueError: mu, N or `exchange` is out of range; or, on every rank: fewer than 2 vectors in all, or ranks that
            disagree.
    """
    if torch.compiler.is_compiling():  # one graph break here instead of one at each transfer
        eager = torch.compiler.disable(union_loss)
        return eager(z, mu, N, group=group, exchange=exchange, average=average)
    if exchange not in _EXCHANGES:
        raise ValueError(f"unknown exchange {exchange!r}; choose one of {', '.join(map(repr, _EXCHANGES))}")
    group, N = members(group), resolve(z.shape[1], mu, N)
    if dist.get_world_size(group) == 1:
        _require_a_pair(len(z))
        return autograd.loss(z, mu, N)
    value: Tensor = _Union.apply(z, mu, N, group, exchange, average)[0]
    return value


def members(group: ProcessGroup | None) -> ProcessGroup:
    """The group, or the default group for None. Raises an error if there is none or this process is not a member."""
    if not dist.is_available():
        raise RuntimeError("this build of PyTorch has no torch.distributed, so there are no ranks to share a loss")
    if not dist.is_initialized():
        raise RuntimeError("there is no process group to share the loss; call torch.distributed.init_process_group()")
    group = group or dist.group.WORLD
    if dist.get_rank(group) < 0:
        raise RuntimeError("this process is not a member of the process group that shares the loss")
    assert group is not None
    return group


def gather_rows(x: Shaped[Tensor, "b k"], group: ProcessGroup) -> Shaped[Tensor, "B k"]:
    """The rows of all ranks in the order of the ranks, equal on all of them, without gradients.

    Ranks may hold different numbers of rows, or none.
    """
    counts, transfer = _all_gather(torch.tensor([len(x)], device=x.device), group)
    transfer.wait()
    rows: list[int] = counts.tolist()
    parcels, transfer = _all_gather(_parcel(x, max(rows)), group)
    transfer.wait()
    blocks = parcels.view(x.dtype).chunk(len(rows))
    return torch.cat([block[:n] for block, n in zip(blocks, rows, strict=True)])


def _rows(z: Tensor, mu: float, N: float, exchange: str, group: ProcessGroup) -> list[int]:
    """The number of rows on each rank, after a check that all of them are doing the same thing.

    Without this check, a mistake would make ranks wait forever or compute different losses.
    """
    card = f"{len(z)}|d={z.shape[1]}, dtype={z.dtype}, mu={float(mu)}, N={float(N)}, exchange={exchange!r}"
    # If the group can also communicate over the CPU, the host need not wait for the GPU.
    device = "cpu" if "cpu:" in dist.get_backend_config(group) else z.device
    mine = torch.tensor(list(card.encode().ljust(160)), dtype=torch.uint8, device=device)
    cards, transfer = _all_gather(mine, group)
    transfer.wait()
    rows, terms = zip(*(bytes(c).decode().rstrip().split("|") for c in cards.view(-1, len(mine)).tolist()), strict=True)
    for rank, other in enumerate(terms):
        if other != terms[0]:
            raise ValueError(f"the ranks of the group disagree: rank 0 has {terms[0]}; rank {rank} has {other}")
    return [int(n) for n in rows]


def _require_a_pair(b: int) -> None:
    if b < 2:
        raise ValueError(f"the ranks must hold at least 2 vectors between them to make a pair, not {b}")


class _Union(torch.autograd.Function):
    @staticmethod
    def forward(
        z: Tensor, mu: float, N: float, group: ProcessGroup, exchange: str, average: bool
    ) -> tuple[Tensor, Tensor]:
        rows = _rows(z, mu, N, exchange, group)
        b, dtype = sum(rows), one_pass.result_dtype(z.dtype)
        _require_a_pair(b)
        with one_pass.without_autocast(z):
            kernel = one_pass.kernel_for(z)
            own = z.to(one_pass.working_dtype(z, b, kernel))
            # Distances do not change when all are moved by the same vector, but rounding errors shrink. Both sides of
            # a comparison must be moved alike, different comparisons need not be: our rows' mean suits ours best, and
            # costs no communication.
            centre = own.mean(0)
            x = own - centre
            potential = torch.zeros((), dtype=torch.float64, device=z.device)
            force = torch.zeros_like(x)
            for k, block in enumerate(_EXCHANGES[exchange](z, rows, group)):
                if len(x) and len(block):
                    y = block.to(own.dtype) - centre
                    log_sum, push = kernel.pairs(x, N) if k == 0 else kernel.repel(x, y, N, None)
                    potential, force = potential + log_sum, force + push
            pull = own.square().sum(dtype=torch.float64)
            # Summed here, in the order of the ranks, since no backend promises that all of its sums end equal.
            sums, transfer = _all_gather(torch.stack([potential, pull]), group)
            transfer.wait()
            potential, pull = sums.view(-1, 2).sum(0)
            value = pull / b - mu * N / (b * (b - 1)) * potential
            gradient = (2 / b) * own - (4 * mu / (b * (b - 1))) * force
            return value.to(dtype), (gradient * (len(rows) if average else 1)).to(dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(inputs[0], output[1])
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, _: Tensor | None) -> tuple[Tensor | None, ...]:
        if grad is None:
            return (None,) * 6
        z, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # second derivatives are requested, though perhaps not of this function
            gradient = _Gradient.apply(z, gradient)
        return (grad * gradient).to(z.dtype), *(None,) * 5


class _Gradient(torch.autograd.Function):
    """The gradient already computed, as a function of z that cannot be differentiated.

    Its derivative would need communication within a backward pass in which other ranks may not take part, and could
    wait forever. An error is raised instead.
    """

    @staticmethod
    def forward(z: Tensor, gradient: Tensor) -> Tensor:
        return gradient.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor, None]:
        raise RuntimeError("the loss shared by several ranks has no second derivative; only that of one process has")


def _gather(z: Tensor, rows: list[int], group: ProcessGroup) -> Iterator[Tensor]:
    """The rows of this rank, followed by those of all other ranks in one tensor."""
    me = dist.get_rank(group)
    parcels, transfer = _all_gather(_parcel(z, max(rows)), group)
    yield z
    transfer.wait()
    blocks = parcels.view(z.dtype).chunk(len(rows))
    yield torch.cat([block[:n] for rank, (block, n) in enumerate(zip(blocks, rows, strict=True)) if rank != me])


def _ring(z: Tensor, rows: list[int], group: ProcessGroup) -> Iterator[Tensor]:
    """The rows of this rank, followed by those of each other rank as they are passed from the previous to the next
    rank.
    """
    me, ranks = dist.get_rank(group), len(rows)
    behind, ahead = (dist.get_global_rank(group, (me + step) % ranks) for step in (-1, 1))
    present = _parcel(z, max(rows))
    coming = torch.empty_like(present)
    for step in range(ranks):
        transfers = []
        if step < ranks - 1:
            send = dist.P2POp(dist.isend, present, ahead, group)
            receive = dist.P2POp(dist.irecv, coming, behind, group)
            transfers = dist.batch_isend_irecv([send, receive])
        yield present.view(z.dtype)[: rows[me - step]]
        for transfer in transfers:
            transfer.wait()
        present, coming = coming, present


_EXCHANGES = {"gather": _gather, "ring": _ring}


def _parcel(z: Tensor, rows: int) -> Tensor:
    """z as bytes, which every backend carries whatever the dtype, padded to a number of rows that all ranks share."""
    parcel = z.new_zeros(rows, z.shape[1])
    parcel[: len(z)] = z
    return parcel.view(torch.uint8)


def _all_gather(mine: Tensor, group: ProcessGroup) -> tuple[Tensor, dist.Work]:
    """The concatenated tensors of all ranks, valid after waiting for the transfer."""
    # The second name is the first one's until torch 2.12, and deprecated since.
    gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
    everyone = mine.new_empty(dist.get_world_size(group) * len(mine), *mine.shape[1:])
    return everyone, gather(everyone, mine, group=group, async_op=True)
