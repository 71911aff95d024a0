from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eccentric import EccentricLoss, eccentric_loss
from eccentric.bench.rivals import paper_listing
from eccentric.kernels import blocked, one_pass
from eccentric.theory import kernel_constant, sphere_loss
from tests.kernels.truth import loss_and_gradient

BATCHES = [2, 3, 100, 257, 1000]
DIMS = [2, 3, 8, 64, 257]
IMPLS = ["reference", "blocked"]
AND_TILES = [*IMPLS, "tiles"]
anything_goes = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def impl(request, monkeypatch):
    """An implementation by name; "tiles" is the blocked one with tiles so small that a small batch has many."""
    if request.param == "tiles":
        monkeypatch.setattr(blocked, "TILE", 8)
        monkeypatch.setattr(blocked, "SMALL", 1)
        return "blocked"
    return request.param


def strengths(dim: int) -> list[float]:
    return [0.75, 1.0, 2.5, dim + 0.5]


def value_and_gradient(z: torch.Tensor, mu: float, N: float | str, impl: str) -> tuple[float, np.ndarray]:
    z = z.detach().requires_grad_()
    value = eccentric_loss(z, mu, N, impl=impl)  # type: ignore[arg-type]
    value.backward()
    assert z.grad is not None
    assert z.grad.dtype == z.dtype
    return value.item(), z.grad.double().numpy()


def assert_exact(z: torch.Tensor, mu: float, impl: str, gradient_tolerance: float = 1e-5) -> None:
    dim = z.shape[1]
    value, gradient = value_and_gradient(z, mu, "paper", impl)
    true_value, true_gradient = loss_and_gradient(z, mu, float(kernel_constant(dim, mu)))
    assert value == pytest.approx(true_value, rel=1e-5)
    assert np.abs(gradient - true_gradient).max() <= gradient_tolerance * np.abs(true_gradient).max()


