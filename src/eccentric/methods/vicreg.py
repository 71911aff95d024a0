"""The variance and covariance terms of VICReg (Bardes, Ponce & LeCun 2022), on the latents.

With the covariance C of the latents, normalised by b - 1:

    variance:    mean_k max(0, 1 - sqrt(C_kk + 0.0001))
    covariance:  sum_{k != l} C_kl^2 / d

The published weights are 25 and 1; the term here is 25 * variance + covariance, with one common weight. VICReg's
third term, the distance of two views, has no counterpart here: the reconstruction takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from eccentric.methods.base import Method, Outputs, Term
from eccentric.methods.checks import check_factor
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = ["VARIANCE", "VICReg", "VICRegSettings", "covariance_term", "variance_term", "vicreg"]

VARIANCE = 25  # published weight of the variance term relative to the covariance term


def variance_term(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """Mean shortfall of the standard deviations below 1."""
    return torch.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()


def covariance_term(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """Sum of the squared covariances between different dimensions, divided by d."""
    centred = z - z.mean(0)
    covariance = centred.T @ centred / (len(z) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]


def vicreg(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """Sum of both terms with their published weights."""
    return VARIANCE * variance_term(z) + covariance_term(z)


@dataclass(frozen=True)
class VICRegSettings:
    """Settings of VICReg's terms."""

    weight: float = setting(0.001, "Common factor of 25 × variance term and covariance term.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)


class VICReg(Method):
    """Keeps the standard deviation of each latent dimension above 1 and removes their covariances."""

    name: ClassVar[str] = "vicreg"
    title: ClassVar[str] = "VICReg"
    Settings: ClassVar[type[Any]] = VICRegSettings
    term_titles: ClassVar[dict[str, str]] = {"variance": "VICReg variance term", "covariance": "VICReg covariance term"}

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        z, weight = self.union(outputs.z), self.settings.weight
        return {
            "variance": Term(variance_term(z), VARIANCE * weight, over="union"),
            "covariance": Term(covariance_term(z), weight, over="union"),
        }

    @classmethod
    def objective(cls, settings: VICRegSettings) -> str:
        return f"mean squared error + {settings.weight:g} × ({VARIANCE} × variance term + covariance term)"

    @classmethod
    def about_spectrum(cls, settings: VICRegSettings) -> str:
        return f"VICReg aims at variances of at least 1 and no covariances; its weight was {settings.weight:g}."
