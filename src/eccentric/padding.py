"""Sequences of different lengths in one tensor (n, steps, features): steps beyond the end of a sequence are NaN.

Data with NaN are rejected when they are read, so NaN marks the end of a sequence without ambiguity. Code that handles
items as rows of one tensor (batches, ranks, digests, files) works for sequences without changes. A computation that
ignores the padding returns NaN instead of a slightly wrong number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float, Int
    from torch import Tensor

__all__ = ["filled", "item_errors", "lengths_of", "pad", "pad_like", "real_steps", "trimmed"]


def pad(sequences: Sequence[Float[Tensor, "steps f"]], steps: int | None = None) -> Float[Tensor, "n t f"]:
    """Pad sequences to the length of the longest one, or to `steps`, in one tensor."""
    longest = max(len(sequence) for sequence in sequences) if steps is None else steps
    x = sequences[0].new_full((len(sequences), longest, sequences[0].shape[1]), torch.nan)
    for row, sequence in zip(x, sequences, strict=True):
        row[: len(sequence)] = sequence
    return x


def real_steps(x: Float[Tensor, "n t f"]) -> Bool[Tensor, "n t"]:
    """Mask of the steps that are not padding."""
    return ~x[..., 0].isnan()


def lengths_of(x: Float[Tensor, "n t f"]) -> Int[Tensor, " n"]:
    """Length of each sequence without padding."""
    return real_steps(x).sum(1)


def trimmed(x: Float[Tensor, "n t f"]) -> list[Float[Tensor, "steps f"]]:
    """Sequences without padding."""
    return [sequence[:length] for sequence, length in zip(x, lengths_of(x).tolist(), strict=True)]


def filled(x: Float[Tensor, "n t f"]) -> Float[Tensor, "n t f"]:
    """Replace the padding with zeros, the mean of each feature in standardised units."""
    return torch.where(x.isnan(), 0.0, x)


def pad_like(x: Float[Tensor, "n t f"], pattern: Float[Tensor, "n t f"]) -> Float[Tensor, "n t f"]:
    """Set x to NaN where `pattern` is padded, for example to cut a reconstruction to the length of its original."""
    return torch.where(pattern.isnan(), torch.nan, x)


def item_errors(reconstruction: Float[Tensor, "n t f"], target: Float[Tensor, "n t f"]) -> Float[Tensor, " n"]:
    """Mean squared error of each sequence over its own steps and features; the padding has neither value nor gradient.

    Each sequence has the same weight, regardless of its length. A mean over items then needs no lengths of other ranks
    and does not depend on the division into batches.

    Args:
        reconstruction: reconstruction of all steps.
        target: target with NaN in the padding.
    """
    padding = target.isnan()
    squares = torch.where(padding, 0.0, reconstruction[:, : target.shape[1]] - target).square()
    return squares.sum((1, 2)) / (~padding).sum((1, 2))
