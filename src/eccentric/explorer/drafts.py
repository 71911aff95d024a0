"""A faster decoder for single items, used while a slider moves.

In each call, PyTorch converts the weights of a transposed convolution to the layout of oneDNN, which for a single item
takes as long as the convolution. Here the weights are converted once, and batch normalisation is folded into them. The
first transposed convolution is merged with the linear map before it, from the components to the features, of which a
move of one slider needs one row. The largest layers of the network for faces are computed with integers of eight bits.
The item shown when the sliders rest, and every saved item, is decoded by the model itself.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from eccentric.explorer.fast_layers import IntegerUpsampling, LinearNear, PackedTransposed
from eccentric.explorer.states import latents_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.models import Autoencoder

    Decode = Callable[[Float[Tensor, "1 d"]], Float[Tensor, "1 ..."]]

__all__ = ["quick_decoder"]

# Largest root mean square of the difference between draft and item, in standardised units: with integers, one of 255
# grey levels.
ROUNDING, GREY_LEVEL = 1e-4, 1 / 255
MOST_NUMBERS = 2**24  # in the matrix of the merged layers, 64 MB; reading a larger one takes longer than the layers
COMPARED = 4  # states
# Processors on which integers are faster. With AVX2, this was measured: 0.6 of the time.
INTEGERS = ("AVX2", "AVX512")


@torch.no_grad()
def quick_decoder(model: Autoencoder, components: DeepComponents, state: Float[Tensor, "1 d"]) -> Decode:
    """A function that decodes one state to a raw item, by the model itself if a faster decoder is not possible.

    Its results are compared with those of the model for `state` and for random states.

    Args:
        model: on the CPU, in evaluation mode.
        components: of the model.
        state: a state, for which the decoder is prepared.
    """
    latents = _Latents(components)
    exact = nn.Sequential(latents, model.decoder)
    if not any(isinstance(layer, nn.ConvTranspose2d) for layer in model.decoder.modules()):
        return _in_raw_units(model, exact)
    states = [state, *torch.randn(COMPARED - 1, *state.shape, generator=torch.Generator().manual_seed(0))]
    for integers, most in ((True, GREY_LEVEL), (False, ROUNDING)):
        if integers and torch.backends.cpu.get_cpu_capability() not in INTEGERS:
            continue
        try:
            quick = _simplified(latents, model.decoder, state, integers)
            errors = [(quick(each) - exact(each)).square().mean().sqrt() for each in states]
        except (AttributeError, NotImplementedError, RuntimeError):  # missing operators
            continue
        if max(errors) <= most:
            return _in_raw_units(model, quick)
    return _in_raw_units(model, exact)


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


def _simplified(latents: _Latents, decoder: nn.Module, state: Float[Tensor, "1 d"], integers: bool) -> nn.Module:
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
    return _packed(_in_integers(decoder, shapes) if integers else decoder, shapes)


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
    merged = LinearNear((first(torch.eye(latents.dim)) - at_zero).flatten(1), at_zero.flatten(1))
    return nn.Sequential(merged, nn.Unflatten(1, at_zero.shape[1:]), *others)


def _in_integers(network: nn.Module, shapes: dict[nn.Module, list[int]]) -> nn.Module:
    """The network with integer arithmetic for the layers that support it between two ReLU, in each `nn.Sequential`."""
    for name, child in network.named_children():
        setattr(network, name, _in_integers(child, shapes))
    if not isinstance(network, nn.Sequential):
        return network
    given = list(network)
    layers = given.copy()
    for i in range(1, len(given) - 1):
        before, layer, after = given[i - 1 : i + 2]
        if IntegerUpsampling.supports(layer) and isinstance(before, nn.ReLU) and isinstance(after, nn.ReLU):
            layers[i : i + 2] = IntegerUpsampling(layer, shapes[layer]), nn.Identity()
    return nn.Sequential(*layers)


def _packed(network: nn.Module, shapes: dict[nn.Module, list[int]]) -> nn.Module:
    """The network with the transposed convolutions in `shapes` replaced."""
    for name, child in network.named_children():
        setattr(network, name, _packed(child, shapes))
    return PackedTransposed(network, shapes[network]) if isinstance(network, nn.ConvTranspose2d) else network
