"""Equation (1) in float64 by explicit differences, independent of every kernel; and the paper's own listing."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.distance import cdist


def loss_and_gradient(z: torch.Tensor, mu: float, N: float) -> tuple[float, np.ndarray]:
    x = z.detach().double().cpu().numpy()
    b = len(x)
    ratio = cdist(x, x, "sqeuclidean") / N
    value = (x**2).sum() / b - mu * N * np.log1p(ratio).sum() / (b * (b - 1))
    w = 1 / (1 + ratio)
    centred = x - x.mean(0)
    force = centred * w.sum(1, keepdims=True) - w @ centred
    return value, 2 / b * x - 4 * mu / (b * (b - 1)) * force


def paper_listing(z: torch.Tensor, scale: float = 1) -> torch.Tensor:
    """The paper's A.4, letter for letter."""
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
