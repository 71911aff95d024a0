"""The two autoencoders of the paper (A.5), with activations and normalisation exactly as listed there."""

from __future__ import annotations

from torch import nn

from eccentric.models.convolution import Conv2d, ConvTranspose2d
from eccentric.models.width import scaled


def mnist_pair(dim: int, *, latent_width: int | None = None, width: float = 1.0) -> tuple[nn.Module, nn.Module]:
    """Encoder (n, 1, 28, 28) -> (n, latent_width) and decoder (n, dim) -> (n, 1, 28, 28).

    The layers have no padding; the encoder first pads the image to 32x32.

    Args:
        dim: inputs of the decoder.
        latent_width: outputs of the encoder; `dim` by default.
        width: factor on the channels of every hidden layer; 1 is the paper's network.
    """
    a, b, c, d, hidden = (scaled(channels, width) for channels in (16, 24, 32, 48, 64))
    encoder = nn.Sequential(
        nn.ZeroPad2d(2),
        *_block(Conv2d(1, a, 5), nn.LeakyReLU(0.1, inplace=True)),  # 32 -> 28
        *_block(Conv2d(a, b, 4, stride=2), nn.LeakyReLU(0.1, inplace=True)),  # 13
        *_block(Conv2d(b, c, 4), nn.LeakyReLU(0.1, inplace=True)),  # 10
        *_block(Conv2d(c, d, 4, stride=2), nn.LeakyReLU(0.1, inplace=True)),  # 4
        nn.Flatten(),
        nn.Linear(d * 4 * 4, hidden),
        nn.Linear(hidden, latent_width or dim),
    )
    decoder = nn.Sequential(
        nn.Unflatten(1, (dim, 1, 1)),
        *_block(ConvTranspose2d(dim, d, 3), nn.LeakyReLU(0.1, inplace=True)),  # 1 -> 3
        *_block(ConvTranspose2d(d, c, 4, stride=2), nn.LeakyReLU(0.1, inplace=True)),  # 8
        *_block(ConvTranspose2d(c, b, 4), nn.LeakyReLU(0.1, inplace=True)),  # 11
        *_block(ConvTranspose2d(b, a, 4, stride=2), nn.LeakyReLU(0.1, inplace=True)),  # 24
        *_block(ConvTranspose2d(a, a, 5), nn.LeakyReLU(0.1, inplace=True)),  # 28
        *_block(ConvTranspose2d(a, a, 1), nn.LeakyReLU(0.1, inplace=True)),
        ConvTranspose2d(a, 1, 1),
        nn.Sigmoid(),
    )
    return encoder, decoder


def celeba_pair(dim: int, *, latent_width: int | None = None, width: float = 1.0) -> tuple[nn.Module, nn.Module]:
    """Encoder (n, 3, 64, 64) -> (n, latent_width) and decoder (n, dim) -> (n, 3, 64, 64).

    Every 4(2) layer has padding 1, so it halves or doubles the image.

    Args:
        dim, latent_width, width: as for `mnist_pair`.
    """
    a, b, c, d = (scaled(channels, width) for channels in (128, 256, 512, 1024))
    encoder = nn.Sequential(
        *_block(Conv2d(3, a, 4, 2, 1), nn.ReLU(inplace=True)),  # 64 -> 32
        *_block(Conv2d(a, b, 4, 2, 1), nn.ReLU(inplace=True)),  # 16
        *_block(Conv2d(b, c, 4, 2, 1), nn.ReLU(inplace=True)),  # 8
        *_block(Conv2d(c, d, 4, 2, 1), nn.ReLU(inplace=True)),  # 4
        nn.Flatten(),
        nn.Linear(d * 4 * 4, latent_width or dim),
    )
    decoder = nn.Sequential(
        nn.Linear(dim, d * 8 * 8),
        nn.Unflatten(1, (d, 8, 8)),
        *_block(ConvTranspose2d(d, c, 4, 2, 1), nn.ReLU(inplace=True)),  # 8 -> 16
        *_block(ConvTranspose2d(c, b, 4, 2, 1), nn.ReLU(inplace=True)),  # 32
        *_block(ConvTranspose2d(b, a, 4, 2, 1), nn.ReLU(inplace=True)),  # 64
        ConvTranspose2d(a, 3, 1),
        nn.Sigmoid(),
    )
    return encoder, decoder


def _block(convolution: Conv2d | ConvTranspose2d, activation: nn.Module) -> tuple[nn.Module, ...]:
    return convolution, nn.BatchNorm2d(convolution.out_channels), activation
