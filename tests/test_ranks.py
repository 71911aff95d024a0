"""Real ranks, talking by gloo on the CPU: one world of each size does all its work first, then the tests look at it."""

from __future__ import annotations

import multiprocessing
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from eccentric import diagnostics
from eccentric.kernels import autograd
from eccentric.ranks import union_loss
from eccentric.theory import kernel_constant
from eccentric.two_views import REGULARIZERS, TwoViewLoss
from tests.kernels.truth import loss_and_gradient

if TYPE_CHECKING:
    from pathlib import Path

    from eccentric.kernels.constant import KernelConstant

EXCHANGES = ["gather", "ring"]
SHARDS: dict[int, list[tuple[int, ...]]] = {
    1: [(2,), (30,)],
    2: [(20, 20), (1, 1), (3, 500), (0, 2)],
    3: [(20, 20, 20), (7, 1, 30), (0, 5, 3), (0, 0, 2), (430, 1, 90)],
}
MU, N = 1.5, 4.0


class Case(NamedTuple):
    ranks: int
    shards: tuple[int, ...]
    exchange: str
    dtype: torch.dtype = torch.float64
    shift: float = 0.0
    average: bool = True
    scale: float = 1.0

    def union(self) -> Tensor:
        z = torch.randn(sum(self.shards), 5, generator=torch.Generator().manual_seed(0))
        return (self.scale * z + self.shift).to(self.dtype)


CASES = [
    *(Case(ranks, shards, exchange) for exchange in EXCHANGES for ranks in SHARDS for shards in SHARDS[ranks]),
    *(
        Case(3, shards, exchange, dtype, shift)
        for exchange in EXCHANGES
        for dtype, shift in [(torch.float32, 0), (torch.float32, 1000), (torch.bfloat16, 0), (torch.float16, 0)]
        for shards in [(20, 20, 20), (430, 1, 90), (0, 5, 3)]
    ),
    *(Case(ranks, SHARDS[ranks][-1], exchange, average=False) for exchange in EXCHANGES for ranks in SHARDS),
    # As a network just initialised has them; each rank's own part is small, the union is not.
    *(Case(2, (300, 300), exchange, torch.float32, scale=1e-3) for exchange in EXCHANGES),
]
# A small union is worked out in double precision; then only the last rounding is left.
TOLERANCE = {torch.float64: 1e-13, torch.float32: 1.2e-7, torch.bfloat16: 2**-8, torch.float16: 2**-10}


# What each rank does


def work(rank: int, ranks: int, folder: Path) -> None:
    torch.set_num_threads(1)
    meeting = f"file://{folder}/meeting"
    # A rank left waiting fails all, within half a minute.
    dist.init_process_group("gloo", meeting, timedelta(seconds=30), rank=rank, world_size=ranks)
    done: dict[str, Any] = {"cases": [value_and_gradient(rank, case) for case in CASES if case.ranks == ranks]}
    if ranks == 1:
        done["alone"] = alone()
    else:
        done["errors"] = [message(call, rank) for call, *_ in ERRORS]
        done["training"] = [train(rank, *how) for how in TRAINING if len(how[0]) == ranks]
        done["manners"] = [manners(rank, exchange) for exchange in EXCHANGES]
        done["derivatives"] = derivatives(rank)
    if ranks == 2:
        done["compiled"] = compiled(rank)
        done["two views"] = [two_views(rank, name) for name in REGULARIZERS]
    if ranks == 3:
        done["diagnostics"] = diagnosed(rank)
        done["subgroup"] = subgroup(rank)
    torch.save(done, folder / f"{rank}.pt")
    dist.destroy_process_group()


def value_and_gradient(rank: int, case: Case, group: dist.ProcessGroup | None = None) -> tuple[Tensor, Tensor]:
    z = case.union().split(case.shards)[rank].clone().requires_grad_()
    value = loss(z, exchange=case.exchange, group=group, average=case.average)
    value.backward()
    assert z.grad is not None
    return value.detach(), z.grad


def loss(z: Tensor, mu: float = MU, N: KernelConstant = N, **options: Any) -> Tensor:
    return union_loss(z, mu, N, **options)


def gaussian(b: int, d: int, seed: int) -> Tensor:
    return torch.randn(b, d, generator=torch.Generator().manual_seed(seed))


def message(call: Callable[[int], object], rank: int) -> str:
    try:
        call(rank)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


