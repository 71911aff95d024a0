"""Evenness of the spectrum (Xie, Singh & Xing 2017, "Uncorrelation and Evenness"), on the latents' covariance.

With G the covariance of the latents, (d, d), the term is

    tr(G log G) / tr G  -  log tr G  +  log d,

the relative entropy of the normalised eigenvalues to the uniform distribution: zero for equal eigenvalues, log d if
one dimension holds all variance. It depends neither on the scale nor on a rotation of the latents.

What differs from the paper: G is the covariance of latents and not of a layer's weights, and eigenvalues below
rounding error count as that error, so that an empty dimension has a finite gradient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from eccentric.methods.base import Method, Outputs, Term, Traits
from eccentric.methods.checks import check_factor
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = ["Evenness", "EvennessSettings", "unevenness"]


def unevenness(z: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Relative entropy of the normalised eigenvalues of the rows' covariance to the uniform distribution."""
    centred = z - z.mean(0)
    eigenvalues = torch.linalg.eigvalsh(centred.T @ centred)
    p = eigenvalues / eigenvalues.sum().clamp(min=1e-12)  # of latents that are all equal
    return (p * p.clamp(min=torch.finfo(z.dtype).eps).log()).sum() + math.log(z.shape[1])


@dataclass(frozen=True)
class EvennessSettings:
    """Settings of evenness."""

    weight: float = setting(0.003, "Factor of the relative entropy of the spectrum to the uniform one.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)


class Evenness(Method):
    """Makes the eigenvalues of the latents' covariance equal, whatever their scale."""

    name: ClassVar[str] = "evenness"
    title: ClassVar[str] = "evenness"
    Settings: ClassVar[type[Any]] = EvennessSettings
    term_titles: ClassVar[dict[str, str]] = {"evenness": "unevenness of the spectrum"}
    traits: ClassVar[Traits] = Traits(capturable=False)  # the eigensolver waits for the device

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        return {"evenness": Term(unevenness(self.union(outputs.z)), self.settings.weight, over="union")}

    @classmethod
    def about_spectrum(cls, settings: EvennessSettings) -> str:
        return f"Evenness aims at equal eigenvalues; its weight was {settings.weight:g}."
