"""Least Volume (Chen & Fuge 2024): the geometric mean of the latents' standard deviations, with a Lipschitz decoder.

The term is exp(mean_k log(std_k(z) + eta)) over the d latent dimensions; std over the batch, with b - 1. The decoder's
linear and convolutional layers have spectral norm 1, so that it cannot make up for small latents by large weights.
Dimensions that the reconstruction does not need become flat.

What differs from published code: a convolution's kernel is normalised as a matrix, as PyTorch's `spectral_norm` does,
and not the linear map that it stands for; and batch normalisation keeps its learnt scale. Both bound the decoder's
slope less strictly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from eccentric.methods.base import Method, Outputs, Term, Traits
from eccentric.methods.checks import check_factor, check_positive
from eccentric.methods.spectral import normalize_spectra
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

__all__ = ["LeastVolume", "LeastVolumeSettings", "volume"]


def volume(z: Float[Tensor, "b d"], eta: float = 1.0) -> Float[Tensor, ""]:
    """Geometric mean of the columns' standard deviations plus eta."""
    centred = z - z.mean(0)
    # The derivative of a square root is infinite at zero, where an empty dimension has its variance.
    deviations = (centred.square().sum(0) / (len(z) - 1)).clamp(min=1e-12).sqrt()
    return (deviations + eta).log().mean().exp()


@dataclass(frozen=True)
class LeastVolumeSettings:
    """Settings of Least Volume."""

    weight: float = setting(0.001, "Factor of the volume.")
    eta: float = setting(
        1.0, "Constant added to each standard deviation, so that flat dimensions do not dominate the volume."
    )

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)
        check_positive("eta", self.eta)


class LeastVolume(Method):
    """Flattens latent dimensions that are not needed, by the product of the standard deviations."""

    name: ClassVar[str] = "least-volume"
    title: ClassVar[str] = "Least Volume"
    Settings: ClassVar[type[Any]] = LeastVolumeSettings
    term_titles: ClassVar[dict[str, str]] = {"volume": "volume"}
    # Recurrent layers are not normalized, so a decoder of sequences would have no bound on its slope.
    traits: ClassVar[Traits] = Traits(starts_from_pca=False, samplings=("matched", "mixture"), kinds=("image", "table"))

    def prepare(self, encoder: nn.Module, decoder: nn.Module) -> tuple[nn.Module, nn.Module]:
        return encoder, normalize_spectra(decoder)

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        value = volume(self.union(outputs.z), self.settings.eta)
        return {"volume": Term(value, self.settings.weight, over="union")}

    @classmethod
    def about_spectrum(cls, settings: LeastVolumeSettings) -> str:
        return "Least Volume leaves latent dimensions flat that the reconstruction does not need."
