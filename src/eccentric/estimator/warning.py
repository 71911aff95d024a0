"""Warnings about unsuitable columns and codes. Each warning points to the user's line."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eccentric.evaluation.folds import Kept

LIBRARIES = ("eccentric", "sklearn", "joblib")
"""Top-level packages between the user's line and a warning."""


def warn(message: str) -> None:
    """Warn at the last line outside `LIBRARIES`, such as one that fits a pipeline with the estimator in it."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in LIBRARIES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def warn_of_constant(names: Sequence[str] | None, columns: Sequence[int]) -> None:
    """Warn about constant columns."""
    if columns:
        listed = _listed(names, columns)
        warn(f"constant columns: {listed}. They are kept but carry no information.")


def warn_of_rare(names: Sequence[str] | None, columns: Sequence[int]) -> None:
    """Warn about standardised columns whose variance is mostly that of a few rows."""
    if columns:
        listed = _listed(names, columns)
        warn(
            f"columns whose variance is mostly that of fewer than ten rows: {listed}. Standardised, they weigh as much "
            "as the others. Transform or drop them, or pass standardize=False if all columns have the same unit.",
        )


def warn_of_blurred(names: Sequence[str] | None, columns: Sequence[int]) -> None:
    """Warn about columns whose variation has fewer than three digits in float32, the precision of the networks."""
    if columns:
        listed = _listed(names, columns)
        warn(
            f"columns that vary too little for float32 relative to their size: {listed}. "
            "Subtract an offset, or drop them.",
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
    warn(f"{found}: the code may be folded. {remedy}")


def _listed(names: Sequence[str] | None, columns: Sequence[int]) -> str:
    said = [repr(str(names[j])) if names is not None else str(j) for j in columns]
    return ", ".join(said[:10]) + (f" and {len(said) - 10} more" if len(said) > 10 else "")
