"""Precision of computations within `forward`, where autocast may produce bfloat16."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["at_least_float32"]


def at_least_float32(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Convert x to float32, unless it is float64."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