ERRORS = [
    (
        lambda r: loss(torch.ones(4, 3 + r)),
        "ValueError: the ranks of the group disagree: rank 0 has d=3, .*; rank 1 has",
    ),
    (
        lambda r: loss(torch.ones(4, 3, dtype=[torch.float64, torch.float32][r > 0])),
        r"dtype=torch.float64.*torch.float32",
    ),
    (lambda r: loss(torch.ones(4, 3), mu=1.0 + r), "disagree.* mu=1.0, .* mu=2.0, "),
    (lambda r: loss(torch.ones(4, 3), N=1.0 + r), "disagree.* N=1.0, .* N=2.0, "),
    (
        lambda r: loss(torch.ones(4, 3), exchange=["ring", "gather"][r > 0]),
        "disagree.*exchange='ring'.*exchange='gather'",
    ),
    (
        lambda r: loss(torch.ones(int(r == 0), 3)),
        "ValueError: the ranks must hold at least 2 vectors between them .*, not 1",
    ),
    (lambda r: loss(torch.ones(0, 3)), "at least 2 vectors between them to make a pair, not 0"),
    (
        lambda r: loss(torch.ones(4, 3), exchange="post"),
        "ValueError: unknown exchange 'post'; choose one of 'gather', 'r",
    ),
    (
        lambda r: loss(torch.ones(4, 3), group=dist.GroupMember.NON_GROUP_MEMBER),
        "RuntimeError: this process is not a mem",
    ),
]


def manners(rank: int, exchange: str) -> dict[str, Any]:
    """Each entry is worked out with communication, so every rank comes by here; judged in the test."""
    z = gaussian(20, 6, rank)
    plain = loss(z, exchange=exchange)
    view = z.T.contiguous().T
    assert not view.is_contiguous()
    with torch.autocast("cpu", torch.bfloat16):
        leaf = z.clone().requires_grad_()
        cast = loss(leaf, exchange=exchange)
        cast.backward()
    with torch.no_grad():
        silent = loss(leaf, exchange=exchange)
    alone = loss(leaf, exchange=exchange)
    if rank == 0:  # the others do not take part in this backward pass
        (gradient,) = torch.autograd.grad(3 * alone, leaf)
    else:
        assert leaf.grad is not None
        gradient = 3 * leaf.grad
    bad = z.clone()
    if rank == 1:
        bad[3, 2] = torch.nan
    return {
        "plain": plain,
        "view": loss(view, exchange=exchange),
        "autocast": cast.detach(),
        "gradient": leaf.grad,
        "thrice": gradient,
        "silent": silent.requires_grad,
        "left alone": torch.equal(z, gaussian(20, 6, rank)),
        "nan": loss(bad, exchange=exchange),
    }


def derivatives(rank: int) -> dict[str, Any]:
    z, other = gaussian(5, 3, rank).requires_grad_(), torch.tensor(2.0, requires_grad=True)
    (plain,) = torch.autograd.grad(loss(z), z)
    once, elsewhere = torch.autograd.grad(loss(z) + other**3, (z, other), create_graph=True)
    return {
        "plain": plain,
        "once": once.detach(),
        "elsewhere": torch.autograd.grad(elsewhere, other)[0],
        "twice": message(lambda _: torch.autograd.grad(once.square().sum(), z), rank),
        "func": torch.func.grad(loss)(z.detach()),
    }


def compiled(rank: int) -> tuple[Tensor, Tensor]:
    z = gaussian(6, 3, rank).requires_grad_()
    value = torch.compile(lambda z: 2 * loss(3 * z, N="exact"), backend="eager")(z)
    value.backward()
    assert z.grad is not None
    return value.detach(), z.grad


