"""Equation (1) in float64 by explicit differences, independent of every kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    import torch


def loss_and_gradient(z: torch.Tensor, mu: float, N: float) -> tuple[float, np.ndarray]:
    x = z.detach().double().cpu().numpy()
    b = len(x)
    ratio = cdist(x, x, "sqeuclidean") / N
    value = (x**2).sum() / b - mu * N * np.log1p(ratio).sum() / (b * (b - 1))
    w = 1 / (1 + ratio)
    centred = x - x.mean(0)
    force = centred * w.sum(1, keepdims=True) - w @ centred
    return value, 2 / b * x - 4 * mu / (b * (b - 1)) * force
