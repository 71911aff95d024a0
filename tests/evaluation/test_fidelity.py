"""Fréchet and kernel distance against closed forms, precision and recall on sets that show what they mean."""

from __future__ import annotations

import subprocess
import sys
from math import comb
from typing import TYPE_CHECKING

import pytest
import torch

from eccentric.errors import EccentricError, UsageError
from eccentric.evaluation import fidelity as module
from eccentric.evaluation.fidelity import fidelity

if TYPE_CHECKING:
    import numpy as np


def standard_normal(n: int, f: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, f, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exactly_white(n: int, f: int, seed: int = 0) -> torch.Tensor:
    """A set whose mean is zero and whose covariance is the identity, but for rounding."""
    x = standard_normal(n, f, seed)
    x = x - x.mean(0)
    return torch.linalg.solve_triangular(torch.linalg.cholesky(x.T.cov()), x.T, upper=False).T


def rotation(f: int, seed: int = 0) -> torch.Tensor:
    return torch.linalg.qr(standard_normal(f, f, seed))[0]


def test_frechet_distance_of_gaussians_with_common_axes():
    """|m - n|^2 + sum (s - t)^2, for means m, n and standard deviations s, t."""
    s, t = torch.tensor([1.0, 2, 3]).double(), torch.tensor([2.0, 0.5, 3]).double()
    m, n = torch.tensor([0.0, 1, 2]).double(), torch.tensor([1.0, -1, 2]).double()
    found = fidelity(exactly_white(50, 3) * s + m, exactly_white(50, 3, seed=1) * t + n)
    assert found.frechet == pytest.approx(5 + 3.25, rel=1e-9)


def test_frechet_distance_of_plane_gaussians():
    """Of a 2x2 product, the trace of the root is sqrt(tr(S T) + 2 sqrt(det S det T))."""
    a, b = torch.tensor([[2.0, 0.3], [0.7, 1.0]]).double(), torch.tensor([[0.5, -1.0], [1.5, 1.0]]).double()
    s, t = a.T @ a, b.T @ b
    root = (torch.trace(s @ t) + 2 * (s.det() * t.det()).sqrt()).sqrt()
    found = fidelity(exactly_white(40, 2) @ a, exactly_white(40, 2, seed=1) @ b + 10)
    assert found.frechet == pytest.approx(float(200 + s.trace() + t.trace() - 2 * root), rel=1e-9)


def test_frechet_distance_with_fewer_items_than_features():
    """Real items vary in the first half of the features, fake ones in the second: the product of covariances is 0."""
    x = standard_normal(20, 64)
    real, fake = x.clone(), x.clone()
    real[:, 32:], fake[:, :32] = 0, 0
    expected = (real.mean(0) - fake.mean(0)).square().sum() + real.var(0).sum() + fake.var(0).sum()
    assert fidelity(real, fake).frechet == pytest.approx(float(expected), rel=1e-6)


def test_features_far_from_the_origin_keep_their_digits():
    x, y = exactly_white(100, 4), exactly_white(100, 4, seed=1) * 1.001
    assert fidelity(x + 1e6, y + 1e6).frechet == pytest.approx(4e-6, rel=1e-3)


def direct_kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1) ** 3

    n = len(x)
    within = sum(kernel(a, a).sum() - kernel(a, a).trace() for a in (x, y)) / (n * (n - 1))
    return within - 2 * kernel(x, y).mean()


def test_kernel_distance_is_the_unbiased_estimate():
    """With fewer than 1000 items every subset is the whole."""
    x, y = standard_normal(60, 5), standard_normal(60, 5, seed=1) + 0.3
    assert fidelity(x, y).kernel == pytest.approx(direct_kernel_distance(x.numpy(), y.numpy()), rel=1e-9)


def test_kernel_distance_of_gaussians(monkeypatch: pytest.MonkeyPatch):
    """(x y + 1)^3 compares the first three moments: sum over k of (3 choose k) (E x^k - E y^k)^2."""
    monkeypatch.setattr(module, "SUBSETS", 20)  # for the sake of time
    m, s = 0.5, 1.2
    moments = (0, 1, 0), (m, m**2 + s**2, m**3 + 3 * m * s**2)
    expected = sum(comb(3, k + 1) * (moments[0][k] - moments[1][k]) ** 2 for k in range(3))
    x, y = standard_normal(4000, 1), m + s * standard_normal(4000, 1, seed=1)
    assert fidelity(x, y).kernel == pytest.approx(expected, rel=0.15)
    assert abs(fidelity(x, standard_normal(4000, 1, seed=2)).kernel) < 0.02


