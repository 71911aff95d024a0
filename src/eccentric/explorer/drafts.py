"""A faster decoder for single items, used while a slider moves.

In each call, PyTorch converts the weights of a transposed convolution to the layout of oneDNN, which for a single item
takes as long as the convolution. Here the weights are converted once, batch normalisation is folded into them, and the
first transposed convolution is merged with the linear layer before it, because nothing between them is non-linear. The
item shown when the sliders rest, and every saved item, is decoded by the model itself.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float
    from torch import Tensor

    from eccentric.models import Autoencoder

    Decode = Callable[[Float[Tensor, "1 d"]], Float[Tensor, "1 ..."]]

__all__ = ["quick_decoder"]

TOLERANCE = 1e-4  # root mean square, in standardised units
MOST_NUMBERS = 2**24  # in the matrix of the merged layers, 64 MB; reading a larger one takes longer than the layers


@torch.no_grad()
def quick_decoder(model: Autoencoder, z: Float[Tensor, "1 d"]) -> Decode:
    """A function that decodes one latent to a raw item; `model.decode` if a faster decoder is not possible.

    Args:
        model: on the CPU, in evaluation mode.
        z: latent for which the results of the two are compared.
    """
    if not any(isinstance(layer, nn.ConvTranspose2d) for layer in model.decoder.modules()):
        return torch.no_grad()(model.decode)
    try:
        decoder = _simplified(model.decoder, z)
        error = (decoder(z) - model.decoder(z)).square().mean().sqrt()
    except (AttributeError, NotImplementedError, RuntimeError):  # missing operators
        return torch.no_grad()(model.decode)
    return _in_raw_units(model, decoder) if error <= TOLERANCE else torch.no_grad()(model.decode)


def _in_raw_units(model: Autoencoder, decoder: nn.Module) -> Decode:
    @torch.no_grad()
    def decode(z: Float[Tensor, "1 d"]) -> Float[Tensor, "1 ..."]:
        raw: Tensor = decoder(z) * model.scale + model.shift
        return raw

    return decode


def _simplified(decoder: nn.Module, z: Float[Tensor, "1 d"]) -> nn.Module:
    decoder = _merged(_folded(copy.deepcopy(decoder)))
    shapes: dict[nn.Module, list[int]] = {}
    transposed = [layer for layer in decoder.modules() if isinstance(layer, nn.ConvTranspose2d)]
    hooks = [
        layer.register_forward_pre_hook(lambda layer, inputs: shapes.update({layer: list(inputs[0].shape)}))
        for layer in transposed
    ]
    decoder(z)
    for hook in hooks:
        hook.remove()
    return _packed(decoder, shapes)


def _folded(network: nn.Module) -> nn.Module:
    """The network with batch normalisation folded into the convolutions before it, in each `nn.Sequential`."""
    for name, child in network.named_children():
        setattr(network, name, _folded(child))
    if not isinstance(network, nn.Sequential):
        return network
    layers: list[nn.Module] = []
    for layer in network:
        before = layers[-1] if layers else None
        transposed = isinstance(before, nn.ConvTranspose2d)
        if (
            isinstance(layer, nn.BatchNorm2d)
            and layer.running_mean is not None
            and isinstance(before, nn.Conv2d | nn.ConvTranspose2d)
        ):
            layers[-1] = fuse_conv_bn_eval(before, layer, transposed)
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


def _merged(decoder: nn.Module) -> nn.Module:
    """The decoder with one linear layer in place of the first three, if these are linear as in the network for faces.

    The values of the three layers at 0 and at each unit vector give its bias and its weights.
    """
    match list(decoder.children()) if isinstance(decoder, nn.Sequential) else []:
        case [nn.Linear() as linear, nn.Unflatten() as unflatten, nn.ConvTranspose2d() as transposed, *others]:
            first = nn.Sequential(linear, unflatten, transposed)
        case _:
            return decoder
    dim = linear.in_features
    at_zero = first(torch.zeros(1, dim))
    if dim * at_zero.numel() > MOST_NUMBERS:
        return decoder
    merged = nn.Linear(dim, at_zero.numel())
    merged.weight.data = (first(torch.eye(dim)) - at_zero).flatten(1).T.contiguous()
    merged.bias.data = at_zero.flatten()
    return nn.Sequential(merged, nn.Unflatten(1, at_zero.shape[1:]), *others)


def _packed(network: nn.Module, shapes: dict[nn.Module, list[int]]) -> nn.Module:
    """The network with the layers in `shapes` replaced."""
    for name, child in network.named_children():
        setattr(network, name, _packed(child, shapes))
    return _PackedTransposed(network, shapes[network]) if isinstance(network, nn.ConvTranspose2d) else network


class _PackedTransposed(nn.Module):
    """A transposed convolution for inputs of one shape, whose weights are in the layout of oneDNN."""

    def __init__(self, layer: nn.ConvTranspose2d, shape: list[int]) -> None:
        super().__init__()
        sides = (layer.padding, layer.output_padding, layer.stride, layer.dilation)
        self._settings = (*(list(side) for side in sides), layer.groups)
        self._bias = layer.bias
        self._weight = torch.ops.mkldnn._reorder_convolution_transpose_weight(layer.weight, *self._settings, shape)

    def forward(self, x: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 k i j"]:
        result: Tensor = torch.ops.mkldnn._convolution_transpose_pointwise(
            x, self._weight, self._bias, *self._settings, "none", [], ""
        )
        return result
