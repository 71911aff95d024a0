"""Hyperspherical energy in fewer dimensions, on latents (Lin et al. 2020, "Regularizing Neural Networks via Minimizing
Hyperspherical Energy", called CoMHE there).

The term is the mean over c projections P_c (p x d) of the energy (see `mhe`) of the points P_c a_i, again projected to
the sphere, where a_i = z_i / |z_i|. Random projections have independent normal entries and are drawn anew in each step.
Angle-preserving projections are learnt: each minimises the mean over pairs of

    (angle(P a_i, P a_j) - angle(a_i, a_j))^2

while the latents minimise the energy. What differs from the paper: one optimizer takes both steps at once, the
projections against detached latents and the latents against detached projections, where the paper alternates or
unrolls; random projections change in each step and not every so many.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from eccentric.errors import UsageError
from eccentric.methods.base import Method, Outputs, Term
from eccentric.methods.checks import check_choice, check_count, check_factor
from eccentric.methods.mhe import hyperspherical_energy
from eccentric.methods.sphere import angles, directions
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["ProjectedMHE", "ProjectedMHESettings", "angle_error"]


def angle_error(a: Float[Tensor, "n d"], projection: Float[Tensor, "p d"]) -> Float[Tensor, ""]:
    """Mean squared difference between the angles of pairs of rows before and after a projection."""
    return (angles(a @ projection.T) - angles(a)).square().mean()


@dataclass(frozen=True)
class ProjectedMHESettings:
    """Settings of projected hyperspherical energy."""

    weight: float = setting(0.001, "Factor of the hyperspherical energy.")
    projection: str = setting("random", "Projections: random (new in each step), or learnt (to preserve angles).")
    projections: int = setting(5, "Number of projections.")
    dimensions: int = setting(0, "Dimensions after a projection, 2 or more; 0 means half of the latent dimensions.")
    s: int = setting(1, "Exponent of the inverse distance: 0 (negative logarithm), 1 or 2.")
    half_space: bool = setting(False, "Whether points also repel the mirror images of the others.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)
        check_choice("projection", self.projection, ("random", "learnt"))
        check_count("projections", self.projections)
        if self.dimensions != 0:
            check_count("dimensions", self.dimensions, 2)
        check_choice("s", self.s, (0, 1, 2))


class ProjectedMHE(Method):
    """Spreads low-dimensional projections of the latents evenly over the sphere."""

    name: ClassVar[str] = "projected-mhe"
    title: ClassVar[str] = "projected hyperspherical energy"
    Settings: ClassVar[type[Any]] = ProjectedMHESettings
    term_titles: ClassVar[dict[str, str]] = {"energy": "hyperspherical energy", "angles": "change of angles"}

    def __init__(self, settings: ProjectedMHESettings, dim: int) -> None:
        super().__init__(settings, dim)
        self._shape = (settings.projections, settings.dimensions or max(2, math.ceil(dim / 2)), dim)
        if settings.projection == "learnt":
            self.projections = nn.Parameter(torch.randn(self._shape) / math.sqrt(dim))

    @classmethod
    def check(cls, settings: ProjectedMHESettings, dim: int) -> None:
        if dim < max(2, settings.dimensions):
            needed = max(2, settings.dimensions)
            raise UsageError(f"projected-mhe projects to {needed} dimensions; dim must be {needed} or more, not {dim}")

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        s, a = self.settings, directions(self.union(outputs.z))
        learnt = s.projection == "learnt"
        random = None if learnt else self.shared(torch.randn(self._shape, device=a.device, dtype=a.dtype))
        projections = self.projections if random is None else random
        errors = [angle_error(a.detach(), projection) for projection in projections]
        energies = [hyperspherical_energy(a @ projection.T, s.s, s.half_space) for projection in projections.detach()]
        return {
            "energy": Term(torch.stack(energies).mean(), s.weight, over="union"),
            "angles": Term(torch.stack(errors).mean(), float(learnt), over="union"),
        }

    @classmethod
    def objective(cls, settings: ProjectedMHESettings) -> str:
        energy = (
            f"mean squared error + {settings.weight:g} × hyperspherical energy of {settings.projection} projections"
        )
        return energy + (" + the projections' own change of angles" if settings.projection == "learnt" else "")
