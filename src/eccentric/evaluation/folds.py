"""Whether a code folds curved data, so that items that are far apart along the data lie side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from eccentric.evaluation.redundancy import NEIGHBOURS, neighbour_overlap
from eccentric.inference import encode

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.models import Autoencoder
    from eccentric.models.pca import LinearPCA

__all__ = ["Kept", "Neighbourhoods", "distances_along", "neighbour_distance"]

FOLDED = 0.02  # difference of the neighbour overlap from that of PCA above which a code counts as folded
FARTHER = 1.1  # ratio of the neighbour distance to that of PCA above which it does


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


@dataclass(frozen=True)
class Kept:
    """How well a code keeps neighbourhoods.

    Attributes:
        overlap: fraction of the nearest neighbours that are also nearest neighbours in the code.
        distance: see `neighbour_distance`.
    """

    overlap: float
    distance: float

    def is_folded(self, pca: Kept) -> bool:
        """Whether the code keeps neighbourhoods worse than PCA."""
        return self.overlap < pca.overlap - FOLDED or self.distance > FARTHER * pca.distance > 0


class Neighbourhoods:
    """The neighbourhoods of some items, which a code may keep better or worse than PCA.

    Args:
        items: raw items; about a thousand of them, since time and memory grow with n².
        pca: PCA of items like these, with as many components as the code.
    """

    def __init__(self, items: Shaped[Tensor, "n ..."], pca: LinearPCA) -> None:
        self._items, self._pca = items, pca
        self._flat = pca.standardize(items).numpy()

    @cached_property
    def _along(self) -> Float[np.ndarray, "n n"]:
        return distances_along(self._flat)

    @cached_property
    def pca(self) -> Kept:
        """How well PCA keeps them."""
        return self._kept(self._pca.scores(self._items).numpy())

    def kept(self, model: Autoencoder) -> Kept:
        """How well the latents of a model keep them."""
        return self._kept(encode(model, self._items).numpy())

    def _kept(self, p: Float[np.ndarray, "n d"]) -> Kept:
        return Kept(neighbour_overlap(self._flat, p), neighbour_distance(self._along, p))
