"""Diversity of directions: small cosines between latents, or large and equal angles between a layer's units.

Cosine diversity (Yu, Li & Zhou 2011; Bao et al. 2013): the mean over pairs i != j of cos(z_i, z_j)^2.

Mutual angle (Xie, Deng & Xing 2015): with theta_ij = arccos|cos(w_i, w_j)| for the weights w of the units of a layer,
the term is the variance of theta over pairs less its mean, in radians, averaged over the layers of both networks. What
differs from the paper: it maximises a lower bound of the angles on an alternating schedule; here the term itself has a
gradient, except for pairs that are parallel to within 0.0014 radians.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from eccentric.errors import UsageError
from eccentric.methods.base import Method, Outputs, Term
from eccentric.methods.checks import check_factor
from eccentric.methods.sphere import acute_angles, cosines
from eccentric.methods.weights import units
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = [
    "CosineDiversity",
    "CosineDiversitySettings",
    "MutualAngle",
    "MutualAngleSettings",
    "mutual_angle",
    "squared_cosine",
]


def squared_cosine(x: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Mean squared cosine over pairs of rows."""
    return cosines(x).square().mean()


def mutual_angle(x: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Variance less mean of the acute angles between pairs of rows, in radians; smallest for orthogonal rows."""
    theta = acute_angles(x)
    return theta.var(correction=0) - theta.mean()


@dataclass(frozen=True)
class CosineDiversitySettings:
    """Settings of cosine diversity."""

    weight: float = setting(0.01, "Factor of the mean squared cosine.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)


class CosineDiversity(Method):
    """Makes the latents of different items orthogonal, by the mean squared cosine over pairs."""

    name: ClassVar[str] = "cosine-diversity"
    title: ClassVar[str] = "cosine diversity"
    Settings: ClassVar[type[Any]] = CosineDiversitySettings
    term_titles: ClassVar[dict[str, str]] = {"cosine": "mean squared cosine"}

    @classmethod
    def check(cls, settings: CosineDiversitySettings, dim: int) -> None:
        if dim == 1:
            raise UsageError(
                "cosine-diversity needs two dimensions or more, since the cosine of two numbers is 1 or "
                "-1; use a larger dim"
            )

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        return {"cosine": Term(squared_cosine(self.union(outputs.z)), self.settings.weight, over="union")}


@dataclass(frozen=True)
class MutualAngleSettings:
    """Settings of the mutual angle regularizer."""

    weight: float = setting(0.01, "Factor of the variance less the mean of the angles.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)


class MutualAngle(Method):
    """Makes the angles between the weights of a layer's units large and equal."""

    name: ClassVar[str] = "mutual-angle"
    title: ClassVar[str] = "mutual angle"
    Settings: ClassVar[type[Any]] = MutualAngleSettings
    term_titles: ClassVar[dict[str, str]] = {"angle": "variance less mean of the angles"}

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        value = torch.stack([mutual_angle(rows) for rows in units(encoder, decoder)]).mean()
        return {"angle": Term(value, self.settings.weight, over="union")}
