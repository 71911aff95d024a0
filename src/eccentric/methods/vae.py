"""Variational autoencoder (Kingma & Welling 2014) and beta-VAE (Higgins et al. 2017).

The encoder gives a mean m and a log-variance s of each latent, 2 d numbers in all. The decoder gets
z = m + exp(s / 2) e with standard normal e. The negative evidence lower bound of an item of D numbers, with a Gaussian
decoder of standard deviation sigma, is

    D / (2 sigma^2) MSE  +  D / 2 log(2 pi sigma^2)  +  beta KL,     KL = 1/2 sum_k (m_k^2 + exp(s_k) - s_k - 1).

Multiplied by 2 sigma^2 / D, it has the form of all objectives here: the term KL, a mean over items, has the weight
2 beta sigma^2 / D. The decoder "gaussian" has a fixed sigma. The decoder "calibrated" (Rybkin, Daniilidis & Levine
2021, "Simple and effective VAE training with calibrated decoders") has the best sigma of each batch, sigma^2 = MSE, so
that no weight has to be chosen.

Published code differs in the overall factor, to which Adam is nearly invariant: it sums over pixels, or minimises D / 2
log MSE for a calibrated decoder, with a gradient that is ours times D / (2 MSE). On several ranks sigma^2 is the error
of all ranks' items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from eccentric.collectives import sum_over_ranks
from eccentric.methods.base import Method, Outputs, Term, Traits, Tuned
from eccentric.methods.checks import check_choice, check_factor, check_positive
from eccentric.methods.precision import at_least_float32
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = ["VAE", "BetaVAE", "BetaVAESettings", "VAESettings", "gaussian_kl"]


def gaussian_kl(mean: Float[Tensor, "n d"], log_variance: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Kullback-Leibler divergence of diagonal Gaussians from the standard normal distribution, in nats."""
    return 0.5 * (mean.square() + torch.expm1(log_variance) - log_variance).sum(1)


@dataclass(frozen=True)
class VAESettings:
    """Settings of the variational autoencoder."""

    beta: float = setting(1.0, "Factor of the KL divergence in the evidence lower bound.")
    decoder: Literal["calibrated", "gaussian"] = setting(
        "calibrated", "calibrated: the decoder's variance is the mean squared error of the batch; gaussian: sigma^2."
    )
    sigma: float = setting(0.1, "Standard deviation of the gaussian decoder, in standardised units.")

    def __post_init__(self) -> None:
        check_factor("beta", self.beta)
        check_choice("decoder", self.decoder, ("calibrated", "gaussian"))
        check_positive("sigma", self.sigma)


class VAE(Method):
    """Encodes each item as a Gaussian and keeps these Gaussians near the standard normal distribution."""

    name: ClassVar[str] = "vae"
    title: ClassVar[str] = "variational autoencoder"
    Settings: ClassVar[type[Any]] = VAESettings
    term_titles: ClassVar[dict[str, str]] = {"kl": "KL divergence"}
    # The weight of the divergence needs one number of values for all items.
    traits: ClassVar[Traits] = Traits(kinds=("image", "table"))
    tuned: ClassVar[Tuned] = Tuned("beta")

    @property
    def encoder_width(self) -> int:
        return 2 * self.dim

    def forward(self, encoder: nn.Module, decoder: nn.Module, x: Float[Tensor, "b ..."]) -> Outputs:
        mean, log_variance = at_least_float32(encoder(x)).chunk(2, 1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return Outputs(mean, decoder(z), {"log_variance": log_variance})

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        weight = 2 * self.settings.beta * self._variance(outputs, x) / x[0].numel()
        return {"kl": Term(self.divergence(outputs).mean(), weight)}

    def divergence(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """KL divergence of each item's posterior from the prior."""
        return gaussian_kl(outputs.z, outputs.extra["log_variance"])

    def _variance(self, outputs: Outputs, x: Tensor) -> float | Tensor:
        """sigma^2 of the decoder."""
        if self.settings.decoder == "gaussian":
            return float(self.settings.sigma**2)
        squares = (outputs.reconstruction.detach() - x).square().mean()
        if not self.sync:
            return squares
        total, count = sum_over_ranks(torch.stack([squares * len(x), torch.full_like(squares, len(x))]))
        return total / count

    def encode(self, h: Float[Tensor, "n w"]) -> Float[Tensor, "n d"]:
        return h[:, : self.dim]

    @classmethod
    def objective(cls, settings: VAESettings) -> str:
        sigma = "MSE" if settings.decoder == "calibrated" else f"{settings.sigma:g}²"
        return f"mean squared error + 2 × {settings.beta:g} × sigma² / D × KL divergence (sigma² = {sigma})"


@dataclass(frozen=True)
class BetaVAESettings(VAESettings):
    """Settings of the beta-VAE."""

    beta: float = setting(4.0, "Factor of the KL divergence in the evidence lower bound; above 1 for a beta-VAE.")


class BetaVAE(VAE):
    """A variational autoencoder with a larger weight of the KL divergence, to separate factors of variation."""

    name: ClassVar[str] = "beta-vae"
    title: ClassVar[str] = "beta-VAE"
    Settings: ClassVar[type[Any]] = BetaVAESettings