def gaussian(b: int, dim: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(b, dim, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("impl", IMPLS, indirect=True)
@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("b", BATCHES)
class TestAgainstDoublePrecision:
    def test_gaussian(self, b, dim, impl):
        for mu in strengths(dim):
            assert_exact(gaussian(b, dim), mu, impl)

    def test_far_from_the_origin(self, b, dim, impl):
        for mu in strengths(dim):
            assert_exact(gaussian(b, dim) + 1000, mu, impl)

    def test_close_together(self, b, dim, impl):
        """As a network just initialised has them: 1 + D/N would lose the digits of D/N."""
        for mu in strengths(dim):
            assert_exact(1e-3 * gaussian(b, dim), mu, impl)

    def test_duplicates(self, b, dim, impl):
        z = gaussian(b, dim)
        z[b // 2 :] = z[: b - b // 2].clone()
        for mu in strengths(dim):
            assert_exact(z, mu, impl)


@pytest.mark.parametrize("impl", AND_TILES, indirect=True)
class TestInput:
    def test_repulsion_far_from_the_origin(self, impl):
        """The pull drowns the repulsion in the gradient there; a shift must leave the rest as it was."""
        z, shift = gaussian(257, 64).round(decimals=2), 1024.0
        _, gradient = value_and_gradient(z + shift, 1.0, "paper", impl)
        _, truth = loss_and_gradient(z + shift, 1.0, float(kernel_constant(64, 1.0)))
        pull = 2 / 257 * (z + shift).double().numpy()
        # What is left after the pull is rounded in the pull's last place.
        assert np.abs((gradient - pull) - (truth - pull)).max() <= 2e-7 * np.abs(pull).max()

    @pytest.mark.parametrize("make", [lambda z: z.T.contiguous().T, lambda z: torch.cat([z, z], 1)[:, : z.shape[1]]])
    def test_views(self, make, impl):
        z = make(gaussian(257, 64))
        assert not z.is_contiguous()
        assert_exact(z, 1.0, impl)

    def test_all_equal(self, impl):
        z = gaussian(1, 8).expand(100, 8)
        value, gradient = value_and_gradient(z, 1.0, "paper", impl)
        assert value == pytest.approx(z[0].square().sum().item(), rel=1e-6)
        np.testing.assert_allclose(gradient, 2 / 100 * z.numpy(), rtol=1e-5)

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_half_precision_accumulates_in_single(self, dtype, impl):
        z = gaussian(1000, 64).to(dtype)
        assert eccentric_loss(z, impl=impl).dtype == torch.float32
        assert_exact(z, 1.0, impl, gradient_tolerance=torch.finfo(dtype).eps)

    def test_autocast_changes_nothing(self, impl):
        z = gaussian(300, 64)
        plain = value_and_gradient(z, 1.0, "paper", impl)
        with torch.autocast("cpu", torch.bfloat16):
            cast = value_and_gradient(z, 1.0, "paper", impl)
        assert cast[0] == plain[0]
        np.testing.assert_array_equal(cast[1], plain[1])

    def test_float64_stays_float64(self, impl):
        z = gaussian(257, 8).double()
        value, gradient = value_and_gradient(z, 2.5, 7.0, impl)
        true_value, true_gradient = loss_and_gradient(z, 2.5, 7.0)
        assert value == pytest.approx(true_value, rel=1e-13)
        np.testing.assert_allclose(gradient, true_gradient, atol=1e-14)

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_nan_in_nan_out(self, bad, impl):
        z = gaussian(100, 8)
        z[17, 3] = bad
        assert math.isnan(eccentric_loss(z, impl=impl).item())

    def test_no_grad(self, impl):
        z = gaussian(100, 8).requires_grad_()
        with torch.no_grad():
            assert not eccentric_loss(z, impl=impl).requires_grad

    def test_leaves_its_input_alone(self, impl):
        z = gaussian(600, 8)
        before = z.clone()
        value_and_gradient(z, 1.0, "paper", impl)
        assert torch.equal(z, before)


@pytest.mark.parametrize("impl", AND_TILES, indirect=True)
@pytest.mark.parametrize("mu", [0.75, 1.0, 2.5])
def test_the_papers_listing(mu, impl):
    z = gaussian(100, 8).double()
    assert eccentric_loss(z, mu, impl=impl).item() == pytest.approx(paper_listing(z, mu).item(), rel=1e-12)


@pytest.mark.parametrize("impl", AND_TILES, indirect=True)
class TestDerivatives:
    def test_first(self, impl):
        z = gaussian(7, 3).double().requires_grad_()
        assert torch.autograd.gradcheck(lambda z: eccentric_loss(z, 1.5, impl=impl), z)

    def test_second(self, impl):
        z = gaussian(6, 3).double().requires_grad_()
        assert torch.autograd.gradgradcheck(lambda z: eccentric_loss(z, 1.5, impl=impl), z)

    def test_second_of_half_precision_input(self, impl):
        z = gaussian(20, 3).bfloat16().requires_grad_()
        (gradient,) = torch.autograd.grad(eccentric_loss(z, impl=impl), z, create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), z)
        wide = z.detach().double().requires_grad_()
        (gradient,) = torch.autograd.grad(eccentric_loss(wide, impl="reference"), wide, create_graph=True)
        (truth,) = torch.autograd.grad(gradient.square().sum(), wide)
        torch.testing.assert_close(second.double(), truth, rtol=0.05, atol=0.02 * truth.abs().max().item())

    def test_second_under_autocast(self, impl):
        z = gaussian(500, 8)

        def second(z):
            z = z.requires_grad_()
            (gradient,) = torch.autograd.grad(eccentric_loss(z, impl=impl), z, create_graph=True)
            return torch.autograd.grad(gradient.square().sum(), z)[0]

        plain = second(z.clone())
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(second(z.clone()), plain, rtol=1e-4, atol=1e-4 * plain.abs().max().item())

    def test_scaled_and_repeated_backward(self, impl):
        z = gaussian(100, 8).requires_grad_()
        loss = eccentric_loss(z, impl=impl)
        (once,) = torch.autograd.grad(loss, z, retain_graph=True)
        (thrice,) = torch.autograd.grad(3 * loss, z)
        torch.testing.assert_close(thrice, 3 * once)

    def test_torch_func(self, impl):
        z = gaussian(50, 8)
        gradient = torch.func.grad(lambda z: eccentric_loss(z, impl=impl))(z)
        np.testing.assert_allclose(gradient.numpy(), value_and_gradient(z, 1.0, "paper", impl)[1], atol=1e-7)


batches = st.integers(2, 40)
dims = st.integers(2, 10)
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("impl", AND_TILES, indirect=True)
class TestInvariances:
    @given(batches, dims, seeds)
    @anything_goes
    def test_rotation(self, impl, b, dim, seed):
        z = gaussian(b, dim, seed).double()
        rotation, _ = torch.linalg.qr(gaussian(dim, dim, seed + 1).double())
        a, b_ = value_and_gradient(z, 1.0, 3.0, impl), value_and_gradient(z @ rotation, 1.0, 3.0, impl)
        assert a[0] == pytest.approx(b_[0], rel=1e-10, abs=1e-10)
        np.testing.assert_allclose(a[1] @ rotation.numpy(), b_[1], atol=1e-12)

    @given(batches, dims, seeds)
    @anything_goes
    def test_permutation(self, impl, b, dim, seed):
        z = gaussian(b, dim, seed).double()
        order = torch.randperm(b, generator=torch.Generator().manual_seed(seed))
        a, b_ = value_and_gradient(z, 1.0, 3.0, impl), value_and_gradient(z[order], 1.0, 3.0, impl)
        assert a[0] == pytest.approx(b_[0], rel=1e-10, abs=1e-10)
        np.testing.assert_allclose(a[1][order], b_[1], atol=1e-12)

    @given(batches, dims, seeds)
    @anything_goes
    def test_duplication(self, impl, b, dim, seed):
        """Each pair then stands four times among 2b (2b - 1), and duplicates do not repel."""
        z, mu, N = gaussian(b, dim, seed).double(), 1.5, 3.0
        pull = z.square().sum().item() / b
        repulsion = pull - value_and_gradient(z, mu, N, impl)[0]
        doubled = pull - value_and_gradient(torch.cat([z, z]), mu, N, impl)[0]
        assert doubled == pytest.approx(repulsion * 2 * (b - 1) / (2 * b - 1), rel=1e-9, abs=1e-9)

    @given(batches, dims, seeds)
    @anything_goes
    def test_repulsion_moves_no_centre(self, impl, b, dim, seed):
        z = gaussian(b, dim, seed).double()
        _, gradient = value_and_gradient(z, 1.0, 3.0, impl)
        np.testing.assert_allclose(gradient.sum(0), 2 * z.mean(0).numpy(), atol=1e-12)


@pytest.mark.parametrize("dim", [3, 16, 64])
def test_free_points_settle_on_the_sphere(dim):
    """Minimised alone, the loss spreads 512 points where Theorem 1 puts them: radius, mean, covariance and value."""
    z = (0.5 * gaussian(512, dim)).requires_grad_()
    loss = EccentricLoss(mu=2.5, N="exact")
    optimizer = torch.optim.Adam([z], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 300)
    for _ in range(300):
        optimizer.zero_grad()
        value = loss(z)
        value.backward()
        optimizer.step()
        schedule.step()
    z = z.detach()
    radius = z.norm(dim=1)
    # A finite batch repels itself by (b - 1)/b more than its share, so the radius is a little above sqrt(d).
    assert radius.mean().item() == pytest.approx(math.sqrt(dim), rel=0.01)
    assert radius.std().item() < 0.01 * math.sqrt(dim)
    assert z.mean(0).norm().item() < 0.02 * math.sqrt(dim)
    torch.testing.assert_close(z.T.cov(), torch.eye(dim), atol=0.02, rtol=0)
    N = float(kernel_constant(dim, 2.5, "exact"))
    scale = dim + abs(float(sphere_loss(dim, 2.5, N)))
    assert value.item() == pytest.approx(float(sphere_loss(dim, 2.5, N)), abs=0.01 * scale)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda z: eccentric_loss(z[0]), ValueError, r"shape \(b, d\) with d >= 1, not \(8,\)"),
        (lambda z: eccentric_loss(z[None]), ValueError, r"not \(1, 100, 8\)"),
        (lambda z: eccentric_loss(z[:, :0]), ValueError, r"not \(100, 0\)"),
        (lambda z: eccentric_loss(z[:1]), ValueError, "at least 2 vectors to make a pair, not 1"),
        (lambda z: eccentric_loss(z.long()), TypeError, "floating point, not torch.int64"),
        (lambda z: eccentric_loss(z.numpy()), TypeError, "torch.Tensor of shape .*, not ndarray"),
        (lambda z: eccentric_loss(z, mu=0.5), ValueError, "mu"),
        (lambda z: eccentric_loss(z, mu=0.5, N="exact"), ValueError, "mu"),
        (lambda z: eccentric_loss(z, mu=-1.0, N=1.0), ValueError, "mu must be a positive number, not -1"),
        (lambda z: eccentric_loss(z, mu=math.nan, N=1.0), ValueError, "mu must be a positive number, not nan"),
        (lambda z: eccentric_loss(z[:, :1]), ValueError, "dim"),
        (lambda z: eccentric_loss(z, N=0.0), ValueError, "'paper', 'exact' or a positive number, not 0.0"),
        (lambda z: eccentric_loss(z, N="papre"), ValueError, "'paper', 'exact' or a positive number, not 'papre'"),  # type: ignore[arg-type]
        (lambda z: eccentric_loss(z, N="papre"), ValueError, "'papre'"),  # type: ignore[arg-type]
        (lambda z: eccentric_loss(z, impl="fast"), ValueError, "unknown impl 'fast'; choose one of 'auto', 'ref"),  # type: ignore[arg-type]
        (lambda z: eccentric_loss(z, N=[1]), ValueError, "a positive number, not .1."),  # type: ignore[arg-type]
        (lambda z: eccentric_loss(z, pairs=True), ValueError, "partners, not True"),
        (lambda z: EccentricLoss(exchange="post"), ValueError, "unknown exchange 'post'"),  # type: ignore[arg-type]
        (lambda z: eccentric_loss(z, pairs=0), ValueError, "positive whole number of partners, not 0"),
        (lambda z: eccentric_loss(z, pairs="some"), ValueError, "'all' or .* not 'some'"),  # type: ignore[arg-type]
        (lambda z: eccentric_loss(z, pairs=3, impl="reference"), ValueError, "pairs=3 has one implementation"),
        (lambda z: eccentric_loss(z, pairs=3, sync=True), ValueError, "one rank; leave out sync"),
        (
            lambda z: eccentric_loss(z, impl="reference", sync=True),
            ValueError,
            "is for one rank; leave out impl or sync",
        ),
        (lambda z: eccentric_loss(z, sync=True), RuntimeError, "call torch.distributed.init_process_group"),
        (lambda z: EccentricLoss(mu=0.3), ValueError, "mu"),
        (lambda z: EccentricLoss(impl="fast"), ValueError, "unknown impl 'fast'"),  # type: ignore[arg-type]
    ],
)
def test_errors_are_one_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call(gaussian(100, 8))
    assert "\n" not in str(caught.value)


