"""Every way of sampling latents has one entrance."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import Tensor

from eccentric.components import DeepComponents
from eccentric.errors import UsageError
from eccentric.evaluation.random_latents import describe_sampling, random_latents
from eccentric.methods import NoSettings, Plain, Traits, make_method


class Shuffled(Plain):
    """Draws latents of training items."""

    name: ClassVar[str] = "shuffled"
    own_samplings: ClassVar[dict[str, str]] = {"shuffled": "Training latents in random order."}
    traits: ClassVar[Traits] = Traits(samplings=("shuffled", "matched"))

    def sample(self, sampling: str, n: int, z: Tensor, generator: torch.Generator) -> Tensor:
        return z[torch.randint(len(z), (n,), generator=generator)]


def latents() -> Tensor:
    return torch.randn(400, 3, generator=torch.Generator().manual_seed(0)) * 3 + 1


@pytest.mark.parametrize("sampling", ["standard", "matched", "mixture"])
def test_shared_ways(sampling: str) -> None:
    components = DeepComponents().fit(latents())
    method = make_method("plain", {}, 3)
    z = random_latents(method, components, latents, 4000, sampling, seed=1)
    assert z.shape == (4000, 3)
    assert z.dtype == torch.float32
    assert torch.equal(z, random_latents(method, components, latents, 4000, sampling, seed=1))
    mean, scale = (0, 1) if sampling == "standard" else (1, 3)
    torch.testing.assert_close(z.mean(0), torch.full((3,), float(mean)), atol=0.3, rtol=0)
    torch.testing.assert_close(z.std(0), torch.full((3,), float(scale)), atol=0.3, rtol=0)
    assert len(random_latents(method, components, latents, 2, sampling)) == 2


def test_ways_of_a_method_of_ones_own() -> None:
    method = Shuffled(NoSettings(), 3)
    z = random_latents(method, DeepComponents().fit(latents()), latents, 10, "shuffled", seed=0)
    assert all((latents() == row).all(1).any() for row in z)
    assert describe_sampling(method, "shuffled") == "Training latents in random order."
    assert "covariance" in describe_sampling(Shuffled, "matched")


def test_a_way_that_does_not_suit_is_named() -> None:
    with pytest.raises(UsageError, match=r"'shuffled' has no sampling 'match' \(did you mean 'matched'\?\)"):
        random_latents(Shuffled(NoSettings(), 3), DeepComponents(), latents, 10, "match")
