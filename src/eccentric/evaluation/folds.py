"""Whether a code folds curved data, so that items that are far apart along the data lie side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccentric.evaluation.redundancy import NEIGHBOURS

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["distances_along", "neighbour_distance"]


def distances_along(x: Float[np.ndarray, "n f"], neighbours: int = NEIGHBOURS) -> Float[np.ndarray, "n n"]:
    """Distances between items along the data: shortest paths from item to nearest item, as in Isomap.

    Items without a path between them have the largest distance of those with one.

    Args:
        x: items, flat; about a thousand of them, since time and memory grow with n².
        neighbours: number of nearest items that an item is connected to; fewer if there are fewer items.
    """
    from scipy.sparse.csgraph import shortest_path
    from sklearn.neighbors import kneighbors_graph

    graph = kneighbors_graph(x, min(neighbours, len(x) - 1), mode="distance")
    distances: Float[np.ndarray, "n n"] = shortest_path(graph, directed=False)
    known = np.isfinite(distances)
    return np.where(known, distances, distances[known].max())


def neighbour_distance(
    distances: Float[np.ndarray, "n n"], p: Float[np.ndarray, "n d"], neighbours: int = NEIGHBOURS
) -> float:
    """Mean squared distance between items whose encodings are nearest neighbours, divided by that of all pairs.

    Near 0, neighbours in the code are neighbours along the data. It grows where the code is folded.

    Args:
        distances: between the items, see `distances_along`.
        p: encodings of the items.
        neighbours: number of nearest encodings; fewer if there are fewer items.
    """
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=min(neighbours, len(p) - 1)).fit(p).kneighbors(return_distance=False)
    whole = np.square(distances).mean()
    return float(np.square(np.take_along_axis(distances, near, axis=1)).mean() / whole) if whole else 0.0
