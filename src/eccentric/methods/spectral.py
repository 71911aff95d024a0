"""Spectral normalization of a decoder (Miyato et al. 2018), shared by the methods that need a Lipschitz decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.utils.parametrizations import spectral_norm

from eccentric.methods.weights import layers

if TYPE_CHECKING:
    from torch import Tensor, nn


def normalize_spectra(network: nn.Module) -> nn.Module:
    """Hold the spectral norm of every linear and convolutional layer at 1, by PyTorch's power iteration."""
    for layer in layers(network):
        weight: Tensor = layer.weight  # type: ignore[assignment]
        if not weight.any():  # such as the last layer of a table's network: zero has no direction to normalize
            layer.reset_parameters()  # type: ignore[operator]
        spectral_norm(layer)
    return network