class TestPartners:
    """The estimate from a number of partners per row."""

    def estimate(self, z, partners, seed):
        z = z.detach().requires_grad_()
        value = eccentric_loss(z, 1.5, 7.0, pairs=partners, generator=torch.Generator().manual_seed(seed))
        value.backward()
        return value.item(), z.grad

    def test_all_partners_are_all_pairs(self):
        z = gaussian(60, 5).double()
        value, gradient = self.estimate(z, 59, 0)
        true_value, true_gradient = loss_and_gradient(z, 1.5, 7.0)
        assert value == pytest.approx(true_value, rel=1e-12)
        np.testing.assert_allclose(gradient, true_gradient, atol=1e-14)
        assert self.estimate(z, 1000, 0)[0] == pytest.approx(true_value, rel=1e-12)

    def test_every_shift_once_has_the_exact_mean(self):
        """The mean over all shifts is exact, for value and gradient: no bias, without waiting for statistics."""
        z = gaussian(20, 3).double()
        estimates = []
        for shift in range(1, 20):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("eccentric.kernels.sampled.draw_shifts", lambda *_, s=shift: torch.tensor([s]))
                estimates.append(self.estimate(z, 1, 0))
        values, gradients = zip(*estimates, strict=True)
        true_value, true_gradient = loss_and_gradient(z, 1.5, 7.0)
        assert np.mean(values) == pytest.approx(true_value, rel=1e-12)
        np.testing.assert_allclose(torch.stack(gradients).mean(0), true_gradient, atol=1e-14)

    def test_no_bias_and_less_variance_with_more_partners(self):
        z = gaussian(200, 5).double()
        true_value, true_gradient = loss_and_gradient(z, 1.5, 7.0)
        spread = {}
        for partners in (2, 8, 32):
            values, gradients = zip(*(self.estimate(z, partners, seed) for seed in range(300)), strict=True)
            spread[partners] = np.std(values)
            assert abs(np.mean(values) - true_value) < 4 * spread[partners] / np.sqrt(300)
            error = (torch.stack(gradients).mean(0).numpy() - true_gradient) / (torch.stack(gradients).std(0).numpy())
            assert np.abs(error).max() < 5.5 / np.sqrt(300)
        # Drawn without replacement from 199: the variance of a mean, with the finite-population factor.
        for few, many in ((2, 8), (8, 32)):
            expected = np.sqrt(many / few * (199 - few) / (199 - many))
            assert spread[few] / spread[many] == pytest.approx(expected, rel=0.2)

    def test_seeds(self):
        z = gaussian(100, 5)
        assert self.estimate(z, 4, 1)[0] == self.estimate(z, 4, 1)[0] != self.estimate(z, 4, 2)[0]
        torch.manual_seed(3)
        first = eccentric_loss(z, pairs=4)
        assert eccentric_loss(z, pairs=4) != first
        torch.manual_seed(3)
        assert eccentric_loss(z, pairs=4) == first

    def test_gradient_is_that_of_the_estimate(self):
        z = gaussian(9, 3).double().requires_grad_()

        def loss(z):
            return eccentric_loss(z, pairs=3, generator=torch.Generator().manual_seed(0))

        assert torch.autograd.gradcheck(loss, z)
        (gradient,) = torch.autograd.grad(loss(z), z, create_graph=True)  # in use beside other terms
        with pytest.raises(RuntimeError, match="estimated from a number of pairs has no second derivative"):
            gradient.sum().backward()

    def test_compiles(self):
        z = gaussian(100, 5)
        compiled = torch.compile(lambda z: eccentric_loss(z, pairs=99), fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(z), eccentric_loss(z))


