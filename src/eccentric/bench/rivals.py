"""Rivals: other implementations of the loss, and other losses to compare their cost."""

from __future__ import annotations

import importlib.util
import math
import sys
from typing import TYPE_CHECKING

import torch

from eccentric.methods.koleo import koleo
from eccentric.methods.sigreg import sigreg
from eccentric.methods.uniformity import uniformity
from eccentric.methods.vicreg import vicreg

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float
    from torch import Tensor

    Loss = Callable[[Float[Tensor, "b d"]], Float[Tensor, ""]]


def paper_listing(z: Tensor, scale: float = 1) -> Tensor:
    """The listing of the paper (A.4), unchanged except for its name."""
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
    """The formula as a careful user would write it, which torch.compile can fuse."""
    b, d = z.shape
    N = 2 * d * (1 + 1 / (2 * (d - 1)))
    norms = z.square().sum(1)
    distances = (norms[:, None] + norms[None, :] - 2 * z @ z.T).clamp(min=0)
    return norms.mean() - N * torch.log1p(distances / N).sum() / (b * (b - 1))


def keops(z: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """The formula with KeOps' symbolic tensors, which are reduced without being stored."""
    from pykeops.torch import LazyTensor

    b, d = z.shape
    N = 2 * d * (1 + 1 / (2 * (d - 1)))
    distances = ((LazyTensor(z[:, None, :]) - LazyTensor(z[None, :, :])) ** 2).sum(-1)
    return z.square().sum() / b - N * (1 + distances / N).log().sum(1).sum() / (b * (b - 1))


def same_loss() -> dict[str, Loss]:
    """Other implementations of the Eccentric loss with mu = 1, by name."""
    found: dict[str, Loss] = {"paper's listing": paper_listing, "dense": dense}
    compiled: Loss = torch.compile(dense, dynamic=False)
    found["dense, torch.compile"] = compiled
    if importlib.util.find_spec("pykeops"):
        found["KeOps"] = keops
    return found


def other_losses() -> dict[str, Loss]:
    """Other regularizers that keep latents apart, by name."""
    return {"SIGReg, 1024 slices": sigreg, "VICReg": vicreg, "uniformity": uniformity, "KoLeo": koleo}


def floor_flops(b: int, d: int) -> float:
    """Multiplications and additions that every exact method needs: half a Gram matrix, and w z."""
    return b * b * d + 2 * b * b * d


def limit(name: str, device: torch.device) -> int:
    """The largest batch to measure; for larger ones, the rival needs too much memory or minutes."""
    if name in ("paper's listing", "dense", "dense, torch.compile", "uniformity", "KoLeo"):
        memory = 16e9 if device.type == "cpu" else 0.8 * torch.cuda.get_device_properties(device).total_memory
        return int(math.sqrt(memory / 32))  # eight b x b tensors of float32
    if name in ("KeOps", "SIGReg, 1024 slices"):
        return 1 << (14 if device.type == "cpu" else 18)
    return sys.maxsize  # linear in memory and fast
