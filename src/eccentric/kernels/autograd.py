"""Differentiable one-pass kernels: Functions for eager mode and torch.func, an operator for torch.compile.

The operator `eccentric::value_and_gradient` is one opaque step with a known shape and derivative, so that no compiler
sees a Python loop over tiles. Eager mode goes through Functions with the same rules instead, because PyTorch's
operators do not take part in torch.func's transforms, and cost twice as much to call.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from eccentric.kernels import one_pass, reference
from eccentric.kernels.constant import KernelConstant, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence


def loss(z: Tensor, mu: float, N: KernelConstant, impl: str = "auto", shifts: Tensor | None = None) -> Tensor:
    """Return the loss of z (b, d): float64 for float64 input, otherwise float32. Half precision is converted first."""
    if torch.compiler.is_compiling():
        # The formula for N stays inside the operator: a compiler cannot trace it.
        method, number = (N, 0.0) if isinstance(N, str) else ("number", N)
        return value_and_gradient(z, mu, method, number, impl, shifts)[0]
    arguments = (z, mu, resolve(z.shape[1], mu, N), impl, shifts)
    value: Tensor = _Pair.apply(*arguments)[0] if _transforms_active() else _Eager.apply(*arguments)
    return value


# Function.apply asks the same. Versions of PyTorch without this function use the form that always works.
_transforms_active = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)


def _save(ctx: Any, inputs: tuple[Tensor, float, float, str, Tensor | None], gradient: Tensor) -> None:
    z, ctx.mu, ctx.N, _, shifts = inputs
    ctx.sampled = shifts is not None
    ctx.save_for_backward(z, gradient)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
    z, gradient = ctx.saved_tensors
    if torch.is_grad_enabled():  # second derivatives may be requested
        gradient = _Gradient.apply(z, gradient, ctx.mu, ctx.N, ctx.sampled)
    return (grad * gradient).to(z.dtype), None, None, None, None


class _Eager(torch.autograd.Function):
    """Form for eager mode. It has half the overhead of the form for torch.func, which matters for small batches."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        value, gradient = one_pass.value_and_gradient(*inputs)
        _save(ctx, inputs, gradient)
        return value

    backward = staticmethod(_backward)


class _Pair(torch.autograd.Function):
    """Value and gradient for torch.func."""

    @staticmethod
    def forward(*inputs: Any) -> tuple[Tensor, Tensor]:
        return one_pass.value_and_gradient(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: tuple[Tensor, Tensor]) -> None:
        _save(ctx, inputs, output[1])
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None, None, None, None]:
        return _backward(ctx, grad)

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, z: Tensor, mu: float, N: float, impl: str, shifts: Tensor | None
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        """Compute an ensemble (r, b, d) one batch after the other; each batch may have its own shifts."""

        def members(tensor: Tensor | None, dim: int | None) -> Sequence[Tensor | None]:
            return [tensor] * info.batch_size if tensor is None or dim is None else tensor.unbind(dim)

        each = zip(members(z, in_dims[0]), members(shifts, in_dims[4]), strict=True)
        values, gradients = zip(*(_Pair.apply(one, mu, N, impl, own) for one, own in each), strict=True)
        return (torch.stack(values), torch.stack(gradients)), (0, 0)


class _Gradient(torch.autograd.Function):
    """The computed gradient as a differentiable function of z, for second derivatives."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, gradient: Tensor, mu: float, N: float, sampled: bool) -> Tensor:
        return gradient.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, float, float, bool], output: Tensor) -> None:
        z, _, ctx.mu, ctx.N, ctx.sampled = inputs
        ctx.save_for_backward(z)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor, None, None, None, None]:
        if ctx.sampled:
            raise RuntimeError("the loss estimated from a number of pairs has no second derivative; use pairs='all'")
        (z,) = ctx.saved_tensors
        # Dense, but only computed if requested; plain operations, so third derivatives work, too.
        with one_pass.without_autocast(z):
            product = reference.hessian_product(z.to(v.dtype), v, ctx.mu, ctx.N)
        return product.to(z.dtype), None, None, None, None


@torch.library.custom_op("eccentric::value_and_gradient", mutates_args=())
def value_and_gradient(
    z: Tensor, mu: float, method: str, N: float, impl: str = "auto", shifts: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the loss of z (b, d) and its gradient, both in float64 for float64 input, otherwise in float32.

    If `method` is "number", N is used as given; otherwise `method` names the formula that computes N from mu and d.
    """
    value, gradient = one_pass.value_and_gradient(z, mu, _number(z, mu, method, N), impl, shifts)
    return value, gradient.contiguous()  # contiguous for any strides of z, as declared to compilers below


@value_and_gradient.register_fake
def _(
    z: Tensor, mu: float, method: str, N: float, impl: str = "auto", shifts: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    dtype = one_pass.result_dtype(z.dtype)
    return z.new_empty((), dtype=dtype), z.new_empty(z.shape, dtype=dtype)


def _save_operator(ctx: Any, inputs: Any, output: tuple[Tensor, Tensor]) -> None:
    z, mu, method, N, impl, shifts = inputs
    _save(ctx, (z, mu, _number(z, mu, method, N), impl, shifts), output[1])
    ctx.mark_non_differentiable(output[1])


def _backward_operator(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None, None, None, None, None]:
    return *_backward(ctx, grad), None


value_and_gradient.register_autograd(_backward_operator, setup_context=_save_operator)


def _number(z: Tensor, mu: float, method: str, N: float) -> float:
    # index() makes d a plain number if a compiler treats it as a variable.
    given: Any = N if method == "number" else method
    return resolve(operator.index(z.shape[1]), mu, given)
