"""Implicit rank minimisation (Jing, Zbontar & LeCun 2020), alone and with the Eccentric loss.

The latent is z = W_l ... W_1 enc(x) with l square matrices without bias or non-linearity. There is no term: gradient
descent on a product of matrices favours low rank, so that latent dimensions that are not needed vanish. The matrices
start as PyTorch's linear layers do. With the Eccentric loss on z, as the last sentence of Li and Blair (2021) proposes,
the dimensions that remain are spread out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from torch import nn

from eccentric.methods.base import Method, Traits, Tuned
from eccentric.methods.checks import check_count
from eccentric.methods.eccentric import Eccentric, EccentricSettings
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["IRMAE", "EccentricIRMAE", "EccentricIRMAESettings", "IRMAESettings"]


@dataclass(frozen=True)
class IRMAESettings:
    """Settings of IRMAE."""

    layers: int = setting(4, "Number of linear layers between the encoder and the decoder.")

    def __post_init__(self) -> None:
        check_count("layers", self.layers)


@dataclass(frozen=True)
class EccentricIRMAESettings(EccentricSettings):
    """Settings of IRMAE with the Eccentric loss."""

    layers: int = setting(4, "Number of linear layers between the encoder and the decoder.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("layers", self.layers)


def _linear_layers(layers: int, dim: int) -> nn.Sequential:
    return nn.Sequential(*[nn.Linear(dim, dim, bias=False) for _ in range(layers)])


class IRMAE(Method):
    """Puts linear layers before the latents, so that training leaves unneeded dimensions empty."""

    name: ClassVar[str] = "irmae"
    title: ClassVar[str] = "IRMAE"
    Settings: ClassVar[type[Any]] = IRMAESettings
    traits: ClassVar[Traits] = Traits(starts_from_pca=False, samplings=("matched", "mixture"))
    tuned: ClassVar[Tuned] = Tuned("layers", (2, 4, 8))
    published: ClassVar[str] = "within the error of the figures of eccentric on MNIST (Li & Blair 2021 on Table 3)"

    def __init__(self, settings: IRMAESettings, dim: int) -> None:
        super().__init__(settings, dim)
        self.linear = _linear_layers(settings.layers, dim)

    def encode(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        z: Tensor = self.linear(h)
        return z

    @classmethod
    def objective(cls, settings: IRMAESettings) -> str:
        return f"mean squared error, with {settings.layers} linear layers before the latents"

    @classmethod
    def about_spectrum(cls, settings: IRMAESettings) -> str:
        return "IRMAE leaves latent dimensions empty that the reconstruction does not need."


class EccentricIRMAE(Eccentric):
    """Puts linear layers before the latents and the Eccentric loss on them."""

    name: ClassVar[str] = "eccentric-irmae"
    title: ClassVar[str] = "Eccentric regularization with IRMAE"
    Settings: ClassVar[type[Any]] = EccentricIRMAESettings
    traits: ClassVar[Traits] = Traits(starts_from_pca=False)

    def __init__(self, settings: EccentricIRMAESettings, dim: int) -> None:
        super().__init__(settings, dim)
        self.linear = _linear_layers(settings.layers, dim)

    def encode(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        z: Tensor = self.linear(h)
        return z

    @classmethod
    def objective(cls, settings: Any) -> str:
        return f"{super().objective(settings)}, with {settings.layers} linear layers before the latents"
