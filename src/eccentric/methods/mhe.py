"""Minimum hyperspherical energy (Liu et al. 2018), on latents or on weights.

With a_i = x_i / |x_i| and f_s(r) = r^-s for s > 0, f_0(r) = -log r, the term is the mean of f_s(|a_i - a_j|) over pairs
i != j. In the half-space form the pairs are those of the a_i and the -a_i together, so that opposite points repel as
equal ones do. On weights, x_i are the weights of the units of a layer, as in the paper, and the term is the mean over
the layers; on latents, x_i are the latents of the batch.

What differs from published code: a mean instead of a sum over layers, so that the weight does not depend on the
depth; pairs nearer than `sphere.FLOOR` count as that far apart, instead of a constant added to each distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from eccentric.errors import UsageError
from eccentric.methods.base import Method, Outputs, Term, Tuned, Variant
from eccentric.methods.checks import check_choice, check_factor
from eccentric.methods.sphere import directions, distances
from eccentric.methods.weights import units
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = ["MHE", "MHESettings", "hyperspherical_energy"]


def hyperspherical_energy(x: Float[Tensor, "n d"], s: int = 1, half_space: bool = False) -> Float[Tensor, ""]:
    """Mean energy of the pairs of rows, projected to the unit sphere.

    Args:
        x: two rows or more.
        s: exponent of the inverse distance; 0 stands for the negative logarithm.
        half_space: whether the mirror image of each row belongs to the points, too.
    """
    a = directions(x)
    r = distances(torch.cat([a, -a]) if half_space else a)
    return -r.log().mean() if s == 0 else r.pow(-s).mean()


@dataclass(frozen=True)
class MHESettings:
    """Settings of minimum hyperspherical energy."""

    weight: float = setting(0.003, "Factor of the hyperspherical energy.")
    on: str = setting("latents", "Vectors to spread over the sphere: latents, or weights (of the units of each layer).")
    s: int = setting(1, "Exponent of the inverse distance: 0 (negative logarithm), 1 or 2.")
    half_space: bool = setting(False, "Whether points also repel the mirror images of the others.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)
        check_choice("on", self.on, ("latents", "weights"))
        check_choice("s", self.s, (0, 1, 2))


class MHE(Method):
    """Spreads the directions of the latents, or of the weights of each layer's units, evenly over the sphere."""

    name: ClassVar[str] = "mhe"
    title: ClassVar[str] = "minimum hyperspherical energy"
    Settings: ClassVar[type[Any]] = MHESettings
    term_titles: ClassVar[dict[str, str]] = {"energy": "hyperspherical energy"}
    variants: ClassVar[dict[str, Variant]] = {
        # The weight affects the latents less when the term is computed from the networks' weights.
        "mhe-weights": Variant({"on": "weights"}, "of the networks' weights", Tuned("weight", (0.003, 0.03, 0.3))),
        "mhe-half-space": Variant({"half_space": True}, "in half-space"),
    }

    @classmethod
    def check(cls, settings: MHESettings, dim: int) -> None:
        if dim == 1 and settings.on == "latents":
            raise UsageError("mhe on latents needs two dimensions or more; use on=weights, or a larger dim")

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        s = self.settings
        points = [self.union(outputs.z)] if s.on == "latents" else units(encoder, decoder)
        energy = torch.stack([hyperspherical_energy(rows, s.s, s.half_space) for rows in points]).mean()
        return {"energy": Term(energy, s.weight, over="union")}
