"""SIGReg (LeJEPA, Balestriero & LeCun 2025): random projections of the latents are tested for normality.

For unit vectors u_k, drawn anew in each step, and phi_k(t) = mean_i exp(i t <u_k, z_i>), the term is the mean over k
of the Epps-Pulley statistic

    b * integral of |phi_k(t) - exp(-t^2 / 2)|^2 exp(-t^2 / 2) dt  over [-3, 3],

by the trapezoidal rule with 17 knots on [0, 3], doubled, since the integrand is even. b is the number of latents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from eccentric.methods.base import Method, Outputs, Term
from eccentric.methods.checks import check_count, check_factor
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = ["SIGReg", "SIGRegSettings", "along", "epps_pulley", "sigreg"]

KNOTS, END = 17, 3.0


def epps_pulley(x: Float[Tensor, "b k"]) -> Float[Tensor, " k"]:
    """The Epps-Pulley statistic of each column against a standard normal distribution."""
    t = torch.linspace(0, END, KNOTS, device=x.device, dtype=x.dtype)
    normal = torch.exp(-t.square() / 2)
    phases = x[..., None] * t
    gap = (phases.cos().mean(0) - normal).square() + phases.sin().mean(0).square()
    return 2 * len(x) * torch.trapezoid(gap * normal, t, dim=1)


def sigreg(z: Float[Tensor, "b d"], slices: int = 1024) -> Float[Tensor, ""]:
    """The mean Epps-Pulley statistic of random one-dimensional projections."""
    return along(z, torch.randn(z.shape[1], slices, device=z.device, dtype=z.dtype))


def along(z: Float[Tensor, "b d"], normals: Float[Tensor, "d k"]) -> Float[Tensor, ""]:
    """The mean Epps-Pulley statistic of the projections onto given directions, one a column, of any length."""
    return epps_pulley(z @ (normals / normals.norm(dim=0))).mean()


@dataclass(frozen=True)
class SIGRegSettings:
    """Settings of SIGReg."""

    weight: float = setting(0.0001, "Factor of the Epps-Pulley statistic.")
    slices: int = setting(1024, "Number of random projections in each step.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)
        check_count("slices", self.slices)


class SIGReg(Method):
    """Makes every projection of the latents standard normal."""

    name: ClassVar[str] = "sigreg"
    title: ClassVar[str] = "SIGReg"
    Settings: ClassVar[type[Any]] = SIGRegSettings
    term_titles: ClassVar[dict[str, str]] = {"sigreg": "Epps-Pulley statistic"}

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        z = self.union(outputs.z)
        normals = self.shared(torch.randn(self.dim, self.settings.slices, device=z.device, dtype=z.dtype))
        return {"sigreg": Term(along(z, normals), self.settings.weight, over="union")}

    @classmethod
    def about_spectrum(cls, settings: SIGRegSettings) -> str:
        return f"SIGReg aims at variances of 1; its weight was {settings.weight:g}."
