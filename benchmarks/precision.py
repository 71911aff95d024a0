"""The precision table of docs/loss.md: `python -m benchmarks.precision [cpu|cuda]`.

Errors against the dense formula in double precision: of the value relative to its first term, of the gradient
relative to its largest entry. For half precision the gradient is rounded to the dtype of z at the end, so its error is
given before that as well.
"""

from __future__ import annotations

import sys

import torch

from eccentric import eccentric_loss
from eccentric.kernels.one_pass import value_and_gradient

SIZES = ((100, 64), (1024, 64), (4096, 64), (4096, 257))
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def errors(z: torch.Tensor, mu: float = 1.0) -> tuple[float, float, float]:
    """Of the value, of the gradient as computed, of the gradient as returned."""
    truth_z = z.detach().double().requires_grad_()
    truth = eccentric_loss(truth_z, mu, N=float(2 * z.shape[1] + 1), impl="reference")
    (true_gradient,) = torch.autograd.grad(truth, truth_z)
    value, gradient = value_and_gradient(z, mu, float(2 * z.shape[1] + 1))
    scale = truth_z.square().sum(1).mean().item()
    largest = true_gradient.abs().max()

    def error(found: torch.Tensor) -> float:
        return ((found.double() - true_gradient).abs().max() / largest).item()

    return abs(value.item() - truth.item()) / scale, error(gradient), error(gradient.to(z.dtype))


def main() -> None:
    device = torch.device(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    print("| dtype of z | b, d | value | gradient | gradient in z's dtype |\n| --- | --- | --- | --- | --- |")
    for dtype in DTYPES:
        for b, d in SIZES:
            z = torch.randn(b, d, generator=torch.Generator().manual_seed(0)).to(device, dtype)
            name = str(dtype).removeprefix("torch.")
            print(f"| {name} | {b:,}, {d} | " + " | ".join(f"{e:.0e}" for e in errors(z)) + " |")


if __name__ == "__main__":
    main()
