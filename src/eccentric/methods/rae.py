"""Regularized autoencoders (Ghosh et al. 2020, "From variational to deterministic autoencoders").

The latents are kept small by the mean over items of |z|^2 / 2, and the decoder is kept smooth in one of three ways:

    RAE-L2   the sum of the decoder's squared parameters
    RAE-GP   the squared gradient of the output with respect to the latents, |J|^2 / D, with J the (D, d) Jacobian
    RAE-SN   spectral normalization of the decoder's layers (Miyato et al. 2018), which needs no term

For RAE-GP the squared Frobenius norm of J is estimated without bias from one product, E |J^T v|^2 = |J|^2 for v of
independent numbers with mean 0 and variance 1 (Hutchinson 1990); v is standard normal, and new in each step. Division
by D, the numbers of an item, makes weights carry over between sizes of images, as in the mean squared error.

What differs from published code: RAE-L2 is often done as weight decay within the optimizer, here it is a term like all
others. A decoder's batch normalization makes the output of an item depend a little on the other items of the batch; J
then is the derivative of the whole batch's output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from eccentric.methods.base import Method, Outputs, Term, Traits, Tuned
from eccentric.methods.checks import check_factor
from eccentric.methods.precision import at_least_float32
from eccentric.methods.spectral import normalize_spectra
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["RAEGP", "RAEL2", "RAESN", "RAEGPSettings", "RAEL2Settings", "RAESNSettings", "squared_jacobian"]

SAMPLINGS = ("mixture", "matched", "standard")


def squared_jacobian(output: Float[Tensor, "b ..."], z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """Hutchinson's estimate of the mean over items of |d output / d z|^2 / D, which can be differentiated.

    Args:
        output: computed from z, with a graph.
    """
    noise = torch.randn_like(at_least_float32(output)).to(output.dtype)  # the same in bfloat16
    (product,) = torch.autograd.grad(output, z, noise, create_graph=True)
    return at_least_float32(product).square().sum(1).mean() / output[0].numel()


@dataclass(frozen=True)
class RAESNSettings:
    """Settings of RAE-SN."""

    weight: float = setting(0.0001, "Factor of the latents' squared length.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)


@dataclass(frozen=True)
class RAEL2Settings(RAESNSettings):
    """Settings of RAE-L2."""

    decoder_weight: float = setting(1e-6, "Factor of the decoder's squared parameters.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_factor("decoder_weight", self.decoder_weight)


@dataclass(frozen=True)
class RAEGPSettings(RAESNSettings):
    """Settings of RAE-GP."""

    decoder_weight: float = setting(0.01, "Factor of the squared gradient of the decoder's output.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_factor("decoder_weight", self.decoder_weight)


class _RAE(Method):
    """The term that all three share."""

    traits: ClassVar[Traits] = Traits(samplings=SAMPLINGS)

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        return {"latent": Term(0.5 * outputs.z.square().sum(1).mean(), self.settings.weight)}

    @classmethod
    def objective(cls, settings: Any) -> str:
        factors = [settings.weight, *([settings.decoder_weight] if hasattr(settings, "decoder_weight") else [])]
        terms = [f"{factor:g} × {title}" for factor, title in zip(factors, cls.term_titles.values(), strict=True)]
        return " + ".join(["mean squared error", *terms])


class RAEL2(_RAE):
    """Keeps the latents small and the decoder smooth by the squares of the latents and of the decoder's parameters."""

    name: ClassVar[str] = "rae-l2"
    title: ClassVar[str] = "regularized autoencoder (L2)"
    Settings: ClassVar[type[Any]] = RAEL2Settings
    term_titles: ClassVar[dict[str, str]] = {
        "latent": "half the squared length of the latents",
        "decoder": "squared parameters of the decoder",
    }
    published: ClassVar[str] = "FID 9.1 (MNIST, pythae; authors' code 9.9)"

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        squares = torch.stack([parameter.square().sum() for parameter in decoder.parameters()]).sum()
        latent = super().terms(outputs, x, encoder, decoder)
        return {**latent, "decoder": Term(squares, self.settings.decoder_weight, over="union")}


class RAEGP(_RAE):
    """Keeps the latents small and the decoder smooth by the squared gradient of the decoder's output."""

    name: ClassVar[str] = "rae-gp"
    title: ClassVar[str] = "regularized autoencoder (gradient penalty)"
    Settings: ClassVar[type[Any]] = RAEGPSettings
    term_titles: ClassVar[dict[str, str]] = {
        "latent": "half the squared length of the latents",
        "gradient": "squared gradient of the decoder's output",
    }
    # The gradient would count the padding of sequences; cuDNN's recurrent layers have no second derivatives.
    traits: ClassVar[Traits] = Traits(compilable=False, samplings=SAMPLINGS, kinds=("image", "table"))
    tuned: ClassVar[Tuned] = Tuned("decoder_weight", (0.001, 0.01, 0.1))
    published: ClassVar[str] = "FID 9.7 (MNIST, pythae; authors' code 9.4)"

    def forward(self, encoder: nn.Module, decoder: nn.Module, x: Float[Tensor, "b ..."]) -> Outputs:
        z = self.encode(encoder(x))
        reconstruction = decoder(z)
        return Outputs(z, reconstruction, {"gradient": squared_jacobian(reconstruction, z)})

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        latent = super().terms(outputs, x, encoder, decoder)
        return {**latent, "gradient": Term(outputs.extra["gradient"], self.settings.decoder_weight)}


class RAESN(_RAE):
    """Keeps the latents small, and the decoder smooth by spectral normalization of its layers."""

    name: ClassVar[str] = "rae-sn"
    title: ClassVar[str] = "regularized autoencoder (spectral normalization)"
    Settings: ClassVar[type[Any]] = RAESNSettings
    term_titles: ClassVar[dict[str, str]] = {"latent": "half the squared length of the latents"}
    # The weights that a start from PCA would set are computed from others. Recurrent layers are not normalized.
    traits: ClassVar[Traits] = Traits(samplings=SAMPLINGS, starts_from_pca=False, kinds=("image", "table"))

    def prepare(self, encoder: nn.Module, decoder: nn.Module) -> tuple[nn.Module, nn.Module]:
        return encoder, normalize_spectra(decoder)
