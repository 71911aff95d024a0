"""Wasserstein autoencoders (Tolstikhin et al. 2018): the latents' distribution is matched to the standard normal.

WAE-MMD. With the kernel k(a, b) = sum_C C / (C + |a - b|^2), C = 2 d {.1, .2, .5, 1, 2, 5, 10}, latents z_1..z_n of the
union batch and as many standard normal p_i, the term is the unbiased estimate of the squared maximum mean discrepancy

    1 / (n (n - 1)) sum_{i != j} (k(z_i, z_j) + k(p_i, p_j))  -  2 / n^2 sum_{i, j} k(z_i, p_j),

which may be negative.

WAE-GAN. A discriminator T gives the logit of "this is from the standard normal". The encoder minimises
-log sigmoid(T(z)), the form that does not saturate, and the discriminator -log sigmoid(T(p)) - log sigmoid(-T(z)).

What differs from published code: both networks of the GAN take their steps at the same time, by one optimizer with one
learning rate, in place of two optimizers in turn. The discriminator's loss sees detached latents and the encoder's
term sees detached parameters of the discriminator, so that each network has the gradient of its own loss. The
reconstruction error is a mean over the numbers of an item, so that published weights do not carry over.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn
from torch.nn.functional import softplus

from eccentric.methods.base import Method, Outputs, Term, Traits
from eccentric.methods.checks import check_count, check_factor
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["WAEGAN", "WAEMMD", "WAEGANSettings", "WAEMMDSettings", "unbiased_mmd"]

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def unbiased_mmd(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, ""]:
    """Unbiased estimate of the squared maximum mean discrepancy, with the inverse multiquadric kernels above."""
    n, m = len(a), len(b)
    within_a = _kernel(a, a).fill_diagonal_(0).sum() / max(n * (n - 1), 1)
    within_b = _kernel(b, b).fill_diagonal_(0).sum() / max(m * (m - 1), 1)
    return within_a + within_b - 2 * _kernel(a, b).mean()


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    squared = (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp(min=0)
    total = torch.zeros_like(squared)
    for scale in SCALES:
        constant = 2 * a.shape[1] * scale
        total = total + constant / (constant + squared)
    return total


@dataclass(frozen=True)
class WAEMMDSettings:
    """Settings of WAE-MMD."""

    weight: float = setting(0.01, "Factor of the squared maximum mean discrepancy.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)


class WAEMMD(Method):
    """Matches the distribution of the latents to the standard normal by the maximum mean discrepancy."""

    name: ClassVar[str] = "wae-mmd"
    title: ClassVar[str] = "Wasserstein autoencoder (MMD)"
    Settings: ClassVar[type[Any]] = WAEMMDSettings
    term_titles: ClassVar[dict[str, str]] = {"mmd": "squared maximum mean discrepancy"}
    traits: ClassVar[Traits] = Traits(samplings=("standard", "matched", "mixture"))
    published: ClassVar[str] = "FID 56.5 (CelebA, pythae; its paper 55)"

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        z = self.union(outputs.z)
        prior = self.shared(torch.randn_like(z))
        return {"mmd": Term(unbiased_mmd(z, prior), self.settings.weight, over="union")}

    @classmethod
    def about_spectrum(cls, settings: WAEMMDSettings) -> str:
        return f"WAE-MMD aims at a standard normal distribution, all variances 1; its weight was {settings.weight:g}."


@dataclass(frozen=True)
class WAEGANSettings:
    """Settings of WAE-GAN."""

    weight: float = setting(0.001, "Factor of the encoder's adversarial term.")
    hidden: int = setting(256, "Number of units in each of the three hidden layers of the discriminator.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)
        check_count("hidden", self.hidden)


class WAEGAN(Method):
    """Matches the distribution of the latents to the standard normal by a discriminator that is trained at the same
    time.
    """

    name: ClassVar[str] = "wae-gan"
    title: ClassVar[str] = "Wasserstein autoencoder (GAN)"
    Settings: ClassVar[type[Any]] = WAEGANSettings
    term_titles: ClassVar[dict[str, str]] = {
        "adversarial": "encoder's adversarial loss",
        "discriminator": "discriminator's loss",
    }
    traits: ClassVar[Traits] = Traits(samplings=("standard", "matched", "mixture"))
    published: ClassVar[str] = "FID 43.3 (CelebA, pythae; its paper 42)"

    def __init__(self, settings: WAEGANSettings, dim: int) -> None:
        super().__init__(settings, dim)
        widths = [dim, *3 * [settings.hidden]]
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.discriminator = nn.Sequential(*layers, nn.Linear(settings.hidden, 1))

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        z = outputs.z
        frozen = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        adversarial = softplus(-torch.func.functional_call(self.discriminator, frozen, (z,))).mean()
        of_prior, of_latents = self.discriminator(torch.randn_like(z)), self.discriminator(z.detach())
        own = softplus(-of_prior).mean() + softplus(of_latents).mean()
        return {"adversarial": Term(adversarial, self.settings.weight), "discriminator": Term(own, 1.0)}

    @classmethod
    def objective(cls, settings: WAEGANSettings) -> str:
        return (
            f"mean squared error + {settings.weight:g} × encoder's adversarial loss; "
            "the discriminator minimises its own loss"
        )

    @classmethod
    def about_spectrum(cls, settings: WAEGANSettings) -> str:
        return f"WAE-GAN aims at a standard normal distribution, all variances 1; its weight was {settings.weight:g}."
