from __future__ import annotations

import numpy as np
import pytest
import torch

from eccentric.components import DeepComponents
from eccentric.errors import UsageError
from eccentric.evaluation.mixtures import Mixture


@pytest.fixture
def two_clusters() -> torch.Tensor:
    z = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0))
    z[:1000, 0] += 10
    return z


def test_one_gaussian_is_matched_sampling(two_clusters):
    components = DeepComponents().fit(two_clusters)
    sampled = DeepComponents().fit(Mixture().fit(two_clusters, k=1).sample(100_000))
    torch.testing.assert_close(sampled.mean, components.mean, atol=0.05, rtol=0)
    torch.testing.assert_close(sampled.covariance, components.covariance, atol=0.1, rtol=0.05)


def test_samples_lie_in_the_clusters_in_their_proportion(two_clusters):
    z = Mixture().fit(two_clusters, k=2).sample(10_000)
    assert z.dtype == torch.float32
    assert (z[:, 0] > 5).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert ((z[:, 0] > 4) & (z[:, 0] < 6)).float().mean() < 0.001


def test_samples_come_in_random_order(two_clusters):
    z = Mixture().fit(two_clusters, k=2).sample(10_000)
    assert (z[:1000, 0] > 5).float().mean().item() == pytest.approx(0.25, abs=0.05)


def test_the_number_is_chosen_by_bic(two_clusters):
    assert Mixture().fit(two_clusters).k == 2
    assert Mixture().fit(two_clusters[1000:]).k == 1
    assert Mixture().fit(two_clusters, k=4).k == 4


def test_no_more_gaussians_than_there_are_latents_for():
    """Of forty clusters, seen in two dimensions: 400 latents are enough for 20 Gaussians, 160 for 8."""
    draw = torch.Generator().manual_seed(0)
    z = 100 * torch.randn(40, 1, 2, generator=draw) + torch.randn(40, 10, 2, generator=draw)
    assert Mixture().fit(z.flatten(0, 1)).k == 20
    assert Mixture().fit(z[:, :4].flatten(0, 1)).k <= 5


def test_seeds(two_clusters):
    mixture = Mixture().fit(two_clusters, k=2, seed=3)
    first = mixture.sample(50, seed=1)
    assert torch.equal(mixture.sample(50, seed=1), first)
    assert torch.equal(Mixture().fit(two_clusters, k=2, seed=3).sample(50, seed=1), first)
    assert not torch.equal(mixture.sample(50, seed=2), first)


def test_the_global_generators_are_left_alone(two_clusters):
    np.random.seed(0)  # noqa: NPY002 - the one that scikit-learn would use
    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    Mixture().fit(two_clusters, k=2).sample(10)
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]  # noqa: NPY002


def test_mistakes():
    with pytest.raises(UsageError, match="10 Gaussians cannot be fitted to 4 latents"):
        Mixture().fit(torch.zeros(4, 2), k=10)
    with pytest.raises(UsageError, match="1 Gaussians cannot be fitted to 1 latents"):
        Mixture().fit(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="call fit first"):
        Mixture().sample(3)
