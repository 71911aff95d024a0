from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from torch import Tensor, nn

from eccentric import DeepComponents, EccentricLoss

SPREAD = torch.tensor([2.0, 1.5, 1.0, 0.5], dtype=torch.float64)


def rotation(dim: int, seed: int) -> Tensor:
    """A random orthogonal matrix, with a reflection for about half of the seeds."""
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=torch.float64)).Q


def scores(n: int = 400, dim: int = 4, seed: int = 0) -> Tensor:
    """The scores of a linear PCA: uncorrelated, with descending variances."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 9, generator=generator, dtype=torch.float64) @ rotation(9, seed) * torch.linspace(3, 1, 9)
    return torch.from_numpy(PCA(dim).fit_transform(x.numpy()))


def curved(s: Tensor, seed: int = 0) -> Tensor:
    """Latents that agree with standardised scores in part."""
    generator = torch.Generator().manual_seed(seed)
    s = s / s.std(0)
    return s + 0.3 * s.roll(1, 1) ** 2 + 0.2 * torch.randn(s.shape, generator=generator).double() + 1


def anchored(z: Tensor, anchors: Tensor) -> DeepComponents:
    return DeepComponents("anchored").fit(z, anchors)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_rotated_scores_come_out_as_the_scores_in_their_order(seed):
    s = scores(seed=seed)
    s = s / s.std(0) * SPREAD
    components = anchored(s @ rotation(4, seed) + 5, s)
    torch.testing.assert_close(components.encode(s @ rotation(4, seed) + 5), s, atol=1e-9, rtol=0)
    torch.testing.assert_close(components.eigenvalues, SPREAD.square())
    torch.testing.assert_close(components.basis, rotation(4, seed), atol=1e-9, rtol=0)


def test_components_are_ordered_by_the_variance_of_the_latents():
    s = scores()
    s = s / s.std(0)
    z = s * SPREAD.flip(0)
    components = anchored(z, s)
    torch.testing.assert_close(components.encode(z), z.flip(1), atol=1e-9, rtol=0)
    assert (components.eigenvalues.diff() < 0).all()


@given(st.integers(0, 1000), st.floats(0.1, 10))
@settings(max_examples=20, deadline=None)
def test_a_rotation_of_the_latents_and_the_scale_of_the_anchors_change_nothing(seed, factor):
    s = scores(seed=seed)
    z = curved(s, seed)
    turned = (z - 1) @ rotation(4, seed)
    first, second = anchored(z, s), anchored(turned, factor * s + 3)
    torch.testing.assert_close(second.encode(turned), first.encode(z), atol=1e-8, rtol=0)
    torch.testing.assert_close(second.eigenvalues, first.eigenvalues)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_no_other_rotation_is_nearer_to_the_standardised_scores(seed):
    s = scores()
    z, unit = curved(s), (s - s.mean(0)) / s.std(0)
    best = anchored(z, s)
    # The axis of each score: order them by their anchors again.
    order = [int((best.encode(z).T @ unit)[:, j].argmax()) for j in range(4)]
    distance = (best.encode(z)[:, order] - unit).square().sum()
    other = (z - z.mean(0)) @ rotation(4, seed)
    assert (other - unit).square().sum() >= distance
    assert ((best.encode(z)[:, order] * unit).mean(0) > 0).all()  # each correlates positively with its own


def test_the_axes_are_a_rotation_of_latents_that_may_be_correlated():
    s = scores()
    z = curved(s)
    components = anchored(z, s)
    torch.testing.assert_close(components.basis @ components.basis.T, torch.eye(4).double(), atol=1e-12, rtol=0)
    torch.testing.assert_close(components.decode(components.encode(z)), z, atol=1e-9, rtol=0)
    covariance = components.encode(z).T.cov()
    torch.testing.assert_close(covariance.diagonal(), components.eigenvalues)
    assert (covariance - covariance.diagonal().diag()).abs().max() > 0.01
    torch.testing.assert_close(components.eigenvalues.sum(), z.var(0).sum())


def test_the_rotation_changes_neither_reconstruction_nor_loss():
    torch.manual_seed(0)
    s = scores()
    z, decoder, loss = curved(s).float(), nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 9)), EccentricLoss()
    components = anchored(z, s)
    p = components.encode(z)
    torch.testing.assert_close(decoder(components.decode(p)), decoder(z))
    centred = z - z.mean(0)  # the loss is about the origin, around which the rotation turns
    torch.testing.assert_close(loss(centred @ components.basis.T.float()), loss(centred))


def test_matched_samples_keep_the_covariance_between_components():
    s = scores()
    z = curved(s)
    drawn = anchored(z, s).sample(100_000, "matched", seed=1).double()
    torch.testing.assert_close(drawn.T.cov(), z.T.cov(), atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.mean(0), z.mean(0), atol=0.03, rtol=0)


def test_batch_by_batch_and_saved_between(tmp_path):
    s = scores()
    z = curved(s)
    whole = anchored(z, s)
    part = DeepComponents("anchored").update(z[:150], s[:150])
    part.save(tmp_path / "components.safetensors")
    loaded = DeepComponents.load(tmp_path / "components.safetensors")
    assert loaded.axes == "anchored"
    assert torch.equal(loaded.encode(z), part.encode(z))
    loaded.update(z[150:], s[150:])
    for a, b in ((loaded.mean, whole.mean), (loaded.covariance, whole.covariance), (loaded.basis, whole.basis)):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=0)


def test_fewer_anchors_than_latents_leave_principal_axes_for_the_rest():
    s = scores(dim=2)
    s = s / s.std(0)
    generator = torch.Generator().manual_seed(1)
    rest = torch.randn(len(s), 2, generator=generator).double()
    rest = torch.from_numpy(PCA().fit_transform((rest - s @ torch.linalg.lstsq(s, rest).solution).numpy())) / 5
    z = torch.cat([s * 2, rest], 1)
    turned = z @ rotation(4, 0)
    p = anchored(turned, s).encode(turned)
    torch.testing.assert_close(p.abs(), z.abs(), atol=1e-9, rtol=0)
    torch.testing.assert_close(p[:, :2], z[:, :2], atol=1e-9, rtol=0)
    constant = torch.cat([s, torch.full((len(s), 2), 7.0).double()], 1)
    torch.testing.assert_close(anchored(turned, constant).encode(turned), p, atol=1e-9, rtol=0)


@pytest.mark.parametrize("anchors", [torch.ones(10, 3), torch.randn(10, 3, generator=torch.Generator().manual_seed(0))])
def test_constant_latents_and_constant_anchors_have_axes(anchors):
    for z in (torch.ones(10, 3), torch.randn(10, 3, generator=torch.Generator().manual_seed(1))):
        components = anchored(z, anchors)
        torch.testing.assert_close(components.basis @ components.basis.T, torch.eye(3).double(), atol=1e-12, rtol=0)
        assert math.isclose(components.eigenvalues.sum(), z.double().var(0).sum(), abs_tol=1e-9)


def test_numpy_anchors_are_taken():
    s = scores()
    z = curved(s)
    taken = DeepComponents("anchored").fit(z.numpy(), s.numpy())  # type: ignore[arg-type]
    torch.testing.assert_close(taken.basis, anchored(z, s).basis)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z, s: DeepComponents("anchored").fit(z), "axes='anchored' need anchors"),
        (lambda z, s: DeepComponents().fit(z, s), "other axes take none"),
        (lambda z, s: anchored(z, s[:5]), r"anchors must have shape \(400, m\) with m from 1 to 4, not \(5, 4\)"),
        (lambda z, s: anchored(z[:, :2], s), r"with m from 1 to 2, not \(400, 4\)"),
        (lambda z, s: anchored(z, s).update(z, s[:, :2]), "anchors have 2 columns, earlier batches had 4"),
        (lambda z, s: anchored(z, s * torch.nan), "anchors hold NaN or infinity, first in row 0"),
        (lambda z, s: anchored(z, s.to(torch.complex128)), "complex numbers"),
    ],
)
def test_what_is_wrong_with_anchors_is_named(call, message):
    s = scores()
    with pytest.raises(ValueError, match=message):
        call(curved(s), s)
