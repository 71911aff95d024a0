"""Pair sums on a CUDA device: one kernel, compiled by Triton, with one pass over the pairs and without atomics.

Each program processes a block of rows, one tile of columns at a time: the Gram tile on the tensor cores, then
u = 1 + D/N, its logarithm and w = 1/u in registers, then w @ y on the tensor cores, added to the program's own share
of the force. PyTorch adds up the shares in a fixed order, so the same input gives the same bits. The host never waits
for the device, so a CUDA graph can capture the kernel. For a small batch the programs also compute value and gradient.

Float32 is multiplied as three tf32 products, half precision directly; sums are float32. `blocked` handles float64.

Unlike `blocked`, this visits each pair twice. Once would halve all but the second product, but the force on the columns
would have to leave the tile: by atomics, in an order that changes from run to run, or as shares for every row block.
"""

# mypy: allow-untyped-defs
# Triton interprets annotations of kernel arguments itself.

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import torch
import triton
import triton.language as tl
from torch.nn.functional import pad
from triton.testing import do_bench

from eccentric.kernels import blocked

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def suits(x: Float[Tensor, "b d"]) -> bool:
    """Whether the kernel supports the device of x: NVIDIA with tf32 on tensor cores (Ampere or later).

    The CPU is supported under Triton's interpreter.
    """
    if os.environ.get("TRITON_INTERPRET") == "1":
        return True
    return x.is_cuda and torch.version.hip is None and torch.cuda.get_device_capability(x.device) >= (8, 0)


def pairs(x: Float[Tensor, "b d"], N: float) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """Return the sum over i != j of log(1 + |xi - xj|^2 / N), and the force on each i, sum over j of w_ij (xi - xj).

    Both are float32 for half precision input as well.
    """
    if x.dtype == torch.float64:
        return blocked.pairs(x, N)
    return sweep(x, x, N, 0, _choose(x, x))


def repel(
    x: Float[Tensor, "m d"], y: Float[Tensor, "n d"], N: float, diagonal: int | None
) -> tuple[Float[Tensor, ""], Float[Tensor, "m d"]]:
    """Return the same sums for rows x and columns y.

    If x is y[diagonal : diagonal + m], pairs of an item with itself are excluded. Centre x and y on the same point
    first: distances do not change, but rounding errors become smaller.
    """
    if x.dtype == torch.float64:
        return blocked.repel(x, y, N, diagonal)
    return sweep(x, y, N, diagonal, _choose(x, y))


def takes_whole(z: Float[Tensor, "b d"]) -> bool:
    """Whether `value_and_gradient` supports z: few rows, so that columns are not split, and few columns."""
    return len(z) < 2 * SPLIT and z.dtype in WIDEST and z.shape[1] <= WIDEST[z.dtype]


def value_and_gradient(z: Float[Tensor, "b d"], mu: float, N: float) -> tuple[Float[Tensor, ""], Float[Tensor, "b d"]]:
    """Return the loss and its gradient in float32 with two launches, which dominate the time of a small batch."""
    return sweep(z, z, N, 0, _choose(z, z), mu)


class Cut(NamedTuple):
    """How the pairs are divided into tiles, and the tiles among programs."""

    block_m: int
    block_n: int
    splits: int  # programs that share a block of rows, each with a range of columns
    warps: int = 4
    stages: int = 2  # of the software pipeline; with 3, the next tile is loaded while the current one is processed


