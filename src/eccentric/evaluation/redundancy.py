"""How well a component is predicted from the others: what curvature of fewer components looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["neighbour_overlap", "redundancy"]

FEATURES = 100  # of the kernel's approximation
ROWS = 1000  # that the regression is fitted on, and that neighbours are sought among
NEIGHBOURS = 10


def redundancy(
    train: Float[np.ndarray, "n d"], test: Float[np.ndarray, "m d"], seed: int = 0
) -> Float[np.ndarray, " d"]:
    """R^2 on test items of each component predicted from all others by a smooth regression, from 0 to 1.

    Ridge regression on a Gaussian kernel (its Nyström approximation with 100 items), whose width is that of the
    standardised components; the ridge is chosen by leave-one-out. Independent components have 0. A component that is a
    function of others, such as the square of one, comes near 1.

    Args:
        train: components of items that the regression is fitted on; 1,000 of them at most.
        test: components of other items.
        seed: of the choice of rows.
    """
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(seed)
    train = train[random.permutation(len(train))[:ROWS]].astype(np.float64)
    d = train.shape[1]
    found = np.zeros(d)
    if d == 1 or len(train) < 3 or len(test) < 2:
        return found
    for k in range(d):
        others = np.arange(d) != k
        if np.ptp(train[:, k]) == 0 or np.ptp(test[:, k]) == 0:
            continue
        kernel = Nystroem(gamma=0.25 / (d - 1), n_components=min(FEATURES, len(train)), random_state=seed)
        model = make_pipeline(StandardScaler(), kernel, RidgeCV(np.logspace(-4, 2, 7)))
        model.fit(train[:, others], train[:, k])
        found[k] = model.score(test[:, others], test[:, k])
    return found.clip(0, 1)


def neighbour_overlap(x: Float[np.ndarray, "n f"], p: Float[np.ndarray, "n d"], neighbours: int = NEIGHBOURS) -> float:
    """Share of the nearest neighbours of an item that are among those of its encoding, the mean over all items.

    Args:
        x: items, flat.
        p: their encodings.
        neighbours: how many; fewer where there are not so many items.
    """
    from sklearn.neighbors import NearestNeighbors

    k = min(neighbours, len(x) - 1)
    there, here = (NearestNeighbors(n_neighbors=k).fit(rows).kneighbors(return_distance=False) for rows in (x, p))
    return float((there[:, :, None] == here[:, None, :]).any(2).mean())
