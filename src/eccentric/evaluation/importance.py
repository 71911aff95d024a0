"""What each component is worth: held-out error without it, with the first few alone, and its noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["ERRORS", "Importance", "importance", "is_worth_it", "standard_error"]

ERRORS = 2.0  # standard errors that a gain must exceed


@dataclass(frozen=True, eq=False)
class Importance:
    """Reconstruction with components held at their mean, which is zero.

    Attributes:
        by_component: (d,) increase of the mean squared error when a component is held at its mean.
        curve: (d + 1,) error with the first k components alone, for k = 0 ... d.
        noise: (d,) two standard errors of the paired difference between `curve[k]` and `curve[k + 1]`.
    """

    by_component: Float[np.ndarray, " d"]
    curve: Float[np.ndarray, " d+1"]
    noise: Float[np.ndarray, " d"]


@torch.no_grad()
def importance(
    p: Float[Tensor, "n d"], target: Float[Tensor, "n ..."], decode: Callable[[Tensor], Float[Tensor, "n ..."]]
) -> Importance:
    """Measure it on items that the model was not trained on.

    Args:
        p: components of the items, centred on those of the training items.
        target: the items in the units that errors are in; NaN does not count.
        decode: components to items in those units.
    """
    d = p.shape[1]

    def errors(kept: Tensor) -> Tensor:
        return (decode(p * kept) - target).flatten(1).square().nanmean(1).double()

    every = torch.ones(d, dtype=p.dtype)
    whole = errors(every)
    without = [errors(every - torch.eye(d, dtype=p.dtype)[k]) for k in range(d)]
    first = [errors((torch.arange(d) < k).to(p.dtype)) for k in range(d)] + [whole]
    return Importance(
        by_component=torch.stack([(left - whole).mean() for left in without]).numpy(),
        curve=torch.stack([error.mean() for error in first]).numpy(),
        noise=torch.tensor([ERRORS * standard_error(first[k] - first[k + 1]) for k in range(d)]).numpy(),
    )


def standard_error(x: Float[Tensor, " n"]) -> float:
    """Of the mean; infinite for fewer than two numbers."""
    return x.double().std().item() / math.sqrt(len(x)) if len(x) > 1 else math.inf


def is_worth_it(before: Float[Tensor, " n"], after: Float[Tensor, " n"], directions: int) -> bool:
    """Whether one more component gains more than one of pure noise would.

    A component that captures one of `directions` equal directions of noise lowers the error by 1 / directions of what
    is left, so that much is subtracted from the gain. The mean of the rest, over the items, must exceed two of its
    standard errors.

    Args:
        before, after: error of each held-out item without and with the component.
        directions: features less the components before.
    """
    gain = before.double() - after.double() - before.double() / max(directions, 1)
    return bool(gain.mean() > ERRORS * standard_error(gain))
