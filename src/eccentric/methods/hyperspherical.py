"""Hyperspherical variational autoencoder (Davidson et al. 2018).

The encoder gives d + 1 numbers: a vector, whose direction is the mean direction, and a number h, from which the
concentration kappa = softplus(h) + 1 is made. The decoder gets a sample of that von Mises-Fisher distribution, a point
on the unit sphere, and the KL divergence is that to the uniform distribution on the sphere (`von_mises_fisher`). The
objective is otherwise that of the variational autoencoder (`vae`).

What differs from published code: gradients with respect to kappa are unbiased, and a mean over the numbers of an item
replaces a sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from torch.nn.functional import normalize, softplus

from eccentric.errors import UsageError
from eccentric.methods import von_mises_fisher
from eccentric.methods.base import Outputs, Traits
from eccentric.methods.precision import at_least_float32
from eccentric.methods.vae import VAE, VAESettings

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = ["HypersphericalVAE"]


class HypersphericalVAE(VAE):
    """Encodes each item as a von Mises-Fisher distribution, near the uniform distribution on the unit sphere."""

    name: ClassVar[str] = "hyperspherical-vae"
    title: ClassVar[str] = "hyperspherical variational autoencoder"
    own_samplings: ClassVar[dict[str, str]] = {"uniform": "Latents are drawn uniformly from the unit sphere."}
    # The quadrature's cached nodes make torch.compile warn and split the graph in many parts.
    traits: ClassVar[Traits] = Traits(
        compilable=False, starts_from_pca=False, samplings=("uniform",), kinds=("image", "table")
    )

    @classmethod
    def check(cls, settings: VAESettings, dim: int) -> None:
        if dim < 2:
            raise UsageError(
                f"{cls.name} needs 2 or more dimensions, not {dim}; a sphere in one dimension is two points"
            )

    @property
    def encoder_width(self) -> int:
        return self.dim + 1

    def forward(self, encoder: nn.Module, decoder: nn.Module, x: Float[Tensor, "b ..."]) -> Outputs:
        h = at_least_float32(encoder(x))
        direction, kappa = self.encode(h), softplus(h[:, self.dim]) + 1
        return Outputs(direction, decoder(von_mises_fisher.sample(direction, kappa)), {"kappa": kappa})

    def divergence(self, outputs: Outputs) -> Float[Tensor, " b"]:
        return von_mises_fisher.kl_to_uniform(outputs.extra["kappa"], self.dim)

    def encode(self, h: Float[Tensor, "n w"]) -> Float[Tensor, "n d"]:
        return normalize(h[:, : self.dim], dim=1)

    def sample(
        self, sampling: str, n: int, z: Float[Tensor, "m d"], generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        return von_mises_fisher.uniform(n, self.dim, generator)

    @classmethod
    def about_spectrum(cls, settings: Any) -> str:
        return "Latents are unit vectors, so that the trace is 1 at most."
