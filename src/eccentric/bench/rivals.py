"""What a user would write, or pick instead: other code for this loss, and other losses for what they cost."""

from __future__ import annotations

import importlib.util
import math
import sys
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float
    from torch import Tensor

    Loss = Callable[[Float[Tensor, "b d"]], Float[Tensor, ""]]


def paper_listing(z: Tensor, scale: float = 1) -> Tensor:
    """The paper's own code, A.4, letter for letter but for the name."""
    x0 = torch.squeeze(z)
    x1 = x0.transpose(0, 1)
    batch = x0.size()[0]
    dim = x0.size()[1]
    norm = 2 * dim * (1 + 1 / (2 * scale * (dim - 1))) / (2 * scale - 1)
    xx = torch.bmm(x0.view(batch, 1, dim), x0.view(batch, dim, 1)).squeeze(2)
    xx0 = xx.expand(batch, batch)
    xx1 = xx0.transpose(0, 1)
    xy = xx0 + xx1 - 2 * torch.matmul(x0, x1)
    result = torch.sum(xx) - scale * norm * torch.sum(torch.log(1 + xy / norm)) / (batch - 1)
    return result / batch


def dense(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """The formula as a careful user would write it, for torch.compile to fuse."""
    b, d = z.shape
    N = 2 * d * (1 + 1 / (2 * (d - 1)))
    norms = z.square().sum(1)
    distances = (norms[:, None] + norms[None, :] - 2 * z @ z.T).clamp(min=0)
    return norms.mean() - N * torch.log1p(distances / N).sum() / (b * (b - 1))


def keops(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """The formula in KeOps' symbolic tensors, which are reduced without ever being stored."""
    from pykeops.torch import LazyTensor

    b, d = z.shape
    N = 2 * d * (1 + 1 / (2 * (d - 1)))
    distances = ((LazyTensor(z[:, None, :]) - LazyTensor(z[None, :, :])) ** 2).sum(-1)
    return z.square().sum() / b - N * (1 + distances / N).log().sum(1).sum() / (b * (b - 1))


def sigreg(z: Float[Tensor, "b d"], slices: int = 1024, points: int = 17) -> Float[Tensor, ""]:
    """SIGReg (LeJEPA, Balestriero & LeCun 2025): the Epps-Pulley test of normality on random one-dimensional slices."""
    b, d = z.shape
    directions = torch.randn(d, slices, device=z.device, dtype=z.dtype)
    t = torch.linspace(-5, 5, points, device=z.device, dtype=z.dtype)
    phases = (z @ (directions / directions.norm(dim=0)))[..., None] * t
    normal = torch.exp(-t.square() / 2)
    gap = (phases.cos().mean(0) - normal).square() + phases.sin().mean(0).square()
    return b * torch.trapezoid(gap * normal, t, dim=1).mean()


def vicreg(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """The variance and covariance terms of VICReg (Bardes, Ponce & LeCun 2022), with its weights."""
    b, d = z.shape
    x = z - z.mean(0)
    variance = torch.relu(1 - (x.var(0) + 1e-4).sqrt()).mean()
    covariance = x.T @ x / (b - 1)
    return 25 * variance + (covariance.square().sum() - covariance.diagonal().square().sum()) / d


def uniformity(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """Uniformity on the sphere (Wang & Isola 2020), as their code has it."""
    x = torch.nn.functional.normalize(z, dim=1)
    return torch.pdist(x).square().mul(-2).exp().mean().log()


def same_loss() -> dict[str, Loss]:
    """Other code for the Eccentric loss with mu = 1, by name."""
    found: dict[str, Loss] = {"paper's listing": paper_listing, "dense": dense}
    compiled: Loss = torch.compile(dense, dynamic=False)
    found["dense, torch.compile"] = compiled
    if importlib.util.find_spec("pykeops"):
        found["KeOps"] = keops
    return found


def other_losses() -> dict[str, Loss]:
    """What else is added to an objective to keep latents apart, by name."""
    return {"SIGReg, 1024 slices": sigreg, "VICReg": vicreg, "uniformity": uniformity}


def floor_flops(b: int, d: int) -> float:
    """Multiplications and additions that no exact method does without: half a Gram matrix, and w z."""
    return b * b * d + 2 * b * b * d


def limit(name: str, device: torch.device) -> int:
    """The largest batch worth trying: beyond it the rival needs too much memory, or minutes."""
    if name in ("paper's listing", "dense", "dense, torch.compile", "uniformity"):
        memory = 16e9 if device.type == "cpu" else 0.8 * torch.cuda.get_device_properties(device).total_memory
        return int(math.sqrt(memory / 32))  # eight b x b tensors of float32
    if name in ("KeOps", "SIGReg, 1024 slices"):
        return 1 << (14 if device.type == "cpu" else 18)
    return sys.maxsize  # linear in memory, and quick
