"""The autoencoder: an encoder, a decoder, and the units of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from eccentric.errors import UsageError
from eccentric.models.general import conv_pair, mlp_pair
from eccentric.models.paper import celeba_pair, mnist_pair

if TYPE_CHECKING:
    from typing import Self

    from jaxtyping import Float, Shaped
    from torch import Tensor

ARCHITECTURES = ("auto", "mnist", "celeba", "conv", "mlp")


class Autoencoder(nn.Module):
    """An encoder and a decoder that work on standardised data, with the shift and scale that lead there and back.

    The networks see (x - shift) / scale: [0, 1] for uint8 images, zero mean and unit variance for the columns of a
    table. Shift and scale are saved with the weights, so a trained model takes raw data wherever it goes.

    Args:
        encoder: standardised data (n, *shape) -> latents (n, d).
        decoder: latents (n, d) -> standardised data (n, *shape).
        shift, scale: numbers, or tensors that broadcast against one item. By default those of uint8 images.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, shift: Tensor | float = 0.0, scale: Tensor | float = 255.0
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.register_buffer("shift", torch.as_tensor(shift, dtype=torch.float32))
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32))

    def at_rest(self) -> Self:
        """On the CPU, in evaluation mode, and in the memory layout that convolutions like best there."""
        return self.cpu().to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    def standardize(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """Raw units to those the networks see."""
        return (x - self.shift) / self.scale

    def encode(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
        """Raw data to latents."""
        latents: Tensor = self.encoder(self.standardize(x))
        return latents

    def decode(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
        """Latents to raw units, as float32."""
        raw: Tensor = self.decoder(z) * self.scale + self.shift
        return raw

    def forward(
        self, x: Shaped[Tensor, "n ..."]
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n ..."], Float[Tensor, "n ..."]]:
        """Raw data to (latents, reconstruction, target), the last two in standardised units, for a training step."""
        target = self.standardize(x)
        z = self.encoder(target)
        return z, self.decoder(z), target


def choose_architecture(architecture: str, shape: tuple[int, ...]) -> str:
    """What "auto" stands for: the paper's pair where its image size fits, "conv" for other images, "mlp" for tables."""
    if architecture != "auto":
        return architecture
    by_shape: dict[tuple[int, ...], str] = {(1, 28, 28): "mnist", (3, 64, 64): "celeba"}
    return by_shape.get(shape, "conv" if len(shape) == 3 else "mlp")


def build_pair(architecture: str, shape: tuple[int, ...], dim: int, width: float = 1.0) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder by name for items of `shape`: (c, h, w) images, or (features,) rows of a table.

    In float32, whatever PyTorch's default is. `width` is a factor on the channels of every hidden layer.

    Raises:
        UsageError: the architecture is unknown or does not fit the shape.
    """
    encoder, decoder = _build_pair(architecture, shape, dim, width)
    return encoder.float(), decoder.float()


def _build_pair(architecture: str, shape: tuple[int, ...], dim: int, width: float) -> tuple[nn.Module, nn.Module]:
    architecture = choose_architecture(architecture, shape)
    said = "x".join(map(str, shape)) + (" images" if len(shape) == 3 else " columns")
    if architecture == "mnist":
        _must_fit(shape == (1, 28, 28), "mnist", "1x28x28 images", said)
        return mnist_pair(dim, width=width)
    if architecture == "celeba":
        _must_fit(shape == (3, 64, 64), "celeba", "3x64x64 images", said)
        return celeba_pair(dim, width=width)
    if architecture == "conv":
        _must_fit(len(shape) == 3, "conv", "images", said)
        return conv_pair((shape[0], shape[1], shape[2]), dim, width=width)
    if architecture == "mlp":
        _must_fit(len(shape) == 1, "mlp", "tables", said)
        return mlp_pair(shape[0], dim, width=width)
    raise UsageError(f"unknown architecture {architecture!r}; choose one of {', '.join(ARCHITECTURES)}")


def _must_fit(fits: bool, architecture: str, wanted: str, given: str) -> None:
    if not fits:
        raise UsageError(f"architecture {architecture!r} takes {wanted}, the data are {given}; leave it to 'auto'")
