"""Uncertainty autoencoder (Grover & Ermon 2019): latents as noisy measurements of limited power.

With h the encoder's output and P = mean of h^2 over items and latents, the decoder gets

    z + sigma e,     z = h / sqrt(P),     e standard normal.

The mean squared error alone is then, up to constants, a variational lower bound on the mutual information between items
and noisy latents. Without the division, larger outputs of the encoder could make the noise negligible.

The paper leaves the power to the encoder's weights or to a penalty on them; here it is exactly 1 in each batch, over
all ranks. A running average of P, as in batch normalization, stands for it outside training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from eccentric.collectives import total_over_ranks
from eccentric.methods.base import Method, Outputs, Tuned
from eccentric.methods.checks import check_positive
from eccentric.methods.precision import at_least_float32
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = ["UncertaintyAutoencoder", "UncertaintySettings"]

MOMENTUM = 0.1  # of the running average, as in PyTorch's batch normalization
LEAST_POWER = 1e-12  # of an encoder that gives zeros


@dataclass(frozen=True)
class UncertaintySettings:
    """Settings of the uncertainty autoencoder."""

    sigma: float = setting(0.1, "Standard deviation of the noise that is added to latents of power 1.")

    def __post_init__(self) -> None:
        check_positive("sigma", self.sigma)


class UncertaintyAutoencoder(Method):
    """Adds noise of fixed strength to latents of fixed power, which maximises the information in the latents."""

    name: ClassVar[str] = "uncertainty-autoencoder"
    title: ClassVar[str] = "uncertainty autoencoder"
    Settings: ClassVar[type[Any]] = UncertaintySettings
    tuned: ClassVar[Tuned] = Tuned("sigma", (0.03, 0.1, 0.3))
    power: Tensor

    def __init__(self, settings: UncertaintySettings, dim: int) -> None:
        super().__init__(settings, dim)
        self.register_buffer("power", torch.ones(()))

    def forward(self, encoder: nn.Module, decoder: nn.Module, x: Float[Tensor, "b ..."]) -> Outputs:
        h = at_least_float32(encoder(x))
        squares = h.square().sum()
        total = torch.stack([squares, torch.full_like(squares, h.numel())])
        if self.sync:
            total = total_over_ranks(total)
        power = total[0] / total[1]
        self.power.lerp_(power.detach(), MOMENTUM)
        z = h / power.clamp(min=LEAST_POWER).sqrt()
        return Outputs(z, decoder(z + self.settings.sigma * torch.randn_like(z)), {})

    def encode(self, h: Float[Tensor, "n w"]) -> Float[Tensor, "n d"]:
        return h / self.power.clamp(min=LEAST_POWER).sqrt()

    @classmethod
    def objective(cls, settings: UncertaintySettings) -> str:
        return f"mean squared error, with noise of standard deviation {settings.sigma:g} on latents of power 1"

    @classmethod
    def about_spectrum(cls, settings: UncertaintySettings) -> str:
        return "The latents' mean square is held to 1, so that the trace is d at most."
