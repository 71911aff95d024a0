"""Warnings of columns that a network can learn little from. Each points to the line that called the estimator."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDED = 0.02  # share of neighbours that a code may lose beside PCA without a warning
STACK_LEVEL = 4  # the user's call, the estimator's method, its helper, and the function here


def warn_of_constant(names: Sequence[str] | None, columns: Sequence[int]) -> None:
    """Name the columns that do not vary."""
    if columns:
        listed = _listed(names, columns)
        warnings.warn(f"constant columns: {listed}. They are kept but carry no information.", stacklevel=STACK_LEVEL)


def warn_of_blurred(names: Sequence[str] | None, columns: Sequence[int]) -> None:
    """Name the columns of which float32, in which networks work, keeps less than three digits."""
    if columns:
        listed = _listed(names, columns)
        warnings.warn(
            f"columns that vary by too little, for their size, for float32: {listed}. Subtract an offset first.",
            stacklevel=STACK_LEVEL,
        )


def warn_of_folds(overlap: float, pca: float) -> None:
    """Say that the code keeps neighbourhoods worse than PCA does, and what may help."""
    if overlap < pca - FOLDED:
        warnings.warn(
            f"the components keep {overlap:.0%} of the nearest neighbours, PCA {pca:.0%}: the code may be folded. "
            "Train longer (max_epochs), or allow more components (n_components).",
            stacklevel=STACK_LEVEL,
        )


def _listed(names: Sequence[str] | None, columns: Sequence[int]) -> str:
    said = [repr(str(names[j])) if names is not None else str(j) for j in columns]
    return ", ".join(said[:10]) + (f" and {len(said) - 10} more" if len(said) > 10 else "")
