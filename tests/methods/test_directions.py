"""Methods that look at directions: hyperspherical energy, cosines, angles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from eccentric.errors import UsageError
from eccentric.methods import Outputs, make_method, make_settings
from eccentric.methods.diversity import mutual_angle, squared_cosine
from eccentric.methods.mhe import hyperspherical_energy
from eccentric.methods.projected_mhe import angle_error
from eccentric.methods.sphere import FLOOR, angles, directions
from eccentric.methods.weights import units
from tests.methods.checking import NOTHING, objective, pair, terms, trained


def simplex(d: int) -> torch.Tensor:
    """The d + 1 corners of a regular simplex around the origin of d dimensions, each at another distance from it."""
    centred = torch.eye(d + 1, dtype=torch.float64) - 1 / (d + 1)
    corners = centred @ torch.linalg.svd(centred).Vh[:d].T
    return corners * torch.arange(1, d + 2)[:, None]


def energy_by_hand(x: torch.Tensor, s: int, half_space: bool) -> float:
    a = [row / row.norm() for row in x.double()]
    points = a + [-row for row in a] if half_space else a
    distances = [(p - q).norm().item() for i, p in enumerate(points) for j, q in enumerate(points) if i != j]
    return sum(-math.log(r) if s == 0 else r**-s for r in distances) / len(distances)


@pytest.mark.parametrize("d", [2, 3, 8])
def test_energy_of_a_simplex(d):
    """All corners are sqrt(2 (d + 1) / d) apart."""
    r = math.sqrt(2 * (d + 1) / d)
    for s in (1, 2):
        assert hyperspherical_energy(simplex(d), s).item() == pytest.approx(r**-s, rel=1e-12)
    assert hyperspherical_energy(simplex(d), 0).item() == pytest.approx(-math.log(r), rel=1e-12)


@pytest.mark.parametrize("half_space", [False, True])
@pytest.mark.parametrize("s", [0, 1, 2])
def test_energy_against_double_precision(s, half_space):
    x = torch.randn(20, 3)
    x[1] = x[0] + 0.01 * x[1]  # a close pair
    expected = energy_by_hand(x, s, half_space)
    assert hyperspherical_energy(x, s, half_space).item() == pytest.approx(expected, rel=1e-4)
    assert hyperspherical_energy(x.double(), s, half_space).item() == pytest.approx(expected, rel=1e-10)
    double = x.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: hyperspherical_energy(x, s, half_space), double)


def test_orthogonal_points_are_best_in_the_half_space():
    orthogonal, simplex_energy = torch.eye(3, dtype=torch.float64), simplex(2)
    assert hyperspherical_energy(orthogonal, 1, half_space=True) < hyperspherical_energy(
        torch.nn.functional.pad(simplex_energy, (0, 1)), 1, half_space=True
    )


@pytest.mark.parametrize("function", [hyperspherical_energy, squared_cosine, mutual_angle])
@given(scale=st.floats(0.01, 100), seed=st.integers(0, 100))
@settings(max_examples=10, deadline=None)
def test_only_directions_count_and_their_order_does_not(function, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(12, 4, dtype=torch.float64, generator=generator)
    turn = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64, generator=generator)).Q
    for same in (x * scale, x @ turn, x[torch.randperm(12, generator=generator)]):
        torch.testing.assert_close(function(same), function(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["mhe", "projected-mhe", "cosine-diversity"])
def test_equal_latents_and_zeros_leave_all_finite(name):
    z = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [-1.0, 0.5]], requires_grad=True)
    first, *others = terms(name, z).values()
    assert all(value.isfinite() for value in (first, *others))
    first.backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()


def test_pairs_nearer_than_the_floor_count_as_that_far_apart():
    x = torch.tensor([[1.0, 0.0], [1.0, 1e-5]])
    assert hyperspherical_energy(x, 1).item() == pytest.approx(1 / FLOOR)


def test_weights_are_those_of_each_unit():
    encoder = nn.Sequential(nn.Conv2d(3, 5, 2), nn.Flatten(), nn.Linear(20, 1))
    decoder = nn.Sequential(nn.ConvTranspose2d(4, 6, 3), nn.BatchNorm2d(6))
    rows = units(encoder, decoder)  # the layer with one unit has no pairs
    assert [tuple(layer.shape) for layer in rows] == [(5, 12), (6, 36)]
    (weight, *_) = decoder.parameters()
    assert torch.equal(rows[1][2], weight[:, 2].flatten())


def test_mhe_on_weights_is_the_mean_over_layers():
    encoder, decoder = pair(dim=4)
    weights = [p for p in (*encoder.parameters(), *decoder.parameters()) if p.ndim == 2]
    expected = [hyperspherical_energy(weight, 2) for weight in weights]
    value = terms("mhe", torch.randn(6, 4), on="weights", s=2)["energy"]
    torch.testing.assert_close(value, torch.stack(expected).mean())


def test_angles_of_projections():
    x = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]], dtype=torch.float64)
    torch.testing.assert_close(angles(x), torch.tensor([math.pi / 2, math.pi / 4, math.pi / 4], dtype=torch.float64))
    assert angle_error(x, torch.eye(3, dtype=torch.float64)[:2]).item() == pytest.approx(0)
    first_alone = torch.tensor([[1.0, 0, 0], [0, 0, 1]], dtype=torch.float64)
    assert angle_error(x[[0, 2]], first_alone).item() == pytest.approx((math.pi / 4) ** 2, rel=1e-2)


def test_learnt_projections_learn_to_preserve_angles_and_do_not_move_the_latents_to_that_end():
    torch.manual_seed(0)
    plane = torch.randn(64, 2) @ torch.randn(2, 6)  # a projection to two dimensions can keep these angles
    z = plane.requires_grad_()
    method = make_method("projected-mhe", {"projection": "learnt", "dimensions": 2, "projections": 2}, 6)
    optimizer = torch.optim.Adam(method.parameters(), lr=0.02)
    errors: list[float] = []
    for _ in range(150):
        found = method.terms(Outputs(z, NOTHING, {}), NOTHING, nn.Identity(), nn.Identity())
        (of_latents,) = torch.autograd.grad(found["angles"].value, z, allow_unused=True, retain_graph=True)
        assert of_latents is None
        assert not torch.autograd.grad(
            found["energy"].value, list(method.parameters()), allow_unused=True, retain_graph=True
        )[0]
        optimizer.zero_grad()
        found["angles"].value.backward()
        optimizer.step()
        errors.append(found["angles"].value.item())
    assert errors[-1] < 0.1 * errors[0]


def test_projections_of_all_dimensions_that_are_rotations_change_nothing():
    z = torch.randn(10, 4, dtype=torch.float64)
    method = make_method("projected-mhe", {"projection": "learnt", "dimensions": 4, "projections": 1}, 4).double()
    (projections,) = method.parameters()
    projections.data[0] = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q

    found = method.terms(Outputs(z, NOTHING, {}), NOTHING, nn.Identity(), nn.Identity())
    torch.testing.assert_close(found["energy"].value, hyperspherical_energy(z))
    assert found["angles"].value.item() == pytest.approx(0, abs=1e-12)


def test_cosines_and_angles_of_known_rows():
    orthogonal = torch.eye(3, dtype=torch.float64)
    assert squared_cosine(orthogonal) == 0
    assert squared_cosine(orthogonal[[0, 0]] * torch.tensor([[1.0], [-2.0]])).item() == pytest.approx(1)
    assert mutual_angle(orthogonal).item() == pytest.approx(-math.pi / 2)
    obtuse = torch.tensor([[1.0, 0], [-1, 1]], dtype=torch.float64)
    assert mutual_angle(obtuse).item() == pytest.approx(-math.pi / 4)
    three = torch.tensor([[1.0, 0], [1, 1], [0, 1]], dtype=torch.float64)  # angles pi/4, pi/2, pi/4
    assert mutual_angle(three).item() == pytest.approx((math.pi / 4) ** 2 * 2 / 9 - math.pi / 3)
    x = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(squared_cosine, x)
    assert torch.autograd.gradcheck(mutual_angle, x)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("mhe", {}),
        ("mhe", {"on": "weights"}),
        ("projected-mhe", {}),
        ("projected-mhe", {"projection": "learnt"}),
        ("cosine-diversity", {}),
        ("mutual-angle", {}),
    ],
)
def test_training_lowers_the_term(name, given):
    torch.manual_seed(0)
    x = torch.randn(256, 5) @ torch.randn(5, 12) + 1
    method = make_method(name, {"weight": 1.0, **given}, 4)
    encoder, decoder, losses = trained(method, pair(), x, steps=400, rate=3e-3)
    # Medians: a random projection that brings two items close together makes the term of one step large.
    assert np.median(losses[-50:]) < np.median(losses[:20])
    assert objective(method, encoder, decoder, x).isfinite()
    assert directions(encoder(x)).isfinite().all()


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("mhe", {"s": "3"}, "s must be one of 0, 1, 2, not 3"),
        ("mhe", {"on": "units"}, "on must be one of latents, weights, not units"),
        ("mhe", {"weight": "-1"}, "weight must be zero or a positive number, not -1.0"),
        ("projected-mhe", {"projections": 0}, "projections must be 1 or more, not 0"),
        ("projected-mhe", {"dimensions": 1}, "dimensions must be 2 or more, not 1"),
    ],
)
def test_settings_that_are_wrong(name, given, message):
    with pytest.raises(UsageError, match=f"^{message}$"):
        make_settings(name, given)


@pytest.mark.parametrize(
    ("name", "given"),
    [("mhe", {}), ("projected-mhe", {}), ("cosine-diversity", {}), ("projected-mhe", {"dimensions": 5})],
)
def test_too_few_dimensions(name, given):
    with pytest.raises(UsageError, match="dim"):
        make_method(name, given, 1)
    make_method(name, given, 5)
