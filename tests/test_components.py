from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from eccentric import DeepComponents
from eccentric.errors import EccentricError


def latents(n: int = 500, dim: int = 5, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    spread = torch.linspace(2, 0.5, dim)
    mixing = torch.linalg.qr(torch.randn(dim, dim, generator=generator)).Q
    return torch.randn(n, dim, generator=generator) * spread @ mixing + 3


def test_agrees_with_pca():
    z = latents()
    components, pca = DeepComponents().fit(z), PCA().fit(z.double().numpy())
    np.testing.assert_allclose(components.eigenvalues, pca.explained_variance_, rtol=1e-10)
    np.testing.assert_allclose(components.mean, pca.mean_)
    np.testing.assert_allclose(np.abs(components.basis.numpy() @ pca.components_.T), np.eye(5), atol=1e-9)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_batch_by_batch_is_exact(sizes, seed):
    z = latents(sum(sizes) + 2, 3, seed) + 1e4  # far away, where naive sums of squares lose their digits
    streamed = DeepComponents()
    for batch in z.split([*sizes, 2]):
        streamed.update(batch)
    whole = DeepComponents().fit(z)
    assert streamed.count == whole.count
    torch.testing.assert_close(streamed.mean, whole.mean, rtol=1e-14, atol=0)
    torch.testing.assert_close(streamed.covariance, whole.covariance, rtol=1e-9, atol=1e-9)


def test_components_are_uncorrelated_and_ordered():
    z = latents()
    components = DeepComponents().fit(z)
    covariance = components.encode(z.double()).T.cov()
    torch.testing.assert_close(covariance, components.eigenvalues.diag(), atol=1e-10, rtol=0)
    assert (components.eigenvalues.diff() <= 0).all()


def test_decode_undoes_encode():
    z = latents()
    components = DeepComponents().fit(z)
    torch.testing.assert_close(components.decode(components.encode(z)), z, rtol=0, atol=1e-5)
    assert components.encode(z).dtype == z.dtype


def test_decode_of_fewer_components_is_the_best_approximation():
    z = latents()
    components = DeepComponents().fit(z)
    error = (components.decode(components.encode(z)[:, :3]) - z).square().sum(1).mean() * 500 / 499
    assert error.item() == pytest.approx(components.eigenvalues[3:].sum().item(), rel=1e-4)


def test_numpy_and_whole_numbers():
    z = latents(50, 3)
    components = DeepComponents().fit(z.numpy())  # type: ignore[arg-type]
    torch.testing.assert_close(components.mean, z.double().mean(0))
    whole = torch.tensor([[1, 2, 3]])
    torch.testing.assert_close(components.encode(whole), components.encode(whole.float()))


def test_sign_convention():
    z = latents()
    basis = DeepComponents().fit(z).basis
    assert (basis.gather(1, basis.abs().argmax(1, keepdim=True)) > 0).all()
    torch.testing.assert_close(DeepComponents().fit(z.flip(0)).basis, basis)


def test_eigenpairs_lie_on_the_axes():
    components = DeepComponents().fit(latents())
    pairs = components.eigenpairs(3, scale=2.0)
    assert pairs.shape == (3, 2, 5)
    p = components.encode(pairs.reshape(6, 5)).reshape(3, 2, 5)
    expected = torch.zeros(3, 2, 5)
    for k, value in enumerate(components.eigenvalues[:3]):
        expected[k, :, k] = torch.tensor([-2.0, 2.0]) * value.sqrt()
    torch.testing.assert_close(p, expected, atol=1e-5, rtol=0)


def test_grid_makes_all_combinations():
    components = DeepComponents().fit(latents())
    grid = components.grid(horizontal=[0, 3], vertical=[1], scale=1.0)
    assert grid.shape == (2, 4, 5)
    signs = components.encode(grid.reshape(8, 5)).reshape(2, 4, 5) / components.eigenvalues.sqrt().float()
    torch.testing.assert_close(signs[0, :, 0], torch.tensor([-1.0, -1, 1, 1]), atol=1e-5, rtol=0)
    torch.testing.assert_close(signs[0, :, 3], torch.tensor([-1.0, 1, -1, 1]), atol=1e-5, rtol=0)
    torch.testing.assert_close(signs[:, 0, 1], torch.tensor([1.0, -1]), atol=1e-5, rtol=0)
    torch.testing.assert_close(signs[..., [2, 4]], torch.zeros(2, 4, 2), atol=1e-5, rtol=0)


def test_matched_samples_have_the_latents_moments():
    z = latents()
    components = DeepComponents().fit(z)
    drawn = DeepComponents().fit(components.sample(200_000, "matched", seed=1))
    torch.testing.assert_close(drawn.mean, components.mean, atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.covariance, components.covariance, atol=0.05, rtol=0)


def test_standard_samples_are_standard():
    drawn = DeepComponents().fit(DeepComponents().fit(latents()).sample(200_000, "standard", seed=1))
    torch.testing.assert_close(drawn.covariance, torch.eye(5, dtype=torch.float64), atol=0.02, rtol=0)
    assert drawn.mean.abs().max() < 0.02


def test_samples_follow_the_seed():
    components = DeepComponents().fit(latents())
    assert torch.equal(components.sample(5, seed=3), components.sample(5, seed=3))
    assert not torch.equal(components.sample(5, seed=3), components.sample(5, seed=4))
    assert not torch.equal(components.sample(5), components.sample(5))


def test_one_dimension():
    components = DeepComponents().fit(latents(100, 1))
    assert components.grid([0], []).shape == (1, 2, 1)
    assert components.eigenpairs().shape == (1, 2, 1)


def test_degenerate_latents():
    components = DeepComponents().fit(torch.ones(10, 3))
    assert components.eigenvalues.tolist() == [0, 0, 0]
    assert torch.equal(components.sample(4, seed=0), torch.ones(4, 3))


def test_saved_and_loaded(tmp_path):
    z = latents()
    components = DeepComponents().fit(z)
    components.save(tmp_path / "components.safetensors")
    loaded = DeepComponents.load(tmp_path / "components.safetensors")
    assert torch.equal(loaded.encode(z), components.encode(z))
    more = latents(seed=1)
    torch.testing.assert_close(loaded.update(more).covariance, components.update(more).covariance)


def test_loading_a_damaged_file(tmp_path):
    path = tmp_path / "components.safetensors"
    DeepComponents().fit(latents()).save(path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(EccentricError, match=r"cannot read .*components.safetensors as safetensors"):
        DeepComponents.load(path)
    with pytest.raises(EccentricError, match="there is no file"):
        DeepComponents.load(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.update(torch.zeros(3)), r"shape \(n, d\)"),
        (lambda c: c.update(torch.zeros(3, 4)), "have 4 dimensions, earlier batches had 5"),
        (lambda c: c.update(torch.full((3, 5), torch.nan)), "NaN or infinity, first in row 0"),
        (lambda c: c.grid([5], [0]), "no component 5: there are 5, numbered from 0"),
        (lambda c: c.eigenpairs(6), "k must be between 1 and the 5 components, not 6"),
        (lambda c: c.sample(3, "normal"), "unknown sampling method 'normal'"),
        (lambda c: DeepComponents().eigenvalues, "needs 2 or more latent vectors, 0 seen"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(DeepComponents().fit(latents()))


def test_own_axes_are_the_coordinates_in_their_order(tmp_path):
    torch.manual_seed(0)
    z = torch.randn(400, 3, dtype=torch.float64) * torch.tensor([1.0, 3.0, 2.0]) + 5
    z[:, 2] += z[:, 1]
    own = DeepComponents("own").fit(z)
    torch.testing.assert_close(own.eigenvalues, z.var(0))
    torch.testing.assert_close(own.encode(z), z - z.mean(0))
    torch.testing.assert_close(own.decode(own.encode(z)[:, :2])[:, 2], z[:, 2].mean().expand(400))
    torch.testing.assert_close(own.eigenpairs(1, 1.0)[0, 1], (z.mean(0) + torch.tensor([z[:, 0].std(), 0, 0])).float())
    drawn = own.sample(20_000, seed=1).double()
    torch.testing.assert_close(drawn.T.cov(), z.T.cov(), rtol=0.05, atol=0.3)
    own.save(tmp_path / "c.safetensors")
    again = DeepComponents.load(tmp_path / "c.safetensors")
    assert again.axes == "own"
    torch.testing.assert_close(again.update(z).eigenvalues, torch.cat([z, z]).var(0))
    with pytest.raises(ValueError, match="unknown axes 'mine'; choose one of principal, own, anchored"):
        DeepComponents("mine")  # type: ignore[arg-type]


def test_what_cannot_be_encoded_is_named():
    components = DeepComponents().fit(torch.randn(9, 3))
    for z in (torch.randn(4, 2), torch.randn(3), torch.randn(2, 3, 3)):
        with pytest.raises(ValueError, match=r"latents must have shape \(n, 3\), not"):
            components.encode(z)
    for p in (torch.randn(4, 5), torch.randn(3), torch.randn(4, 0)):
        with pytest.raises(ValueError, match=r"components must have shape \(n, k\) with k from 1 to 3, not"):
            components.decode(p)
    with pytest.raises(ValueError, match="n must not be negative, but is -1"):
        components.sample(-1)
    with pytest.raises(TypeError, match=r"n must be a whole number, but is 1\.5"):
        components.sample(1.5)  # type: ignore[arg-type]
    for use in (components.encode, DeepComponents().fit):
        with pytest.raises(ValueError, match="complex numbers are not supported"):
            use(torch.randn(4, 3, dtype=torch.complex64))
    with pytest.raises(ValueError, match=r"numbers beyond 1e\+100, whose squares overflow"):
        DeepComponents().fit(torch.randn(9, 3, dtype=torch.float64) * 1e200)