def subgroup(rank: int) -> Any:
    group = dist.new_group([0, 2])
    if rank == 1:
        return message(lambda _: loss(torch.ones(4, 3), group=group), rank)
    return [value_and_gradient(rank // 2, Case(2, (6, 3), exchange), group) for exchange in EXCHANGES]


def two_views(rank: int | None, name: Any) -> Tensor:
    """The gradient of a linear encoder, averaged over ranks; rank None has both halves of the batch."""
    weight = gaussian(6, 3, 9).double().requires_grad_()
    views = gaussian(24, 6, 0).double().view(2, 12, 6)
    a, b = views if rank is None else views[:, 6 * rank :][:, :6]
    torch.manual_seed(0 if rank is None else rank)  # the directions of SIGReg are those of rank 0
    TwoViewLoss(0.3, name, sync=rank is not None)(a @ weight, b @ weight).backward()
    assert weight.grad is not None
    if rank is not None:
        dist.all_reduce(weight.grad)
    return weight.grad / (1 if rank is None else 2)


SPLIT = (5, 0, 8)


def crowd() -> Tensor:
    z = gaussian(sum(SPLIT), 3, 0) + 7
    z[12] = z[0]  # two items that coincide, on different ranks
    return z


def diagnosed(rank: int) -> tuple[list[Tensor], str]:
    z = crowd().split(SPLIT)[rank]
    bad = z.clone()
    bad[5:] = torch.nan  # three rows of the last rank
    error = message(lambda _: diagnostics(bad, sync=True, check_finite=True), rank)
    return [*diagnostics(z, sync=True)], error


def alone() -> list[Tensor]:
    """Nothing to share: the ordinary loss, second derivative included."""
    z = gaussian(20, 6, 0).requires_grad_()
    out = []
    for value in (autograd.loss(z, MU, N), *(loss(z, exchange=exchange) for exchange in EXCHANGES)):
        (gradient,) = torch.autograd.grad(value, z, create_graph=True)
        out.append(torch.cat([value[None, None].expand(1, 6), gradient, torch.autograd.grad(gradient.sum(), z)[0]]))
    return [tensor.detach() for tensor in out]


# Training, with ranks and without

TRAINING = [
    ((8, 8), torch.float64, "gather"),
    ((8, 8), torch.float32, "ring"),
    ((8, 8, 8), torch.float64, "ring"),
    ((8, 8, 8), torch.float32, "gather"),
    ((11, 1, 5), torch.float64, "ring"),
]


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 3))
        self.decoder = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 10))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.encoder(x)
        return self.decoder(z), z


def train(rank: int | None, shards: tuple[int, ...], dtype: torch.dtype, exchange: str) -> list[Tensor]:
    """The gradients of every parameter at every step, and the parameters afterwards; rank None has all the data."""
    model = Autoencoder().to(dtype)
    wrapped: nn.Module = model if rank is None else nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    history = []
    for step in range(5):
        x = gaussian(sum(shards), 10, step).to(dtype)
        share = 1.0
        if rank is not None:
            x = x.split(shards)[rank]
            share = len(x) * len(shards) / sum(shards)  # 1 for equal shards, for which DDP is right about means
        decoded, z = wrapped(x)
        shared = autograd.loss(z, MU, N) if rank is None else loss(z, exchange=exchange)
        optimizer.zero_grad()
        (share * nn.functional.mse_loss(decoded, x) + 0.1 * shared).backward()
        history += [p.grad.clone() for p in model.parameters() if p.grad is not None]
        optimizer.step()
    return [*history, *(p.detach().clone() for p in model.parameters())]


# The tests

