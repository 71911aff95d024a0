"""Division of the rows of X into rows for training and rows held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Int, Shaped

MOST_HELD_OUT = 10_000
MOST_COPIES = 10


def split(
    n: int, fraction: float, random: np.random.RandomState, same: Int[np.ndarray, " n"] | None = None
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " m"]]:
    """Training rows and held-out rows, in ascending order. No rows are held out if there would be fewer than two.

    Args:
        n: number of rows.
        fraction: fraction of rows to hold out, at most 10,000 rows.
        random: generator that chooses them.
        same: see `identical`; rows with the same number are held out together or not at all, because a network may
            have memorised a row that also occurs in training. Rows that occur more often than there are rows to hold
            out are not held out. `same` is ignored if the held-out rows would occur more than ten times on average, as
            in data with few distinct values, or if they would be fewer than half as many.
    """
    most = min(MOST_HELD_OUT, int(np.ceil(fraction * n)))
    if most < 2 or n - most < 2:
        return np.arange(n), np.arange(0)
    order = random.permutation(n)
    held = order[:most]
    if same is not None:
        whole = _whole(order, same, most)
        if len(whole) >= most / 2 and len(np.unique(same[whole])) >= most / MOST_COPIES:
            held = whole
    return np.setdiff1d(np.arange(n), held), np.sort(held)


def identical(x: Shaped[np.ndarray, "n ..."]) -> Int[np.ndarray, " n"]:
    """For each row, the index of the first row with the same values."""
    hashes = np.fromiter((hash((row + 0).tobytes()) for row in x), np.int64, len(x))  # -0.0 + 0 is 0.0
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return np.asarray(first[inverse])


def _whole(order: Int[np.ndarray, " n"], same: Int[np.ndarray, " n"], most: int) -> Int[np.ndarray, " m"]:
    """All rows of as many groups as fit into `most` rows, the groups in the order of their first row in `order`."""
    drawn = same[order]
    sizes = np.bincount(same)
    groups = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    chosen, left = [], most
    for group in groups.tolist():
        if sizes[group] <= left:
            chosen.append(group)
            left -= sizes[group]
        if not left:
            break
    return np.flatnonzero(np.isin(same, chosen))
