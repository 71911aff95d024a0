"""The CUDA kernel: compiled where there is a CUDA device, elsewhere by Triton's interpreter, on the CPU."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch.utils._python_dispatch import TorchDispatchMode

from eccentric import eccentric_loss
from eccentric.kernels import one_pass
from eccentric.theory import kernel_constant
from tests.kernels.truth import loss_and_gradient

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ.setdefault("TRITON_INTERPRET", "1")  # read when triton is first imported, and its kernels defined

# Before 3.9 the interpreter cannot work with current numpy.
version = "3.9" if DEVICE == "cpu" else "3.2"
triton = pytest.importorskip("triton", minversion=version, reason="Triton comes with CUDA builds of torch, on Linux")

from eccentric.kernels import triton as kernel  # noqa: E402
from eccentric.kernels.triton import Cut  # noqa: E402

# The interpreter's time goes by the number of tiles; a device cannot hold tiles so large.
LARGE = Cut(64, 64, 1) if DEVICE == "cuda" else Cut(128, 128, 1)

if DEVICE == "cpu":
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle, tl

    @pytest.fixture(autouse=True)
    def bfloat16_products(monkeypatch):
        """The interpreter keeps bfloat16 as 16-bit integers, and would multiply those."""

        def widened(handle):
            if handle.dtype != tl.bfloat16:
                return handle
            return TensorHandle((handle.data.astype(np.uint32) << 16).view(np.float32), tl.float32)

        dot = InterpreterBuilder.create_dot
        monkeypatch.setattr(
            InterpreterBuilder, "create_dot", lambda self, a, b, *rest: dot(self, widened(a), widened(b), *rest)
        )


def gaussian(b: int, dim: int, seed: int = 0) -> torch.Tensor:
    x = torch.randn(b, dim, generator=torch.Generator().manual_seed(seed)).to(DEVICE)
    return x - x.mean(0)


def truth(x: torch.Tensor, y: torch.Tensor, N: float, diagonal: int | None) -> tuple[float, np.ndarray]:
    """The sum of logs and the force, in double precision by explicit differences."""
    rows, columns = (t.double().cpu().numpy() for t in (x, y))
    ratio = cdist(rows, columns, "sqeuclidean") / N
    w = 1 / (1 + ratio)
    if diagonal is not None:
        i = np.arange(len(rows))
        ratio[i, i + diagonal] = w[i, i + diagonal] = 0
    return np.log1p(ratio).sum(), rows * w.sum(1, keepdims=True) - w @ columns


def assert_exact(result, expected, tolerance=1e-5):
    log_sum, force = result
    assert log_sum.dtype == force.dtype == torch.float32
    assert log_sum.shape == ()
    assert log_sum.item() == pytest.approx(expected[0], rel=tolerance)
    assert force.shape == expected[1].shape
    assert np.abs(force.double().cpu().numpy() - expected[1]).max() <= tolerance * np.abs(expected[1]).max()


@pytest.mark.parametrize("dim", [2, 3, 8, 64, 257])
@pytest.mark.parametrize("b", [2, 3, 33, 100, 257])
class TestAgainstDoublePrecision:
    def cut(self, b):
        return Cut(16, 32, 1) if b < 100 else LARGE

    @pytest.mark.parametrize("strength", ["1", "d + 1/2"])  # the paper's N is then 2d + d/(d-1), and about 1
    def test_loss_and_gradient(self, b, dim, strength):
        mu = 1.0 if strength == "1" else dim + 0.5
        N = float(kernel_constant(dim, mu))
        z = torch.randn(b, dim, generator=torch.Generator().manual_seed(0)).to(DEVICE)
        x = z - z.mean(0)
        log_sum, force = kernel.sweep(x, x, N, 0, self.cut(b))
        value = z.double().square().sum() / b - mu * N / (b * (b - 1)) * log_sum.double()
        gradient = 2 / b * z.double() - 4 * mu / (b * (b - 1)) * force.double()
        true_value, true_gradient = loss_and_gradient(z, mu, N)
        assert value.item() == pytest.approx(true_value, rel=1e-5)
        assert np.abs(gradient.cpu().numpy() - true_gradient).max() <= 1e-5 * np.abs(true_gradient).max()

    def test_duplicates(self, b, dim):
        x, N = gaussian(b, dim), 2 * dim + 1
        x[b // 2 :] = x[: b - b // 2].clone()
        x -= x.mean(0)
        assert_exact(kernel.sweep(x, x, N, 0, self.cut(b)), truth(x, x, N, 0))

    @pytest.mark.parametrize("scale", [1e-1, 1e-3, 1e-6, 1e-12])
    def test_close_together(self, b, dim, scale):
        """As they lie in a network that has just been initialised."""
        x, N = scale * gaussian(b, dim), 2 * dim + 1
        assert_exact(kernel.sweep(x, x, N, 0, self.cut(b)), truth(x, x, N, 0))


class TestRowsAgainstColumns:
    N = 17.0

    @pytest.mark.parametrize(("diagonal", "m"), [(0, 10), (10, 10), (10, 1), (57, 43), (13, 41)])
    def test_a_slice(self, diagonal, m):
        y = gaussian(100, 8)
        x = y[diagonal : diagonal + m]
        assert_exact(kernel.repel(x, y, self.N, diagonal), truth(x, y, self.N, diagonal))

    @pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 100), (100, 1), (33, 65), (70, 16)])
    @pytest.mark.parametrize("dim", [8, 100])
    def test_others(self, m, n, dim):
        x, y = gaussian(150, dim)[:m], gaussian(150, dim)[150 - n :]
        assert_exact(kernel.repel(x, y, self.N, None), truth(x, y, self.N, None))

    def test_slices_add_up(self):
        x = gaussian(100, 8)
        whole, force = kernel.pairs(x, self.N)
        parts = [kernel.repel(x[i : i + 30], x, self.N, i) for i in range(0, 100, 30)]
        assert torch.stack([log_sum for log_sum, _ in parts]).sum().item() == pytest.approx(whole.item(), rel=1e-6)
        torch.testing.assert_close(torch.cat([part for _, part in parts]), force, rtol=0, atol=1e-5)


class TestCuts:
    """However the work is cut up, the result is the same."""

    @pytest.mark.parametrize("cut", [Cut(16, 16, 1), Cut(32, 64, 1), Cut(64, 32, 3), Cut(16, 32, 7), Cut(64, 64, 99)])
    def test_agree(self, cut):
        x, y = gaussian(150, 8)[:70], gaussian(150, 8)
        log_sum, force = kernel.sweep(x, y, 17.0, 0, LARGE)
        other_sum, other_force = kernel.sweep(x, y, 17.0, 0, cut)
        assert other_sum.item() == pytest.approx(log_sum.item(), rel=1e-6)
        assert (other_force - force).abs().max() <= 1e-6 * force.abs().max()

    @pytest.mark.parametrize("splits", [1, 3])
    def test_repeat_to_the_bit(self, splits):
        x = gaussian(100, 8)
        first, second = (kernel.sweep(x, x, 17.0, 0, Cut(32, 32, splits)) for _ in range(2))
        assert torch.equal(first[0], second[0])
        assert torch.equal(first[1], second[1])

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    @pytest.mark.parametrize("d", [2, 64, 100, 1024])
    @pytest.mark.parametrize("hopper", [True, False])
    def test_chosen(self, dtype, d, hopper):
        """A small batch is not split, and the shares of any other fit in memory."""
        for b in (2, 100, 256, 500, 1000, 4096, 10_000, 262_144):
            cut = kernel._heuristic(b, b, d, dtype, 132, hopper)
            assert cut.splits >= 1
            assert cut.splits == 1 or b > 256
            assert cut.splits * b <= 4 * 132 * 64 + b

    def test_tuned(self, monkeypatch):
        """The fastest cut is used from then on, and those too large for the device are passed over."""
        monkeypatch.setattr(kernel, "_tuned", {})
        times = iter([3.0, 2.0, 1.0, triton.OutOfResources(9, 1, "shared memory"), 4.0, 5.0, 6.0, 7.0])

        def timed(call, **options):
            time = next(times)
            if isinstance(time, Exception):
                raise time
            return time

        monkeypatch.setattr(kernel, "do_bench", timed)
        x = gaussian(40, 8)
        best = kernel.tune(x)
        assert best == Cut(32, 64, 1, stages=3)
        assert kernel._choose(x[:33, :7], x) == best
        assert kernel._choose(x[:20], x) != best


class TestInput:
    N = 17.0

    @pytest.mark.parametrize("dim", [8, 150])
    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_half_precision(self, dtype, dim):
        x = gaussian(100, dim).to(dtype)
        # The products see the input as it is; only w is rounded, to half an eps.
        assert_exact(kernel.pairs(x, self.N), truth(x, x, self.N, 0), tolerance=torch.finfo(dtype).eps)
        log_sum, _ = truth(x, x, self.N, 0)
        assert kernel.pairs(x, self.N)[0].item() == pytest.approx(log_sum, rel=1e-5)

    def test_float64(self):
        x = gaussian(50, 8).double()
        for log_sum, force in (kernel.pairs(x, self.N), kernel.repel(x, x, self.N, 0)):
            expected = truth(x, x, self.N, 0)
            assert force.dtype == torch.float64
            assert log_sum.item() == pytest.approx(expected[0], rel=1e-13)
            np.testing.assert_allclose(force.cpu().numpy(), expected[1], atol=1e-12)

    @pytest.mark.parametrize("dim", [8, 16, 70])
    def test_large(self, monkeypatch, dim):
        """Norms are worked out beforehand, and rows padded, where there are many of them."""
        monkeypatch.setattr(kernel, "SMALL", 10)
        x = gaussian(150, dim)
        log_sum, force = kernel.repel(x[:70], x, self.N, 0)
        assert force.is_contiguous()
        assert_exact((log_sum, force), truth(x[:70], x, self.N, 0))
        assert_exact(kernel.pairs(1e-3 * x, self.N), truth(1e-3 * x, 1e-3 * x, self.N, 0))

    @pytest.mark.parametrize("make", [lambda x: x.T.contiguous().T, lambda x: torch.cat([x, x], 1)[:, : x.shape[1]]])
    def test_views(self, make):
        x = make(gaussian(50, 8))
        assert not x.is_contiguous()
        assert_exact(kernel.pairs(x, self.N), truth(x, x, self.N, 0))

    def test_all_equal(self):
        log_sum, force = kernel.pairs(torch.zeros(40, 8, device=DEVICE), self.N)
        assert log_sum == 0
        assert not force.any()

    @pytest.mark.parametrize("scale", [1e-6, 1e6])
    def test_any_scale(self, scale):
        x = scale * gaussian(40, 8)
        assert_exact(kernel.pairs(x, self.N * scale**2), truth(x, x, self.N * scale**2, 0))
        if scale > 1:
            assert_exact(kernel.pairs(x, self.N), truth(x, x, self.N, 0))

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    @pytest.mark.filterwarnings("ignore:invalid value")
    def test_nan_in_nan_out(self, bad):
        x = gaussian(40, 8)
        x[17, 3] = bad
        log_sum, force = kernel.pairs(x - x.mean(0), self.N)
        assert log_sum.isnan()
        assert force.isnan().any(1).all()
        x[17, 3] = math.nan
        log_sum, force = kernel.repel(x[:10], x, self.N, 0)  # as one of the columns only
        assert log_sum.isnan()
        assert force.isnan().all()

    def test_leaves_its_input_alone(self):
        x = gaussian(40, 8)
        before = x.clone()
        kernel.pairs(x, self.N)
        assert torch.equal(x, before)


@pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")
def test_captured_by_a_cuda_graph():
    x = gaussian(1000, 16)
    kernel.pairs(x, 33.0)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        log_sum, force = kernel.pairs(x, 33.0)
    x.copy_(gaussian(1000, 16, seed=1))
    graph.replay()
    assert_exact((log_sum, force), truth(x, x, 33.0, 0))


@pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")
def test_the_loss_and_its_gradient_captured_by_a_cuda_graph():
    z = gaussian(1000, 16).requires_grad_()
    stream = torch.cuda.Stream()  # autograd warms up on a stream of its own, as PyTorch's documentation asks
    with torch.cuda.stream(stream):
        torch.autograd.grad(eccentric_loss(z), z)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value = eccentric_loss(z)
        (gradient,) = torch.autograd.grad(value, z)
    with torch.no_grad():
        z.copy_(gaussian(1000, 16, seed=1))
    graph.replay()
    true_value, true_gradient = loss_and_gradient(z, 1.0, float(kernel_constant(16, 1.0)))
    assert value.item() == pytest.approx(true_value, rel=1e-5)
    assert np.abs(gradient.double().cpu().numpy() - true_gradient).max() <= 1e-5 * np.abs(true_gradient).max()


def test_compiles_for_hopper(tmp_path):
    """Triton brings its own assembler: that the kernel uses Hopper's tensor cores, and fits, shows without a device."""
    pytest.importorskip("triton", minversion="3.9", reason="the compiler's interface is not public, and changes")
    code = """
import torch, triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from eccentric.kernels import triton as kernel
for name, dtype, d, b in [("fp32", torch.float32, 8, 100), ("fp32", torch.float32, 272, 4096),
                          ("fp32", torch.float32, 64, 4096), ("bf16", torch.bfloat16, 64, 4096)]:
    cut, (depth, outputs) = kernel._heuristic(b, b, d, dtype, 132, True), kernel._depth(d, dtype)
    constants = dict(BLOCK_M=cut.block_m, BLOCK_N=cut.block_n, DEPTH=depth, OUTPUTS=outputs, WHOLE=depth == outputs)
    constants |= dict(LOSS=b < 512)
    norms = "*fp32" if b > kernel.SMALL else "constexpr"
    if b <= kernel.SMALL:
        constants |= dict(x_norms_pointer=None, y_norms_pointer=None, largest_pointer=None)
    types = ["*" + name] * 2 + [norms] * 3 + ["*fp32"] * 2 + ["i32"] * 5 + ["fp32"] * 3 + ["constexpr"] * 6
    source = ASTSource(kernel._sweep, dict(zip(kernel._sweep.arg_names, types, strict=True)), constants)
    compiled = triton.compile(source, GPUTarget("cuda", 90, 32), dict(num_warps=cut.warps, num_stages=cut.stages))
    assert compiled.asm["cubin"] and "wgmma" in compiled.asm["ptx"], (name, d)
    # The least that a program can have on any device from Ampere on.
    assert compiled.metadata.shared <= 99 * 1024, (name, d, compiled.metadata.shared)
"""
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


