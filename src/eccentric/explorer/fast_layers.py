"""Layers of decoders that are faster for single items, see `drafts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import nn

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["IntegerUpsampling", "LinearNear", "PackedTransposed"]

MOST_CHANGED = 4  # inputs of `LinearNear`, before sums start anew
# Largest integer of inputs and weights. Processors with AVX2 add two products in 16 bits: 2 * 127 * 127 is below 2**15.
TOP = 127


class LinearNear(nn.Module):
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


class PackedTransposed(nn.Module):
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


class IntegerUpsampling(nn.Module):
    """A transposed convolution that doubles height and width, and the ReLU after it, in integer arithmetic.

    Inputs and weights are rounded to multiples of a unit: the inputs of each call, and the weights of each output
    channel, are at most 127 units. The rows of the result with an even index depend on the input rows i - 1 and i, and
    those with an odd index on i and i + 1; the same holds for columns. So the layer is a convolution with a 2x2 kernel
    and four times the channels, for which oneDNN has integer arithmetic.

    Args:
        layer: a transposed convolution that `supports` accepts.
        shape: shape of the inputs, which must not be negative.
    """

    def __init__(self, layer: nn.ConvTranspose2d, shape: list[int]) -> None:
        super().__init__()
        # The taps of even rows, for the input rows i - 1 and i, and those of odd rows, for i and i + 1.
        taps = torch.tensor([[3, 1], [2, 0]])
        weight = layer.weight[:, :, taps][..., taps].permute(2, 4, 1, 0, 3, 5).flatten(0, 2)
        self._unit = weight.abs().amax((1, 2, 3)).clamp_min(torch.finfo(weight.dtype).tiny) / TOP
        self._zero = torch.zeros(len(weight), dtype=torch.int32)
        self._settings = [1, 1], [1, 1], [1, 1], 1  # stride, padding, dilation, groups
        integers = (weight / self._unit.view(-1, 1, 1, 1)).round().to(torch.int8)
        self._weight = torch.ops.onednn.qconv_prepack(integers, self._unit, 1.0, 0, *self._settings, shape)
        bias = torch.zeros(layer.out_channels) if layer.bias is None else layer.bias
        self._bias = bias.repeat(4)
        self._half = torch.tensor(0.5)

    @staticmethod
    def supports(layer: nn.Module) -> TypeGuard[nn.ConvTranspose2d]:
        """Whether the layer is a transposed convolution with a 4x4 kernel that doubles height and width."""
        return (
            isinstance(layer, nn.ConvTranspose2d)
            and (layer.kernel_size, layer.stride, layer.padding) == ((4, 4), (2, 2), (1, 1))
            and (layer.output_padding, layer.dilation, layer.groups) == ((0, 0), (1, 1), 1)
        )

    def forward(self, x: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 k i j"]:
        unit = float(x.amax()) / TOP or 1.0
        integers = torch.add(self._half, x, alpha=1 / unit).to(torch.uint8)  # rounded to the nearest
        y: Tensor = torch.ops.onednn.qconv2d_pointwise(
            *(integers.contiguous(memory_format=torch.channels_last), 1.0, 0),
            *(self._weight, self._unit, self._zero, self._bias / unit, *self._settings),
            *(1.0, 0, torch.float32, "relu", [], ""),
        )
        height, width, channels = x.shape[2], x.shape[3], y.shape[1] // 4
        column, row = 4 * channels, 4 * channels * (width + 1)
        view = y.contiguous(memory_format=torch.channels_last).as_strided(
            (height, 2, width, 2, channels), (row, row + 2 * channels, column, column + channels, 1)
        )
        result = torch.mul(view, unit, out=torch.empty(view.shape))
        return result.view(1, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)
