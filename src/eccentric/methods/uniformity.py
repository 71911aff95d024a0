"""Uniformity on the sphere (Wang & Isola 2020), on the latents: log mean_{i != j} exp(-2 |a_i - a_j|^2), a = z / |z|.

Each pair counts once, and an item is not paired with itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from torch.nn.functional import pdist

from eccentric.errors import UsageError
from eccentric.methods.base import Method, Outputs, Term
from eccentric.methods.checks import check_factor
from eccentric.methods.sphere import directions
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = ["Uniformity", "UniformitySettings", "uniformity"]


def uniformity(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """Logarithm of the mean Gaussian kernel of pairs on the unit sphere."""
    return pdist(directions(z)).square().mul(-2).exp().mean().log()


@dataclass(frozen=True)
class UniformitySettings:
    """Settings of uniformity."""

    weight: float = setting(0.003, "Factor of the logarithm of the mean kernel.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)


class Uniformity(Method):
    """Spreads the directions of the latents uniformly over the sphere, by a Gaussian kernel."""

    name: ClassVar[str] = "uniformity"
    title: ClassVar[str] = "uniformity"
    Settings: ClassVar[type[Any]] = UniformitySettings
    term_titles: ClassVar[dict[str, str]] = {"uniformity": "uniformity on the sphere"}

    @classmethod
    def check(cls, settings: UniformitySettings, dim: int) -> None:
        if dim == 1:
            raise UsageError("uniformity needs two dimensions or more; use a larger dim")

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        return {"uniformity": Term(uniformity(self.union(outputs.z)), self.settings.weight, over="union")}
