"""Validation of sequences passed as X: a list of arrays of different lengths, or one array padded with NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.data.sequences import join
from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["read_sequences"]


def read_sequences(X: Any, least: int = 1, features: int | None = None, steps: int = 0) -> Float[np.ndarray, "n t f"]:
    """Convert sequences to one float32 array that is NaN beyond their ends.

    Args:
        X: a list of arrays (steps, features), or an array (n, steps, features) in which whole steps at the end of a
            sequence may be NaN.
        least: minimum number of sequences.
        features: required number of features; None allows any number.
        steps: minimum number of steps of the result.

    Raises:
        ValueError: X is neither, has too few sequences or another number of features, or a number in a real step is not
            finite.
    """
    if isinstance(X, list | tuple):
        try:
            x, lengths = join(X, "X")
        except EccentricError as error:
            raise ValueError(str(error)) from None
        real = np.arange(x.shape[1]) < lengths[:, None]
    else:
        x = np.asarray(X)
        if x.ndim != 3 or x.dtype.kind not in "buif":
            raise ValueError(
                f"item_kind='sequence' needs X of shape (n, steps, features) and numbers, or a list of arrays; "
                f"this one has shape {x.shape} and type {x.dtype}"
            )
        empty = np.isnan(x).all(2) if x.dtype.kind == "f" else np.zeros(x.shape[:2], bool)
        real = ~np.logical_and.accumulate(empty[:, ::-1], 1)[:, ::-1]  # length up to the last step that is not NaN
    if len(x) < least:
        raise ValueError(f"Found array with {len(x)} sample(s) while a minimum of {least} is required.")
    if not real.any(1).all():
        raise ValueError(f"sequence {int(np.argmin(real.any(1)))} of X has no steps; leave it out")
    if features is not None and x.shape[2] != features:
        raise ValueError(f"X has sequences of {x.shape[2]} features, but {features} features were fitted")
    with np.errstate(over="ignore"):
        x = np.where(real[..., None], x, np.nan).astype(np.float32)
    bad = ~np.isfinite(x) & real[..., None]
    if bad.any():
        i, t, j = (int(k) for k in np.argwhere(bad)[0])
        raise ValueError(
            f"Input X contains NaN or infinity: the first is in sequence {i}, step {t}, feature {j}; only whole steps "
            "at the end of a sequence may be NaN."
        )
    longest = max(int(real.sum(1).max()), steps)
    padded = np.full((len(x), longest, x.shape[2]), np.nan, np.float32)
    kept = min(longest, x.shape[1])
    padded[:, :kept] = x[:, :kept]
    return padded
