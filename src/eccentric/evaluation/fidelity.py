"""Fidelity: distance and coverage between two sets of features (Table 1)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["Fidelity", "fidelity", "frechet_distance"]

SUBSETS, SUBSET_SIZE = 100, 1000  # of the kernel distance
NEIGHBOURS = 3  # neighbours that define the radius of a ball, for precision and recall


@dataclass(frozen=True)
class Fidelity:
    """Four measures of the difference between real and fake features.

    Attributes:
        frechet: squared Fréchet distance between Gaussians with the mean and covariance of either set (Heusel et al.
            2017), in squared units of the features. Biased upwards for few items, increasingly with the number of
            features: compare only values with the same `count`.
        kernel: squared maximum mean discrepancy with the kernel (x·y / f + 1)^3, the mean of the unbiased estimates on
            100 pairs of subsets of 1000 (Bińkowski et al. 2018). 0 on average for equal distributions, so it may be
            negative.
        precision: fraction of fake items in the real manifold, the union of balls around real items up to their third
            neighbours (Kynkäänniemi et al. 2019).
        recall: fraction of real items in the manifold of the fake items.
        count: number of items in each set.
    """

    frechet: float
    kernel: float
    precision: float
    recall: float
    count: int


def fidelity(real: Float[Tensor, "n f"], fake: Float[Tensor, "n f"], *, seed: int = 0) -> Fidelity:
    """Compare equal numbers of fake and real items by their features, in double precision.

    Args:
        real, fake: features of equal numbers of items, because the bias of all estimates depends on the number.
        seed: seed of the subsets of the kernel distance.

    Raises:
        UsageError: the shapes of the sets differ, or there are fewer items than precision and recall need.
        EccentricError: features contain NaN or infinity.
    """
    if real.ndim != 2 or real.shape != fake.shape:
        raise UsageError(f"fidelity needs two equal sets (n, f), not {tuple(real.shape)} and {tuple(fake.shape)}")
    if len(real) <= NEIGHBOURS:
        raise UsageError(f"fidelity needs more than {NEIGHBOURS} items in each set, not {len(real)}")
    real, fake = (x.detach().to("cpu", torch.float64) for x in (real, fake))
    for name, x in (("real", real), ("fake", fake)):
        if not x.isfinite().all():
            raise EccentricError(f"features of {name} items contain NaN or infinity")
    return Fidelity(
        frechet=frechet_distance(real, fake),
        kernel=_kernel(real, fake, seed),
        precision=_inside(fake.numpy(), real.numpy()),
        recall=_inside(real.numpy(), fake.numpy()),
        count=len(real),
    )


class _Features(nn.Module):
    """An identity for torchmetrics, which extracts features itself."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.num_features = features

    def forward(self, x: Tensor) -> Tensor:
        return x


def frechet_distance(real: Float[Tensor, "n f"], fake: Float[Tensor, "m f"]) -> float:
    """Squared Fréchet distance between Gaussians with the mean and covariance of either set of features."""
    real, fake = (x.detach().to("cpu", torch.float64) for x in (real, fake))
    FrechetInceptionDistance, _ = _torchmetrics()
    distance = FrechetInceptionDistance(_Features(real.shape[1]))
    # torchmetrics sums squares before it subtracts the mean: a common shift, which does not change the distance,
    # preserves digits.
    centre = real.mean(0)
    distance.update(real - centre, real=True)
    distance.update(fake - centre, real=False)
    return max(0.0, distance.compute().item())  # rounding can make a zero distance negative


def _kernel(real: Tensor, fake: Tensor, seed: int) -> float:
    _, KernelInceptionDistance = _torchmetrics()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*will save all extracted features.*")
        distance = KernelInceptionDistance(
            _Features(real.shape[1]), subsets=SUBSETS, subset_size=min(SUBSET_SIZE, len(real))
        )
    distance.update(real, real=True)
    distance.update(fake, real=False)
    with torch.random.fork_rng(devices=[]):  # subsets are drawn from the global generator
        torch.manual_seed(seed)
        return float(distance.compute()[0])


def _inside(items: np.ndarray, others: np.ndarray) -> float:
    """Fraction of items in at least one ball around the others, with radius up to their k-th neighbours."""
    from sklearn.metrics import pairwise_distances_chunked
    from sklearn.neighbors import NearestNeighbors

    # Without arguments, an item is not a neighbour of itself.
    radii = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(others).kneighbors()[0][:, -1]

    def reached(distances: np.ndarray, _: int) -> np.ndarray:
        return (distances <= radii).any(1)

    return float(np.concatenate(list(pairwise_distances_chunked(items, others, reduce_func=reached))).mean())


def _torchmetrics() -> tuple[type, type]:
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.kid import KernelInceptionDistance
    except (ImportError, RuntimeError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "torchmetrics":
            mend = "install eccentric with the extra 'train'"
        # torchmetrics imports torchvision and torch-fidelity if they are installed, and they may be incompatible with
        # this torch
        else:
            mend = "install a torchvision that fits this torch, or remove it and torch-fidelity"
        reason = str(error).splitlines()[0]
        raise UsageError(f"fidelity needs torchmetrics, which does not load ({reason}); {mend}") from None
    return FrechetInceptionDistance, KernelInceptionDistance
