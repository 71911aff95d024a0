"""A faster decoder for single items, used while a slider moves.

In each call, PyTorch converts the weights of a transposed convolution to the layout of oneDNN, which for a single item
takes as long as the convolution. Here the weights are converted once, and batch normalisation is folded into them. The
first transposed convolution is merged with the linear map before it, from the components to the features, of which a
move of one slider needs one row. The item shown when the sliders rest, and every saved item, is decoded by the model
itself.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from eccentric.explorer.states import latents_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.models import Autoencoder

    Decode = Callable[[Float[Tensor, "1 d"]], Float[Tensor, "1 ..."]]

__all__ = ["quick_decoder"]

TOLERANCE = 1e-4  # root mean square, in standardised units
MOST_NUMBERS = 2**24  # in the matrix of the merged layers, 64 MB; reading a larger one takes longer than the layers

MOST_CHANGED = 4  # inputs of the merged layers, before sums start anew


@torch.no_grad()
def quick_decoder(model: Autoencoder, components: DeepComponents, state: Float[Tensor, "1 d"]) -> Decode:
    """A function that decodes one state to a raw item, by the model itself if a faster decoder is not possible.

    Args:
        model: on the CPU, in evaluation mode.
        components: of the model.
        state: state for which the results of the two are compared.
    """
    latents = _Latents(components)
    exact = nn.Sequential(latents, model.decoder)
    if not any(isinstance(layer, nn.ConvTranspose2d) for layer in model.decoder.modules()):
        return _in_raw_units(model, exact)
    try:
        quick = _simplified(latents, model.decoder, state)
        error = (quick(state) - exact(state)).square().mean().sqrt()
    except (AttributeError, NotImplementedError, RuntimeError):  # missing operators
        return _in_raw_units(model, exact)
    return _in_raw_units(model, quick if error <= TOLERANCE else exact)


def _in_raw_units(model: Autoencoder, decoder: nn.Module) -> Decode:
    @torch.no_grad()
    def decode(state: Float[Tensor, "1 d"]) -> Float[Tensor, "1 ..."]:
        raw: Tensor = decoder(state) * model.scale + model.shift
        return raw

    return decode


class _Latents(nn.Module):
    """The latents of states, an affine map."""

    def __init__(self, components: DeepComponents) -> None:
        super().__init__()
        self._components = components
        self.dim = len(components.eigenvalues)

    def forward(self, state: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        return latents_of(self._components, state.numpy())


def _simplified(latents: _Latents, decoder: nn.Module, state: Float[Tensor, "1 d"]) -> nn.Module:
    decoder = _merged(latents, _folded(copy.deepcopy(decoder)))
    shapes: dict[nn.Module, list[int]] = {}
    transposed = [layer for layer in decoder.modules() if isinstance(layer, nn.ConvTranspose2d)]
    hooks = [
        layer.register_forward_pre_hook(lambda layer, inputs: shapes.update({layer: list(inputs[0].shape)}))
        for layer in transposed
    ]
    decoder(state)
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


def _merged(latents: _Latents, decoder: nn.Module) -> nn.Module:
    """The decoder of states, with one linear layer at its start if the network begins as the one for faces.

    The values of the linear layers at 0 and at each unit vector give its bias and its weights.
    """
    match list(decoder.children()) if isinstance(decoder, nn.Sequential) else []:
        case [nn.Linear() as linear, nn.Unflatten() as unflatten, nn.ConvTranspose2d() as transposed, *others]:
            first = nn.Sequential(latents, linear, unflatten, transposed)
        case _:
            return nn.Sequential(latents, decoder)
    at_zero = first(torch.zeros(1, latents.dim))
    if latents.dim * at_zero.numel() > MOST_NUMBERS:
        return nn.Sequential(latents, decoder)
    merged = _LinearNear((first(torch.eye(latents.dim)) - at_zero).flatten(1), at_zero.flatten(1))
    return nn.Sequential(merged, nn.Unflatten(1, at_zero.shape[1:]), *others)


class _LinearNear(nn.Module):
    """A linear layer that is fast if few of its inputs differ from those of an earlier call, as when one slider moves.

    Only the weights of these inputs are read, which is most of the time of a large layer. Sums start from the last call
    in which many inputs changed, so rounding does not accumulate.
    """

    def __init__(self, weight: Float[Tensor, "d features"], bias: Float[Tensor, "1 features"]) -> None:
        super().__init__()
        self._weight = weight
        self._start = torch.zeros(1, len(weight)), bias

    def forward(self, x: Float[Tensor, "1 d"]) -> Float[Tensor, "1 features"]:
        inputs, outputs = self._start  # assigned at once, because several threads may call
        difference = x - inputs
        changed = difference[0].nonzero().flatten()
        result = outputs + difference[:, changed] @ self._weight[changed]
        if len(changed) > MOST_CHANGED:
            self._start = x.clone(), result.clone()  # the next layer may work in place
        return result


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