Worlds = Callable[[int], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    """What each rank of a world of so many ranks has found."""
    # Every rank is forked from one clean process that has done the slow imports.
    multiprocessing.set_forkserver_preload([__name__, "torch._dynamo"])

    @cache
    def world(ranks: int) -> list[dict[str, Any]]:
        folder = tmp_path_factory.mktemp(f"ranks{ranks}")
        torch.multiprocessing.start_processes(work, (ranks, folder), ranks, start_method="forkserver")  # type: ignore[attr-defined]
        return [torch.load(folder / f"{rank}.pt") for rank in range(ranks)]

    return world


def relative(found: Tensor, truth: Any) -> float:
    truth = np.asarray(truth)
    return float(np.abs(found.detach().double().numpy() - truth).max() / np.abs(truth).max())


@pytest.mark.parametrize(
    "case", CASES, ids=lambda c: f"{c.shards}-{c.exchange}-{c.scale:g}{c.dtype}+{c.shift:g}-{c.average}"
)
def test_value_and_gradient_are_those_of_one_process(worlds, case):
    index = [c for c in CASES if c.ranks == case.ranks].index(case)
    values, gradients = zip(*(rank["cases"][index] for rank in worlds(case.ranks)), strict=True)
    true_value, true_gradient = loss_and_gradient(case.union(), MU, N)
    factor = case.ranks if case.average else 1
    tolerance = 5e-6 if sum(case.shards) > 500 and case.dtype == torch.float32 else TOLERANCE[case.dtype]

    assert all(torch.equal(value, values[0]) for value in values)
    assert values[0].dtype == (torch.float64 if case.dtype == torch.float64 else torch.float32)
    assert relative(values[0], true_value) <= min(tolerance, 1e-6)
    assert all(gradient.dtype == case.dtype for gradient in gradients)
    assert [len(gradient) for gradient in gradients] == list(case.shards)
    assert relative(torch.cat(gradients), factor * true_gradient) <= tolerance


@pytest.mark.parametrize("how", TRAINING, ids=str)
def test_ddp_training_is_that_of_one_process(worlds, how):
    shards, dtype, _ = how
    index = [h for h in TRAINING if len(h[0]) == len(shards)].index(how)
    truth = train(None, *how)
    for rank in worlds(len(shards)):
        assert len(rank["training"][index]) == len(truth) == 5 * 8 + 8
        for found, true in zip(rank["training"][index], truth, strict=True):
            assert relative(found, true) <= (1e-12 if dtype == torch.float64 else 1e-5)


@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize(("index", "pattern"), [(i, pattern) for i, (_, pattern) in enumerate(ERRORS)])
def test_errors_are_one_line_and_come_to_every_rank(worlds, ranks, index, pattern):
    found = [rank["errors"][index] for rank in worlds(ranks)]
    assert len(set(found)) == 1
    assert "\n" not in found[0]
    assert re.search(pattern, found[0])


@pytest.mark.parametrize(("ranks", "exchange"), list(product([2, 3], EXCHANGES)))
def test_manners(worlds, ranks, exchange):
    for rank in worlds(ranks):
        found = rank["manners"][EXCHANGES.index(exchange)]
        torch.testing.assert_close(found["view"], found["plain"])  # sums over strides end in other last bits
        assert torch.equal(found["autocast"], found["plain"])
        torch.testing.assert_close(found["thrice"], 3 * found["gradient"])
        assert not found["silent"]
        assert found["left alone"]
        assert found["nan"].isnan()


@pytest.mark.parametrize("ranks", [2, 3])
def test_derivatives(worlds, ranks):
    for rank in worlds(ranks):
        found = rank["derivatives"]
        assert torch.equal(found["once"], found["plain"])
        assert torch.equal(found["func"], found["plain"])
        assert found["elsewhere"].item() == 12
        assert found["twice"].startswith("RuntimeError: the loss shared by several ranks has no second derivative")
        assert "\n" not in found["twice"]


def test_compiled(worlds):
    values, gradients = zip(*(rank["compiled"] for rank in worlds(2)), strict=True)
    union = torch.cat([gaussian(6, 3, rank) for rank in range(2)])
    true_value, true_gradient = loss_and_gradient(3 * union, MU, float(kernel_constant(3, MU, "exact")))
    assert all(relative(value, 2 * true_value) < 1e-6 for value in values)
    assert relative(torch.cat(gradients), 2 * 3 * 2 * true_gradient) < 1e-5  # the factors of value, z and ranks


def test_subgroup(worlds):
    first, outsider, second = (rank["subgroup"] for rank in worlds(3))
    assert outsider == "RuntimeError: this process is not a member of the process group that shares the loss"
    true_value, true_gradient = loss_and_gradient(Case(2, (6, 3), "").union(), MU, N)
    for (value, gradient), (same, more) in zip(first, second, strict=True):
        assert torch.equal(value, same)
        assert relative(value, true_value) < 1e-13
        assert relative(torch.cat([gradient, more]), 2 * true_gradient) < 1e-13


def test_alone_it_is_the_ordinary_loss(worlds):
    plain, *others = worlds(1)[0]["alone"]
    assert all(torch.equal(other, plain) for other in others)


def test_without_a_process_group():
    assert not dist.is_initialized()
    with pytest.raises(RuntimeError, match=r"no process group .*; call torch.distributed.init_process_group\(\)"):
        loss(torch.ones(4, 3))


def test_a_build_without_ranks():
    """Importing must not need torch.distributed, of which such builds have little more than is_available()."""
    code = """
import sys, types, torch
bare = types.ModuleType("torch.distributed")
bare.is_available = lambda: False
sys.modules["torch.distributed"] = torch.distributed = bare
import eccentric.ranks
assert "torch._dynamo" not in sys.modules
try:
    eccentric.ranks.union_loss(torch.ones(4, 3), 1.0, 1.0)
except RuntimeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "this build of PyTorch has no torch.distributed, so there are no ranks to share a loss\n"


@pytest.mark.parametrize(("index", "name"), list(enumerate(REGULARIZERS)))
def test_two_views_over_ranks_train_as_one_process(worlds, index, name):
    for rank in worlds(2):
        torch.testing.assert_close(rank["two views"][index], two_views(None, name))


def test_diagnostics_are_those_of_one_process(worlds):
    whole = diagnostics(crowd())
    assert whole.coinciding.item() == pytest.approx(2 / 13)
    first = worlds(3)[0]["diagnostics"][0]
    for rank in worlds(3):
        found, error = rank["diagnostics"]
        assert "9 numbers that are NaN" in error
        for here, there, truth in zip(found, first, whole, strict=True):
            assert torch.equal(here, there)
            torch.testing.assert_close(here, truth)
