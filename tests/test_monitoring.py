"""Diagnostics of a batch of latents: closed forms, invariances, collapse and NaN; ranks are in test_ranks.py."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import eccentric
from eccentric.models import conv_pair, mnist_pair
from eccentric.monitoring import CollapseWarning, effective_rank


def cross(*radii: float) -> torch.Tensor:
    """Two points on each axis, at minus and plus its radius."""
    axes = torch.diag(torch.tensor(radii, dtype=torch.float64))
    return torch.cat([axes, -axes])


def test_a_cross_in_closed_form():
    found = eccentric.diagnostics(cross(3.0, 1.0, 2.0, 0.0))
    # 8 points; a radius r contributes 2 r^2 to the scatter of its axis.
    torch.testing.assert_close(found.eigenvalues, torch.tensor([18, 8, 2, 0], dtype=torch.float64) / 7)
    assert found.trace.item() == pytest.approx(28 / 7)
    assert found.smallest_eigenvalue.item() == 0
    p = torch.tensor([3, 2, 1]) / 6
    assert found.effective_rank.item() == pytest.approx(math.exp(-(p * p.log()).sum()))
    assert found.mean_radius.item() == pytest.approx(6 / 4)
    assert found.relative_radius.item() == pytest.approx(6 / 4 / 2)
    assert found.coinciding.item() == 2 / 8  # of the two points at the origin


@pytest.mark.parametrize("k", [1, 3, 5])
def test_effective_rank_counts_equal_eigenvalues(k):
    assert effective_rank(torch.tensor([0.7] * k + [0.0] * (5 - k))).item() == pytest.approx(k)


def test_rotation_and_shift():
    z = torch.randn(40, 5, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))[0]
    one, other = eccentric.diagnostics(z), eccentric.diagnostics(z @ rotation + 100)
    torch.testing.assert_close(one.eigenvalues, other.eigenvalues)
    torch.testing.assert_close(one.effective_rank, other.effective_rank)
    assert eccentric.diagnostics(z @ rotation).mean_radius.item() == pytest.approx(one.mean_radius.item())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.sampled_from([-0.0, 0.0, 1.0, 2.0, 4.0, 1e-30, -1.0]), min_size=3, max_size=3), min_size=2))
def test_coinciding_items(rows):
    z = torch.tensor(rows)
    equal = (z[:, None] == z[None]).all(2).sum(1) > 1
    for dtype in (torch.float32, torch.float64):
        found = eccentric.diagnostics(z.to(dtype), warn=False)
        assert found.coinciding.item() == pytest.approx(equal.double().mean().item())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_numbers_are_measured_in_double_precision(dtype):
    z = torch.randn(30, 4).to(dtype)
    one, other = eccentric.diagnostics(z.requires_grad_()), eccentric.diagnostics(z.double())
    assert not one.trace.requires_grad
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_scalars_for_a_logger():
    scalars = eccentric.diagnostics(cross(1.0, 1.0)).scalars("latents/")
    assert list(scalars) == [
        f"latents/{name}"
        for name in ("trace", "effective_rank", "smallest_eigenvalue", "mean_radius", "relative_radius", "coinciding")
    ]
    assert scalars["latents/mean_radius"] == 1.0


def test_collapse_warns_once_from_a_loop():
    z = torch.zeros(9, 4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            found = eccentric.diagnostics(z)
    assert [warning.category for warning in caught] == [CollapseWarning]
    assert caught[0].filename == __file__
    assert found.coinciding == 1
    assert found.effective_rank == 0
    # Which is what the warning says of the loss.
    z.requires_grad_()
    value = eccentric.eccentric_loss(z)
    value.backward()
    assert value == 0
    assert z.grad is not None
    assert not z.grad.any()


def test_collapsed_trainings_warn_and_others_do_not():
    """The traces were measured when networks were trained on two views, with and without success."""
    measured = json.loads((Path(__file__).parents[1] / "docs" / "self-supervised.json").read_text("utf-8"))
    assert len(measured) > 50
    shape = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    shape = shape / shape.var(0).sum().div(8).sqrt()  # trace d
    for each in measured:
        z = shape * math.sqrt(each["embedding_trace"] / 64)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            eccentric.diagnostics(z)
        # None lies between 0.04 and 0.1. Of those from 0.1 to 1, VICReg at weight 0.00316, all learned something.
        assert bool(caught) == (each["embedding_trace"] < 0.05)


def test_untrained_networks_do_not_warn():
    x = torch.rand(100, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for pair in (mnist_pair, lambda dim: conv_pair((1, 28, 28), dim)):
        with warnings.catch_warnings(), torch.random.fork_rng():
            warnings.simplefilter("error", CollapseWarning)
            torch.manual_seed(0)
            eccentric.diagnostics(pair(8)[0](x))


def test_spread_latents_and_a_request_for_silence_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        eccentric.diagnostics(torch.randn(9, 4) * 0.1)
        eccentric.diagnostics(torch.ones(9, 4), warn=False)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_not_finite(bad):
    z = torch.randn(9, 4)
    z[3, 2] = bad
    found = eccentric.diagnostics(z)
    assert found.trace.isnan()
    assert found.eigenvalues.isnan().all()
    assert found.effective_rank.isnan()
    with pytest.raises(ValueError, match="hold 1 numbers that are NaN or infinite"):
        eccentric.diagnostics(z, check_finite=True)


def test_bad_input():
    with pytest.raises(ValueError, match="shape"):
        eccentric.diagnostics(torch.randn(9))
    with pytest.raises(ValueError, match="at least 2"):
        eccentric.diagnostics(torch.randn(1, 4))
    with pytest.raises(TypeError, match="floating point"):
        eccentric.diagnostics(torch.ones(9, 4, dtype=torch.int64))
    with pytest.raises(RuntimeError, match="process group"):
        eccentric.diagnostics(torch.randn(9, 4), sync=True)