def test_equal_sets():
    x = standard_normal(900, 6)
    found = fidelity(x, x.flip(0))
    assert found.frechet < 1e-9
    # A whole set compared with itself lies below zero by a little: its own pairs count in the cross term only.
    assert abs(found.kernel) < 0.02
    assert (found.precision, found.recall, found.count) == (1, 1, 900)


def test_rotation_changes_nothing():
    x, y, turn = standard_normal(300, 8), standard_normal(300, 8, seed=1) * 1.3 + 0.1, rotation(8)
    before, after = fidelity(x, y), fidelity(x @ turn, y @ turn)
    assert after.frechet == pytest.approx(before.frechet, rel=1e-9)
    assert after.kernel == pytest.approx(before.kernel, rel=1e-9)
    assert (after.precision, after.recall) == (before.precision, before.recall)


def test_distances_grow_with_the_difference():
    x, y = standard_normal(500, 4), standard_normal(500, 4, seed=1)
    found = [fidelity(x, y + shift) for shift in (0, 0.5, 1, 2)]
    assert [f.frechet for f in found] == sorted(f.frechet for f in found)
    assert [f.kernel for f in found] == sorted(f.kernel for f in found)
    assert [f.precision for f in found] == sorted((f.precision for f in found), reverse=True)


def test_samples_of_one_of_two_clusters_are_precise_and_recall_half():
    x, y = standard_normal(400, 2), standard_normal(400, 2, seed=1)
    x[200:] += 100
    found = fidelity(x, y)
    assert found.precision > 0.9
    assert found.recall == pytest.approx(0.5, abs=0.05)


def test_precision_and_recall_by_hand():
    """On a line: the balls about 0, 1, 2, 3 reach to their third neighbours, 3, 2, 2 and 3 away."""
    real = torch.tensor([[0.0], [1], [2], [3]])
    fake = torch.tensor([[-3.0], [-3.5], [6], [7]])
    found = fidelity(real, fake)
    assert found.precision == 0.5  # -3 lies 3 from 0, 6 lies 3 from 3
    assert found.recall == 1  # the balls about the fake ones, of radius 9.5 and more, hold everything


def test_the_seed_chooses_subsets_and_leaves_the_global_generator_alone(monkeypatch):
    monkeypatch.setattr(module, "SUBSETS", 5)
    x, y = standard_normal(1200, 3), standard_normal(1200, 3, seed=1) + 0.2
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = fidelity(x, y, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert fidelity(x, y, seed=1) == first
    assert fidelity(x, y, seed=2).kernel != first.kernel


def test_single_precision_features_are_compared_in_double():
    x, y = standard_normal(200, 4).float(), standard_normal(200, 4, seed=1).float()
    assert fidelity(x, y) == fidelity(x.double(), y.double())


@pytest.mark.parametrize(
    ("real", "fake", "said"),
    [
        (torch.zeros(5, 2), torch.zeros(6, 2), r"two equal sets \(n, f\), not \(5, 2\) and \(6, 2\)"),
        (torch.zeros(5), torch.zeros(5), r"two equal sets"),
        (torch.zeros(3, 2), torch.zeros(3, 2), r"more than 3 items in each set, not 3"),
    ],
)
def test_sets_that_cannot_be_compared(real, fake, said):
    with pytest.raises(UsageError, match=said):
        fidelity(real, fake)


def test_features_must_be_finite():
    broken = torch.zeros(5, 2)
    broken[3, 1] = torch.nan
    with pytest.raises(EccentricError, match="features of fake items contain NaN"):
        fidelity(torch.zeros(5, 2), broken)


@pytest.mark.parametrize(
    ("package", "fails", "said"),
    [
        (
            "torch_fidelity",
            "raise RuntimeError('operator nms missing\\nmore')",
            "(operator nms missing); install a torchvision that fits this torch, or remove it and torch-fidelity",
        ),
        (
            "torchmetrics",
            "raise ModuleNotFoundError('No module named torchmetrics', name='torchmetrics')",
            "(No module named torchmetrics); install eccentric with the extra 'train'",
        ),
    ],
)
def test_a_library_that_does_not_load_is_one_line(package, fails, said, tmp_path):
    """torchmetrics imports torch-fidelity where it is installed, which imports torchvision, which may fail."""
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text(fails)
    code = (
        "import sys, torch; sys.path.insert(0, sys.argv[1])\n"
        "from eccentric.evaluation.fidelity import fidelity\n"
        "from eccentric.errors import UsageError\n"
        "try: fidelity(torch.zeros(9, 2), torch.zeros(9, 2))\n"
        "except UsageError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"fidelity needs torchmetrics, which does not load {said}\n"