def sweep(
    x: Float[Tensor, "m d"],
    y: Float[Tensor, "n d"],
    N: float,
    diagonal: int | None,
    cut: Cut,
    mu: float | None = None,
) -> tuple[Float[Tensor, ""], Float[Tensor, "m d"]]:
    """Return the result of `repel` with the given division of the work, or with mu that of `value_and_gradient`."""
    same, x = y is x, x.contiguous()
    y = x if same else y.contiguous()
    (m, width), n = x.shape, y.shape[0]
    if m > SMALL and width % ALIGNED:  # rows that are not aligned would be loaded one number at a time
        padded = pad(x, (0, -width % ALIGNED))
        x, y = padded, padded if same else pad(y, (0, -width % ALIGNED))
    d = x.shape[1]
    depth, outputs = _depth(d, x.dtype)
    whole = depth == outputs
    x_norms = y_norms = largest = None
    if m > SMALL or not whole:  # for a small batch, whose time launches dominate, programs compute the norms
        x_norms = x.float().square().sum(1)
        y_norms = x_norms if same else y.float().square().sum(1)
        largest = y_norms.amax()
    rows = triton.cdiv(m, cut.block_m)
    span = triton.cdiv(triton.cdiv(n, cut.block_n), cut.splits) * cut.block_n
    splits = triton.cdiv(n, span)
    log_sums = x.new_empty(splits * rows, dtype=torch.float32)
    forces = x.new_empty(splits, m, d, dtype=torch.float32)
    with torch.cuda.device_of(x):  # Triton launches on the current device
        _sweep[rows, splits, triton.cdiv(d, outputs)](
            x,
            y,
            x_norms,
            y_norms,
            largest,
            log_sums,
            forces,
            m,
            n,
            d,
            -m if diagonal is None else diagonal,  # i - m is not a column
            span,
            1 / N,
            1 / m if mu is not None else 0.0,
            mu / (m * (m - 1)) if mu is not None else 0.0,
            BLOCK_M=cut.block_m,
            BLOCK_N=cut.block_n,
            DEPTH=depth,
            OUTPUTS=outputs,
            WHOLE=whole,
            LOSS=mu is not None,
            num_warps=cut.warps,
            num_stages=cut.stages,
            enable_fp_fusion=True,  # the present default of Triton, which is going to change
        )
    force = forces.sum(0) if splits > 1 else forces[0]
    return log_sums.sum(), force[:, :width].contiguous()


SMALL = 2048  # rows; up to this number the device is not fully used
SPLIT = 256  # columns; fewer do not justify a program
ALIGNED = 16  # numbers; in every dtype, such rows are a multiple of 16 bytes
WIDEST = {torch.float32: 64, torch.float16: 128, torch.bfloat16: 128}  # largest d for which a whole tile of y is kept


def _depth(d: int, dtype: torch.dtype) -> tuple[int, int]:
    """Return the number of dimensions of a Gram product, and the number for which a program computes the force.

    Both are d padded to a power of two as long as that fits, so that y is read once for both products. For larger d,
    each program computes 128 dimensions of the force and recomputes the Gram tile, 32 or 64 dimensions at a time.
    """
    if d <= WIDEST[dtype]:
        padded = max(16, triton.next_power_of_2(d))  # tl.dot requires at least 16, tl.arange a power of two
        return padded, padded
    return (32 if dtype == torch.float32 else 64), 128


# What triton 3.6 compiles for sm_90, with 4 warps. An H100 has room for two such programs on a multiprocessor (65,536
# registers, 227 KB), most other devices as well.
#
#     dtype        d    tile      stages   registers   spilled   shared
#     float32     16   64 x 64       3        255          0      25 KB   (lower: its warps repeat work)
#     float32     64   16 x 64       2        255        8 B      64 KB   with the loss made of it
#     float32     64   32 x 64       2        255       24 B      32 KB
#     float32     64   64 x 64       3        255      112 B      97 KB   Hopper only: elsewhere it spills 1 KB
#     float32    272   64 x 32       3        255       80 B      32 KB
#     bfloat16    64   64 x 64       3        239          0      33 KB
#     bfloat16   128   64 x 64       3        255        8 B      65 KB
#     bfloat16   272   64 x 64       3        255          0      48 KB
def _heuristic(m: int, n: int, d: int, dtype: torch.dtype, processors: int, hopper: bool) -> Cut:
    """Choose small blocks for few rows, and then split the columns, so that every multiprocessor has work."""
    single = dtype == torch.float32
    largest = 64 if hopper or not single else 32
    block_m = largest if d <= 16 or m > SMALL else 16 if m <= 512 else 32
    block_n = 32 if single and d > WIDEST[dtype] else 64
    return Cut(block_m, block_n, _splits(m, n, d, dtype, block_m, processors), stages=3 if m > SMALL else 2)