class TestLoss:
    """The whole loss with this kernel."""

    @pytest.mark.parametrize(("b", "dim", "mu"), [(100, 8, 1.0), (257, 64, 2.5), (33, 3, 3.5)])
    def test_value_and_gradient(self, b, dim, mu):
        z = (gaussian(b, dim) + 0.3).requires_grad_()
        value = eccentric_loss(z, mu, impl="triton")
        value.backward()
        expected, gradient = loss_and_gradient(z, mu, float(kernel_constant(dim, mu)))
        assert value.item() == pytest.approx(expected, rel=1e-5)
        assert z.grad is not None
        assert np.abs(z.grad.cpu().numpy() - gradient).max() <= 1e-5 * np.abs(gradient).max()

    def test_bfloat16(self):
        z = (gaussian(150, 16) + 0.3).bfloat16().requires_grad_()
        value = eccentric_loss(z, impl="triton")
        value.backward()
        expected, gradient = loss_and_gradient(z, 1.0, float(kernel_constant(16, 1.0)))
        assert value.item() == pytest.approx(expected, rel=1e-5)  # products of half precision are exact in float32
        assert z.grad is not None
        terms = 2 / 150 * z.detach().float().abs().max().item()  # of which the gradient is what does not cancel
        assert np.abs(z.grad.float().cpu().numpy() - gradient).max() <= 2**-8 * terms

    @pytest.mark.parametrize(
        ("b", "dim", "dtype"), [(100, 8, torch.float32), (511, 64, torch.float32), (100, 100, torch.bfloat16)]
    )
    def test_a_small_batch_is_two_launches(self, monkeypatch, b, dim, dtype):
        """The kernel, and the sum over its programs; views and empty tensors cost none."""
        z = gaussian(b, dim).to(dtype)
        with Counting() as counting:
            launch = lambda *arguments, **options: counting.seen.append("kernel")  # noqa: E731
            monkeypatch.setattr(kernel, "_sweep", defaultdict(lambda: launch))
            one_pass.value_and_gradient(z, 1.0, 17.0, "triton")
        assert counting.seen == ["kernel", "sum"]

    @pytest.mark.parametrize("b", [100, 600])  # in two launches, and in more
    @pytest.mark.parametrize("offset", [0, 100])
    @pytest.mark.parametrize("scale", [1, 1e-3])
    def test_far_from_the_origin_and_close_together(self, b, offset, scale):
        z = scale * (gaussian(b, 8) + offset)
        value, gradient = one_pass.value_and_gradient(z, 1.0, 17.0, "triton")
        expected, true_gradient = loss_and_gradient(z, 1.0, 17.0)
        assert value.item() == pytest.approx(expected, rel=1e-5)
        assert np.abs(gradient.cpu().numpy() - true_gradient).max() <= 1e-5 * np.abs(true_gradient).max()

    def test_nan(self):
        z = gaussian(40, 8)
        z[17, 3] = math.nan
        value, gradient = one_pass.value_and_gradient(z, 1.0, 17.0, "triton")
        assert value.isnan()
        assert gradient.isnan().any(1).all()


class Counting(TorchDispatchMode):
    """Names of the operations that would be launched."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name not in ("empty", "new_empty", "select", "slice", "detach", "view", "alias"):
            self.seen.append(name)
        return func(*args, **(kwargs or {}))
