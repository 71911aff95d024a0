"""Checks for inputs that NumPy would silently convert to numbers that the user does not intend."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["refuse"]


def refuse(X: Any) -> None:
    """Reject lazy frames, masked arrays, and columns of dates, which are named.

    Raises:
        TypeError: X is a lazy frame, or a column holds dates or times.
        ValueError: X is a masked array with masked values.
    """
    if type(X).__name__ == "LazyFrame":
        raise TypeError("X is a LazyFrame; pass X.collect()")
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        row = int(np.argwhere(np.ma.getmaskarray(X))[0][0])
        raise ValueError(
            f"X is a masked array with masked values, the first in row {row}; fill them, for example by X.filled(value)"
        )
    if isinstance(X, np.ndarray) and X.dtype.kind in "mM":
        raise TypeError(f"X holds dates or times ({X.dtype}); convert them to numbers, such as days since a date")
    for name in getattr(X, "columns", ()):
        kind = str(getattr(X[name], "dtype", "")).lower()
        if kind.startswith(("date", "time", "duration")):
            raise TypeError(
                f"column {str(name)!r} holds dates or times ({kind}); convert them to numbers, such as days since a "
                "date, or drop the column"
            )