def _splits(m: int, n: int, d: int, dtype: torch.dtype, block_m: int, processors: int) -> int:
    programs = triton.cdiv(m, block_m) * triton.cdiv(d, _depth(d, dtype)[1])
    # Four programs for each multiprocessor keep the last wave short.
    return max(1, min(triton.cdiv(4 * processors, programs), n // SPLIT))


_tuned: dict[tuple[int | torch.dtype, ...], Cut] = {}


def _choose(x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Cut:
    key = _key(x, y)
    if key not in _tuned:
        if os.environ.get("ECCENTRIC_AUTOTUNE") != "1" or not x.is_cuda or torch.cuda.is_current_stream_capturing():
            return _heuristic(len(x), len(y), x.shape[1], x.dtype, *_device(x.device))
        tune(x, y)
    return _tuned[key]


def tune(x: Float[Tensor, "m d"], y: Float[Tensor, "n d"] | None = None) -> Cut:
    """Time several divisions for x (and y, or x itself), and use the fastest for similar inputs from now on.

    Similar inputs have the same d up to padding, the same dtype and device, and sizes within a factor of two. Tuning
    takes seconds and waits for the device. It happens only on request: by calling this function, or with
    ECCENTRIC_AUTOTUNE=1 in the environment for each new size outside the capture of a CUDA graph.
    """
    y = x if y is None else y
    processors, _ = _device(x.device)
    times = {}
    sizes = [(16, 64, 2), (32, 64, 2), (32, 64, 3), (64, 32, 3), (64, 64, 2), (64, 64, 3), (128, 32, 3), (128, 64, 3)]
    for block_m, block_n, stages in sizes:
        splits = _splits(len(x), len(y), x.shape[1], x.dtype, block_m, processors)
        cut = Cut(block_m, block_n, splits, 8 if block_m == 128 else 4, stages)
        try:
            times[cut] = do_bench(lambda cut=cut: sweep(x, y, 1.0, None, cut), warmup=10, rep=50, return_mode="median")
        except triton.OutOfResources:  # the tile is too large for this device
            continue
    _tuned[_key(x, y)] = best = min(times, key=times.__getitem__)
    return best


def _key(x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> tuple[int | torch.dtype, ...]:
    depth = triton.next_power_of_2(x.shape[1])
    return len(x).bit_length(), len(y).bit_length(), depth, x.dtype, x.get_device()


@lru_cache
def _device(device: torch.device) -> tuple[int, bool]:
    """Return the number of multiprocessors, and whether the device is a Hopper."""
    if device.type != "cuda":  # Triton's interpreter
        return 1, True
    properties = torch.cuda.get_device_properties(device)
    return properties.multi_processor_count, properties.major == 9


FAR = tl.constexpr(2.0**126)
LOG_2 = tl.constexpr(0.6931471805599453)


@triton.jit(do_not_specialize=["m", "n", "diagonal", "span"])
def _sweep(
    x_pointer,
    y_pointer,
    x_norms_pointer,  # None if programs compute the norms of x and y themselves
    y_norms_pointer,
    largest_pointer,  # pointer to the largest norm of y
    log_sums_pointer,
    forces_pointer,
    m,
    n,
    d,
    diagonal,
    span,
    inverse_N,
    pull,
    push,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    DEPTH: tl.constexpr,
    OUTPUTS: tl.constexpr,
    WHOLE: tl.constexpr,
    LOSS: tl.constexpr,
):
    """Compute the sum of logs and OUTPUTS dimensions of the force for the rows of a block and the columns of a span.

    With LOSS, compute the block's share of the loss, pull |z|^2 - push N logs, and its rows of the gradient. Then x and
    y are not centred by the caller, and float32 is centred here.
    """
    block, split, group = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    first, begin = block * BLOCK_M, split * span
    end = tl.minimum(begin + span, n)
    rows, columns, depth = tl.arange(0, BLOCK_M), tl.arange(0, BLOCK_N), tl.arange(0, DEPTH)
    outputs = group * OUTPUTS + tl.arange(0, OUTPUTS)
    own = first + rows + diagonal  # the column of the same item

    centre = None
    if LOSS and x_pointer.dtype.element_ty == tl.float32:
        total = tl.zeros((DEPTH,), tl.float32)
        for start in range(0, n, BLOCK_N):
            total += tl.sum(_load(y_pointer, start, columns, n, depth, d, None), 0)
        centre = total / n

    x = _load(x_pointer, first, rows, m, depth, d, centre) if WHOLE else None
    x_norms = _squares(x) if x_norms_pointer is None else tl.load(x_norms_pointer + first + rows, rows < m - first, 0.0)

    if largest_pointer is None:
        norms = tl.zeros((BLOCK_N,), tl.float32)
        for start in range(begin, end, BLOCK_N):
            norms = tl.maximum(norms, _squares(_load(y_pointer, start, columns, n, depth, d, centre)))
        largest = tl.max(norms, 0)
    else:
        largest = tl.load(largest_pointer)

    # For latents that are close together, as in a newly initialised network, adding 1 would lose digits of the logs.
    # D <= 2 |x|^2 + 2 |y|^2 is a bound that does not need the pairs.
    if 2 * inverse_N * (tl.max(x_norms, 0) + largest) < 1:
        log_sums, w_sums, weighted = _walk(
            x, x_norms, centre, x_pointer, y_pointer, y_norms_pointer, first, begin, end, m, n, d, own, rows, columns,
            depth, outputs, inverse_N, True, BLOCK_M, BLOCK_N, DEPTH, OUTPUTS, WHOLE,
        )  # fmt: skip
    else:
        log_sums, w_sums, weighted = _walk(
            x, x_norms, centre, x_pointer, y_pointer, y_norms_pointer, first, begin, end, m, n, d, own, rows, columns,
            depth, outputs, inverse_N, False, BLOCK_M, BLOCK_N, DEPTH, OUTPUTS, WHOLE,
        )  # fmt: skip

    given = _load(x_pointer, first, rows, m, outputs, d, None).to(tl.float32)
    mask = (rows < m - first)[:, None] & (outputs < d)[None, :]
    force = (given if centre is None else given - centre[None, :]) * w_sums[:, None] - weighted
    if LOSS:
        log_sums = pull * _squares(given) - push / inverse_N * log_sums
        force = 2 * pull * given - 4 * push * force
    forces_pointer += (tl.cast(split, tl.int64) * m + first) * d
    tl.store(forces_pointer + (rows * d)[:, None] + outputs[None, :], force, mask)

    if group == 0:
        log_sum = tl.sum(tl.where(rows < m - first, log_sums, 0.0), 0)
        tl.store(log_sums_pointer + split * tl.num_programs(0) + block, log_sum)


@triton.jit
def _walk(
    x,  # None except for WHOLE
    x_norms,
    centre,
    x_pointer,
    y_pointer,
    y_norms_pointer,
    first,
    begin,
    end,
    m,
    n,
    d,
    own,
    rows,
    columns,
    depth,
    outputs,
    inverse_N,
    CLOSE: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    DEPTH: tl.constexpr,
    OUTPUTS: tl.constexpr,
    WHOLE: tl.constexpr,
):
    """Return for each row of the block the sum of logs, the sum of w, and the sum of w y.

    CLOSE, for D/N of at most 1, adds up each log(1 + D/N) accurately; otherwise the kernel keeps their product.
    """
    row_terms = x_norms * inverse_N if CLOSE else 1 + x_norms * inverse_N
    w_sums = tl.zeros((BLOCK_M,), tl.float32)
    log_sums = tl.zeros((BLOCK_M,), tl.float32)
    weighted = tl.zeros((BLOCK_M, OUTPUTS), tl.float32)
    mantissas = tl.full((BLOCK_M, BLOCK_N), 1.0, tl.float32)
    exponents = tl.zeros((BLOCK_M,), tl.int32)

    for start in range(begin, end, BLOCK_N):
        if WHOLE:
            y = _load(y_pointer, start, columns, n, depth, d, centre)
            gram = tl.dot(x, tl.trans(y), input_precision="tf32x3")
        else:
            gram = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
            for k in range(0, d, DEPTH):
                x_part = _load(x_pointer, first, rows, m, k + depth, d, None)
                y_part = _load(y_pointer, start, columns, n, k + depth, d, None)
                gram = tl.dot(x_part, tl.trans(y_part), gram, input_precision="tf32x3")
            y = _load(y_pointer, start, columns, n, outputs, d, None)
        inside = columns < n - start
        y_norms = _squares(y) if y_norms_pointer is None else tl.load(y_norms_pointer + start + columns, inside, 0.0)

        # Excluded pairs get a large distance: their w is negligible, and their log, 126 log 2, is subtracted below.
        column_terms = tl.where(inside, y_norms * inverse_N, FAR)
        u = row_terms[:, None] + column_terms[None, :] - 2 * inverse_N * gram
        if CLOSE:
            u = tl.where(u < 0, 0.0, u)
            counted = inside[None, :] & (columns[None, :] != (own - start)[:, None])
            log_sums += tl.sum(tl.where(counted, _log1p(u), 0.0), 1)
            u += 1
        else:
            u = tl.where(u < 1, 1.0, u)  # rounding can give values just below one for duplicates; NaN is kept
        u = tl.where(columns[None, :] != (own - start)[:, None], u, FAR)

        w = tl.rsqrt(u)
        w = w * w  # a division handles ranges that u never has, with three times the instructions
        w = w.to(y.dtype)  # rounded for both sums, so that their difference does not depend on the origin
        w_sums += tl.sum(w.to(tl.float32), 1)
        weighted = tl.dot(w, y, weighted, input_precision="tf32x3")

        if not CLOSE:
            # The sum of logs is the log of the product: mantissas are multiplied and exponents added. Single logs would
            # be the majority of the kernel's instructions.
            bits = (mantissas * u).to(tl.int32, bitcast=True)
            mantissas = ((bits & 0x007FFFFF) | 0x3F800000).to(tl.float32, bitcast=True)
            exponents += tl.sum(bits >> 23, 1) - 127 * BLOCK_N

    if not CLOSE:
        uncounted = tl.cdiv(end - begin, BLOCK_N) * BLOCK_N - (end - begin)
        uncounted += tl.where((own >= begin) & (own < end), 1, 0)
        log_sums = tl.sum(tl.log(mantissas), 1) + LOG_2 * (exponents - 126 * uncounted).to(tl.float32)
        log_sums += w_sums - w_sums  # the bit operations above lose NaN
    return log_sums, w_sums, weighted


@triton.jit
def _load(pointer, start, rows, row_count, columns, d, centre):
    """Load rows start + rows minus the centre, if there is one, and zero beyond the array.

    Offsets within a tile fit into 32 bits; the offset of the tile may not.
    """
    mask = (rows < row_count - start)[:, None] & (columns < d)[None, :]
    tile = tl.load(pointer + tl.cast(start, tl.int64) * d + (rows * d)[:, None] + columns[None, :], mask, 0.0)
    return tile if centre is None else tl.where(mask, tile - centre[None, :], 0.0)


@triton.jit
def _log1p(t):
    """Return log(1 + t) for 0 <= t <= 1 with a relative error of 2e-7: twice the artanh of t / (2 + t)."""
    s = t / (2 + t)
    q = s * s
    return 2 * s * (1 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11))))))


@triton.jit
def _squares(x):
    x = x.to(tl.float32)
    return tl.sum(x * x, 1)
