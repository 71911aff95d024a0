"""The paper's two autoencoders (A.5): activations and normalisation exactly where it lists them."""

from __future__ import annotations

from torch import nn

from eccentric.models.convolution import Conv2d, ConvTranspose2d


def mnist_pair(dim: int) -> tuple[nn.Module, nn.Module]:
    """Encoder (n, 1, 28, 28) -> (n, dim) and decoder back. No layer pads; the encoder pads the image to 32x32 first."""
    encoder = nn.Sequential(
        nn.ZeroPad2d(2),
        *_block(Conv2d(1, 16, 5), nn.LeakyReLU(0.1, inplace=True)),  # 32 -> 28
        *_block(Conv2d(16, 24, 4, stride=2), nn.LeakyReLU(0.1, inplace=True)),  # 13
        *_block(Conv2d(24, 32, 4), nn.LeakyReLU(0.1, inplace=True)),  # 10
        *_block(Conv2d(32, 48, 4, stride=2), nn.LeakyReLU(0.1, inplace=True)),  # 4
        nn.Flatten(),
        nn.Linear(48 * 4 * 4, 64),
        nn.Linear(64, dim),
    )
    decoder = nn.Sequential(
        nn.Unflatten(1, (dim, 1, 1)),
        *_block(ConvTranspose2d(dim, 48, 3), nn.LeakyReLU(0.1, inplace=True)),  # 1 -> 3
        *_block(ConvTranspose2d(48, 32, 4, stride=2), nn.LeakyReLU(0.1, inplace=True)),  # 8
        *_block(ConvTranspose2d(32, 24, 4), nn.LeakyReLU(0.1, inplace=True)),  # 11
        *_block(ConvTranspose2d(24, 16, 4, stride=2), nn.LeakyReLU(0.1, inplace=True)),  # 24
        *_block(ConvTranspose2d(16, 16, 5), nn.LeakyReLU(0.1, inplace=True)),  # 28
        *_block(ConvTranspose2d(16, 16, 1), nn.LeakyReLU(0.1, inplace=True)),
        ConvTranspose2d(16, 1, 1),
        nn.Sigmoid(),
    )
    return encoder, decoder


def celeba_pair(dim: int) -> tuple[nn.Module, nn.Module]:
    """Encoder (n, 3, 64, 64) -> (n, dim) and decoder back. Every 4(2) layer has padding 1, so it halves or doubles."""
    encoder = nn.Sequential(
        *_block(Conv2d(3, 128, 4, 2, 1), nn.ReLU(inplace=True)),  # 64 -> 32
        *_block(Conv2d(128, 256, 4, 2, 1), nn.ReLU(inplace=True)),  # 16
        *_block(Conv2d(256, 512, 4, 2, 1), nn.ReLU(inplace=True)),  # 8
        *_block(Conv2d(512, 1024, 4, 2, 1), nn.ReLU(inplace=True)),  # 4
        nn.Flatten(),
        nn.Linear(1024 * 4 * 4, dim),
    )
    decoder = nn.Sequential(
        nn.Linear(dim, 1024 * 8 * 8),
        nn.Unflatten(1, (1024, 8, 8)),
        *_block(ConvTranspose2d(1024, 512, 4, 2, 1), nn.ReLU(inplace=True)),  # 8 -> 16
        *_block(ConvTranspose2d(512, 256, 4, 2, 1), nn.ReLU(inplace=True)),  # 32
        *_block(ConvTranspose2d(256, 128, 4, 2, 1), nn.ReLU(inplace=True)),  # 64
        ConvTranspose2d(128, 3, 1),
        nn.Sigmoid(),
    )
    return encoder, decoder


def _block(convolution: Conv2d | ConvTranspose2d, activation: nn.Module) -> tuple[nn.Module, ...]:
    return convolution, nn.BatchNorm2d(convolution.out_channels), activation
