"""Autoencoders for what the paper does not cover: images of any size and channel count, and tables."""

from __future__ import annotations

from torch import nn


def conv_pair(shape: tuple[int, int, int], dim: int, width: int = 32) -> tuple[nn.Module, nn.Module]:
    """Encoder (n, c, h, w) -> (n, dim) and decoder back, for any c, h, w.

    Each level halves the image (rounding up) until its shorter side is at most 4; channels double from `width` up to
    256. The decoder enlarges to the very sizes the encoder passed through, by nearest neighbours and a convolution,
    which leaves no checkerboard.
    """
    channels, *size = shape
    sizes, widths = [tuple(size)], [width]
    while min(sizes[-1]) > 4:
        sizes.append(tuple((side + 1) // 2 for side in sizes[-1]))
        widths.append(min(2 * widths[-1], 256))

    down: list[nn.Module] = _conv_block(channels, widths[0])
    up: list[nn.Module] = []
    for level in range(1, len(sizes)):
        narrow, wide = widths[level - 1], widths[level]
        down += _conv_block(narrow, wide, stride=2)
        up = [nn.Upsample(size=sizes[level - 1]), *_conv_block(wide, narrow), *up]
    bottom = (widths[-1], *sizes[-1])
    features = bottom[0] * bottom[1] * bottom[2]

    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(features, dim))
    decoder = nn.Sequential(
        nn.Linear(dim, features),
        nn.Unflatten(1, bottom),
        nn.BatchNorm2d(bottom[0]),
        nn.LeakyReLU(0.1),
        *up,
        nn.Conv2d(widths[0], channels, 3, padding=1),
        nn.Sigmoid(),
    )
    return encoder, decoder


def mlp_pair(features: int, dim: int, width: int = 256) -> tuple[nn.Module, nn.Module]:
    """Encoder (n, features) -> (n, dim) and decoder back, two hidden layers each; the output is unbounded."""
    encoder = nn.Sequential(*_dense_block(features, width), *_dense_block(width, width), nn.Linear(width, dim))
    decoder = nn.Sequential(*_dense_block(dim, width), *_dense_block(width, width), nn.Linear(width, features))
    return encoder, decoder


def _conv_block(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1)]


def _dense_block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.LeakyReLU(0.1)]
