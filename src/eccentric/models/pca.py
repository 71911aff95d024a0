"""Linear PCA of the data in the units of the networks: where a training may start, and what axes may be anchored to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.models.autoencoder import Autoencoder

MOST_NUMBERS = 25_000_000  # of the rows that PCA is fitted to: 200 MB


@dataclass(frozen=True)
class LinearPCA:
    """Principal components of raw items, computed in the units of the networks and in double precision.

    Attributes:
        shift, scale: the networks' units, see `Autoencoder`.
        mean: (features,) of the items.
        axes: (k, features), orthonormal; zero if the items are constant.
        variances: (k,) along the axes, descending.
    """

    shift: Tensor
    scale: Tensor
    mean: Float[Tensor, " features"]
    axes: Float[Tensor, "k features"]
    variances: Float[Tensor, " k"]

    def standardize(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n features"]:
        """Raw items in the units of the networks, the padding of sequences at zero, their mean."""
        return ((x - self.shift) / self.scale).flatten(1).double().nan_to_num()

    def scores(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n k"]:
        """Coordinates of raw items along the axes."""
        return (self.standardize(x) - self.mean) @ self.axes.T

    def reconstruct(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n features"]:
        """Reconstructions of raw items, in the units of the networks."""
        return self.scores(x) @ self.axes + self.mean

    def errors(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, " n"]:
        """Mean squared error of the reconstruction of each raw item."""
        target = ((x - self.shift) / self.scale).flatten(1).double()  # NaN beyond the end of a sequence
        return (self.reconstruct(x) - target).square().nanmean(1)


@torch.no_grad()
def fit_pca(model: Autoencoder, x: Shaped[Tensor, "n ..."], dim: int, most_numbers: int = MOST_NUMBERS) -> LinearPCA:
    """The first principal components of raw items, as many as `dim` or as there are items or features.

    Args:
        model: its units are used.
        x: raw rows or images, on the CPU.
        dim: number of components.
        most_numbers: larger `x` are represented by a random choice of items with at most so many numbers.
    """
    from sklearn.decomposition import PCA

    most = max(10 * dim, most_numbers // x[0].numel())
    chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:most].sort().values
    x = x[chosen] if len(x) > most else x[:]
    shift, scale = model.shift.cpu(), model.scale.cpu()
    rows = (x - shift).div_(scale).flatten(1).double().nan_to_num_().numpy()
    found = min(dim, *rows.shape)
    if (rows == rows[0]).all():  # scikit-learn's PCA would divide by the total variance
        parts = rows[0], np.zeros((found, rows.shape[1])), np.zeros(found)
    else:
        pca = PCA(found, random_state=0).fit(rows)
        parts = pca.mean_, pca.components_, pca.explained_variance_
    return LinearPCA(shift, scale, *(torch.tensor(part) for part in parts))
