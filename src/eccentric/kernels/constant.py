"""The kernel constant N as a number."""

from __future__ import annotations

import math
from functools import lru_cache
from numbers import Real
from typing import Literal

from eccentric.theory import METHODS, kernel_constant

KernelConstant = float | Literal["paper", "exact"]


def resolve(dim: int, mu: float, N: KernelConstant) -> float:
    """Return N for d = `dim`.

    Raises:
        ValueError: mu or N is out of range, or the formula for N is not defined at `dim`.
    """
    if not (isinstance(mu, Real) and 0 < mu < math.inf):
        raise ValueError(f"mu must be a positive number, not {mu!r}")
    if not (N in METHODS if isinstance(N, str) else isinstance(N, Real) and 0 < N < math.inf):
        raise ValueError(f"N must be {', '.join(map(repr, METHODS))} or a positive number, not {N!r}")
    if isinstance(N, str):
        return _formula(dim, mu, N)
    return float(N)


@lru_cache(maxsize=256)  # cached, so that a training step does not search for a root
def _formula(dim: int, mu: float, method: str) -> float:
    return float(kernel_constant(dim, mu, method=method))
