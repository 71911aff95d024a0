"""Initialisation with PCA, for networks with a parallel linear map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from eccentric.models.general import Bypass
from eccentric.models.skip import LinearSkip

if TYPE_CHECKING:
    from jaxtyping import Shaped
    from torch import Tensor

    from eccentric.models.autoencoder import Autoencoder

MOST_NUMBERS = 25_000_000  # maximum number of values that PCA is fitted to: 100 MB


@torch.no_grad()
def start_from_pca(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> bool:
    """Set the linear maps of a pair of `Bypass` or `LinearSkip` to the principal components of x.

    The latents are scaled so that the trace of their covariance is d.

    Training then starts from PCA's error with ordered variances, and all trainings start from the same components; the
    seed only affects the networks in parallel to the linear maps. On the embedded digits (d = 6, 1500 steps, three
    seeds, networks with batch normalisation), this increases the correlation between runs from 0.48 to 0.92 and reduces
    the error from 0.44 to 0.35.

    The latents are the first d outputs of the encoder; other outputs keep their random weights.

    Args:
        model: changed in place. Its shift and scale are used.
        x: raw rows or images; a random sample of them is used if they contain more than `MOST_NUMBERS` values.

    Returns:
        Whether the model was changed; it is not if its networks have no linear maps or x is constant.
    """
    from sklearn.decomposition import PCA

    encoder, decoder = model.encoder, model.decoder
    if not (isinstance(encoder, Bypass | LinearSkip) and isinstance(decoder, Bypass | LinearSkip)):
        return False
    dim = decoder.linear.in_features
    most = max(10 * dim, MOST_NUMBERS // x[0].numel())
    if len(x) > most:
        x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:most].sort().values]
    rows = model.standardize(x).flatten(1).double().numpy()
    if (rows == rows[0]).all():
        return False
    found = min(dim, *rows.shape)
    pca = PCA(found, random_state=0).fit(rows)
    stretch = math.sqrt(dim / pca.explained_variance_.sum())
    axes, mean = torch.from_numpy(pca.components_), torch.from_numpy(pca.mean_)
    encoder.linear.weight[:found] = (stretch * axes).float()
    encoder.linear.bias[:found] = (-stretch * axes @ mean).float()
    decoder.linear.weight[:, :found] = (axes.T / stretch).float()
    decoder.linear.bias.copy_(mean)
    # With fewer rows than latents, the remaining latents start at zero.
    for unused in (encoder.linear.weight[found:dim], encoder.linear.bias[found:dim], decoder.linear.weight[:, found:]):
        unused.zero_()
    return True
