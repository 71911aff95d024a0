"""PyTorch's convolutions with a fast gradient of the bias in bfloat16 on a CPU.

If oneDNN computes the gradients of input, weight and bias together, it takes up to five times as long as for the first
two (1x1 layer of the MNIST decoder, batch 100: 2.6 ms against 0.5 ms), although the third is a sum. Here it is computed
as a sum. On other devices, and without gradients, the layers behave as PyTorch's; parameters and their names are always
PyTorch's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

_convolution = torch.ops.aten.convolution.default
_gradients = torch.ops.aten.convolution_backward.default


class Conv2d(nn.Conv2d):
    """`torch.nn.Conv2d` with zero padding and a bias."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k i j"]:
        if not _pays(x):
            return super().forward(x)
        return _apply(self, x, (self.stride, self.padding, self.dilation, False, (0, 0), self.groups))


class ConvTranspose2d(nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d` with zero padding, a bias, and the size of its output from its settings."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k i j"]:  # type: ignore[override]
        if not _pays(x):
            return super().forward(x)
        return _apply(self, x, (self.stride, self.padding, self.dilation, True, self.output_padding, self.groups))


def _pays(x: Tensor) -> bool:
    if x.device.type != "cpu" or not torch.is_grad_enabled():
        return False
    autocast = torch.is_autocast_enabled("cpu") and x.dtype != torch.float64  # autocast does not change these
    return (torch.get_autocast_dtype("cpu") if autocast else x.dtype) == torch.bfloat16


def _apply(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor, settings: tuple[Any, ...]) -> Tensor:
    assert layer.bias is not None
    # Autocast only applies to PyTorch's own functions.
    low = (tensor.to(torch.bfloat16) for tensor in (x, layer.weight, layer.bias))
    y: Tensor = _Convolution.apply(*low, settings)
    return y


class _Convolution(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor, settings: tuple[Any, ...]) -> Tensor:
        y: Tensor = _convolution(x, weight, bias, *settings)
        return y

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, _, ctx.settings = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias, _ = ctx.needs_input_grad
        grad_x, grad_weight, _ = _gradients(grad, x, weight, None, *ctx.settings, [for_x, for_weight, False])
        return grad_x, grad_weight, grad.sum((0, 2, 3)) if for_bias else None, None
