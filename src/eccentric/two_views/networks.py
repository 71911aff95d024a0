"""Networks for two views: a small convolutional encoder and a projector."""

from __future__ import annotations

from torch import nn

__all__ = ["projector", "small_encoder"]


def small_encoder(channels: int, features: int = 64, width: int = 16) -> nn.Sequential:
    """Three convolutions of stride 2 with batch normalisation, and a linear layer, for images (n, channels, h, w)."""
    layers: list[nn.Module] = []
    for wide in (width, 2 * width, 4 * width):
        layers += [nn.Conv2d(channels, wide, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
        channels = wide
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * channels, features))


def projector(features: int, hidden: int, out: int) -> nn.Sequential:
    """Two layers with batch normalisation between them."""
    return nn.Sequential(
        nn.Linear(features, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, out)
    )