def test_triton_where_it_cannot_run(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)  # another test module's
    with pytest.raises(RuntimeError, match=r"impl='triton' needs"):
        eccentric_loss(gaussian(10, 3), impl="triton")


def test_triton_needs_a_compiler(monkeypatch):
    """It builds what launches its kernels; images for production have none."""
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    one_pass.has_triton.cache_clear()
    try:
        assert not one_pass.has_triton()
        with pytest.raises(RuntimeError, match="a C compiler with Python's headers"):
            eccentric_loss(gaussian(10, 3), impl="triton")
    finally:
        one_pass.has_triton.cache_clear()


def test_one_dimension_with_a_number():
    z = gaussian(100, 1)
    value, gradient = value_and_gradient(z, 1.0, 2.0, "blocked")
    true_value, true_gradient = loss_and_gradient(z, 1.0, 2.0)
    assert value == pytest.approx(true_value, rel=1e-5)
    np.testing.assert_allclose(gradient, true_gradient, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_value_of_a_large_batch_keeps_its_digits(dtype):
    z = gaussian(4096, 257).to(dtype)
    true_value, _ = loss_and_gradient(z, 1.0, 515.0)
    assert abs(eccentric_loss(z, 1.0, 515.0).item() - true_value) < 1e-6 * z.double().square().sum(1).mean().item()


def test_repr():
    assert repr(EccentricLoss()) == "EccentricLoss(mu=1, N='paper')"
    assert repr(EccentricLoss(2.5, 4.0, impl="reference")) == "EccentricLoss(mu=2.5, N=4.0, impl='reference')"


def test_module_is_the_function():
    z = gaussian(100, 8)
    assert EccentricLoss(2.5, "exact")(z) == eccentric_loss(z, 2.5, "exact")


def test_memory_grows_with_b_and_not_with_its_square():
    """15,000 vectors would make a dense tensor of 900 MB."""
    code = """
import resource, torch
from eccentric import eccentric_loss
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
z = torch.randn(15_000, 4, requires_grad=True)
eccentric_loss(z[:2000]).backward()
before = peak()
eccentric_loss(z).backward()
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 100, f"{done.stdout} MB more for 15,000 vectors"
