"""Nested dropout (Rippel, Gelbart & Adams 2014): the decoder sees a random prefix of the latents.

The number K of latents that reach the decoder is drawn for each item from a geometric distribution cut off at d,

    P(K > k) = full^(k / (d - 1)),   k = 0 ... d - 1,

so that a share `full` of the items keeps all latents, for any d. The first latent is always kept, and earlier ones more
often than later ones: the coordinates are ordered, and they themselves are the components.

Differences from the paper: dropped latents are replaced by their running mean instead of zero, so that the decoder is
trained for its later use, the first k components with the others at their mean. Units are not fixed one after the
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from eccentric.errors import UsageError
from eccentric.methods.base import Method, Outputs, Term, Traits, Tuned
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = ["NestedDropout", "NestedDropoutSettings"]

MOMENTUM = 0.01  # of the running mean


@dataclass(frozen=True)
class NestedDropoutSettings:
    """Settings of nested dropout."""

    full: float = setting(0.5, "Fraction of the items for which the decoder gets all latents, above 0 and up to 1.")

    def __post_init__(self) -> None:
        if not 0 < self.full <= 1:
            raise UsageError(f"full must be above 0 and at most 1, not {self.full}")


class NestedDropout(Method):
    """Orders the latents by hiding a random number of the last ones from the decoder."""

    name: ClassVar[str] = "nested-dropout"
    title: ClassVar[str] = "nested dropout"
    Settings: ClassVar[type[Any]] = NestedDropoutSettings
    traits: ClassVar[Traits] = Traits(axes="own", samplings=("matched", "mixture"))
    tuned: ClassVar[Tuned] = Tuned("full", (0.1, 0.5, 0.9))

    mean: Tensor
    kept: Tensor

    def __init__(self, settings: NestedDropoutSettings, dim: int) -> None:
        super().__init__(settings, dim)
        self.register_buffer("mean", torch.zeros(dim))
        shares = settings.full ** (torch.arange(dim) / max(1, dim - 1))
        self.register_buffer("kept", shares, persistent=False)

    def forward(self, encoder: nn.Module, decoder: nn.Module, x: Float[Tensor, "b ..."]) -> Outputs:
        z = self.encode(encoder(x))
        keep = torch.rand(len(z), 1, device=z.device) < self.kept
        return Outputs(z, decoder(torch.where(keep, z, self.mean)), {})

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        self.mean.lerp_(self.union(outputs.z.detach()).mean(0), MOMENTUM)
        return {}

    @classmethod
    def objective(cls, settings: NestedDropoutSettings) -> str:
        return f"mean squared error from a random prefix of the latents ({settings.full:.0%} of the items in full)"

    @classmethod
    def about_spectrum(cls, settings: NestedDropoutSettings) -> str:
        return "Nested dropout orders the latents themselves, which are therefore the components, by what they explain."
