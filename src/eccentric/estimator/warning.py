"""Warnings about unsuitable columns and codes. Each warning points to the line that called the estimator."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eccentric.evaluation.folds import Kept

STACK_LEVEL = 4  # the user's call, the method of the estimator, its helper, and the function in this module


def warn_of_constant(names: Sequence[str] | None, columns: Sequence[int]) -> None:
    """Warn about constant columns."""
    if columns:
        listed = _listed(names, columns)
        warnings.warn(f"constant columns: {listed}. They are kept but carry no information.", stacklevel=STACK_LEVEL)


def warn_of_rare(names: Sequence[str] | None, columns: Sequence[int]) -> None:
    """Warn about standardised columns whose variance is mostly that of a few rows."""
    if columns:
        listed = _listed(names, columns)
        warnings.warn(
            f"columns whose variance is mostly that of fewer than ten rows: {listed}. Standardised, they weigh as much "
            "as the others. Transform or drop them, or pass standardize=False if all columns have the same unit.",
            stacklevel=STACK_LEVEL,
        )


def warn_of_blurred(names: Sequence[str] | None, columns: Sequence[int]) -> None:
    """Warn about columns whose variation has fewer than three digits in float32, the precision of the networks."""
    if columns:
        listed = _listed(names, columns)
        warnings.warn(
            f"columns that vary too little for float32 relative to their size: {listed}. "
            "Subtract an offset, or drop them.",
            stacklevel=STACK_LEVEL,
        )


def warn_of_folds(code: Kept, pca: Kept) -> None:
    """Warn if the code preserves neighbourhoods worse than PCA, and say what may help."""
    if not code.is_folded(pca):
        return
    if code.overlap < pca.overlap:
        found = f"the components keep {code.overlap:.0%} of the nearest neighbours, PCA {pca.overlap:.0%}"
    else:
        ratio = code.distance / pca.distance
        found = f"neighbours in the code are {ratio:.1f} times as far apart along the data as for PCA"
    remedy = "Train longer (max_epochs), or allow more components (n_components)."
    warnings.warn(f"{found}: the code may be folded. {remedy}", stacklevel=STACK_LEVEL)


def _listed(names: Sequence[str] | None, columns: Sequence[int]) -> str:
    said = [repr(str(names[j])) if names is not None else str(j) for j in columns]
    return ", ".join(said[:10]) + (f" and {len(said) - 10} more" if len(said) > 10 else "")
