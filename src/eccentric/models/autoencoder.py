"""The autoencoder: an encoder, a decoder, and the shift and scale of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import mse_loss

from eccentric.methods.base import NoSettings
from eccentric.methods.plain import Plain
from eccentric.models.skip import LinearSkip
from eccentric.padding import item_errors

if TYPE_CHECKING:
    from typing import Self

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.methods import Method


class Autoencoder(nn.Module):
    """An encoder and a decoder for standardised data, with the shift and scale of the standardisation.

    The networks see (x - shift) / scale: [0, 1] for uint8 images, zero mean and unit variance for the columns of a
    table. Shift and scale are saved with the weights, so a trained model always takes raw data.

    Args:
        encoder: standardised data (n, *shape) -> latents (n, d).
        decoder: latents (n, d) -> standardised data (n, *shape).
        shift, scale: numbers, or tensors that broadcast against one item. By default those of uint8 images.
        method: training method with its parameters. It computes the latents from the output of the encoder. By default,
            the output of the encoder is the latents, as in a plain autoencoder.
        padded: whether items are sequences, whose steps beyond the end are NaN, see `eccentric.padding`. They do not
            count in errors.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        shift: Tensor | float = 0.0,
        scale: Tensor | float = 255.0,
        method: Method | None = None,
        *,
        padded: bool = False,
    ) -> None:
        super().__init__()
        self.padded = padded
        self.encoder, self.decoder = encoder, decoder
        self.method = method or Plain(NoSettings(), 0)
        self.register_buffer("shift", torch.as_tensor(shift, dtype=torch.float32))
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32))

    def to_inference(self) -> Self:
        """Move the model to the CPU, in evaluation mode and channels-last memory layout, the fastest there."""
        return self.cpu().to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    @property
    def skips(self) -> list[LinearSkip]:
        """Those of encoder and decoder that have a linear map which fades in training."""
        return [network for network in (self.encoder, self.decoder) if isinstance(network, LinearSkip)]

    def before_step(self, progress: float, step: int) -> None:
        """Called before each step of a training.

        Args:
            progress: completed fraction of the training, from 0 to 1.
            step: number of steps taken.
        """
        self.method.before_step(progress)
        for skip in self.skips:
            skip.fade(progress, step)

    def standardize(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """Convert raw items to standardised units."""
        return (x - self.shift) / self.scale

    def encode(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
        """Encode raw items as latents."""
        return self.method.encode(self.encoder(self.standardize(x)))

    def decode(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
        """Decode latents to raw items, in float32."""
        raw: Tensor = self.decoder(z) * self.scale + self.shift
        return raw

    def item_errors(
        self, reconstruction: Float[Tensor, "n ..."], target: Float[Tensor, "n ..."]
    ) -> Float[Tensor, " n"]:
        """Mean squared error of each item, both in standardised units."""
        if self.padded:
            return item_errors(reconstruction, target)
        return (reconstruction - target).square().flatten(1).mean(1)

    def mean_error(self, reconstruction: Float[Tensor, "n ..."], target: Float[Tensor, "n ..."]) -> Float[Tensor, ""]:
        """The mean of `item_errors`, which training minimises."""
        return item_errors(reconstruction, target).mean() if self.padded else mse_loss(reconstruction, target)

    def forward(
        self, x: Shaped[Tensor, "n ..."]
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n ..."], Float[Tensor, "n ..."]]:
        """Latents, reconstructions and targets of raw items, the last two in standardised units."""
        target = self.standardize(x)
        z = self.method.encode(self.encoder(target))
        return z, self.decoder(z), target
