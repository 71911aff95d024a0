"""KoLeo (Sablayrolles et al. 2019), on the latents: -mean_i log min_{j != i} |a_i - a_j|, with a = z / |z|.

After the estimator of entropy by Kozachenko and Leonenko. Distances below `sphere.FLOOR` count as that, in place of a
constant that is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from eccentric.errors import UsageError
from eccentric.methods.base import Method, Outputs, Term
from eccentric.methods.checks import check_factor
from eccentric.methods.sphere import FLOOR, directions
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = ["KoLeo", "KoLeoSettings", "koleo"]


def koleo(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """Mean negative logarithm of the distance to the nearest neighbour on the unit sphere."""
    a = directions(z)
    with torch.no_grad():
        nearest = (a @ a.T).fill_diagonal_(-2).argmax(1)
    return -(a - a[nearest]).norm(dim=1).clamp(min=FLOOR).log().mean()


@dataclass(frozen=True)
class KoLeoSettings:
    """Settings of KoLeo."""

    weight: float = setting(0.003, "Factor of the mean negative logarithm of the distance.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)


class KoLeo(Method):
    """Moves the direction of each latent away from its nearest neighbour."""

    name: ClassVar[str] = "koleo"
    title: ClassVar[str] = "KoLeo"
    Settings: ClassVar[type[Any]] = KoLeoSettings
    term_titles: ClassVar[dict[str, str]] = {"koleo": "KoLeo"}

    @classmethod
    def check(cls, settings: KoLeoSettings, dim: int) -> None:
        if dim == 1:
            raise UsageError("koleo needs two dimensions or more; use a larger dim")

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        return {"koleo": Term(koleo(self.union(outputs.z)), self.settings.weight, over="union")}
