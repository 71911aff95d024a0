"""Points on the unit sphere, for methods that depend only on directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import normalize, pdist

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["FLOOR", "acute_angles", "angles", "cosines", "directions", "distances"]

LARGEST_COSINE = 1 - 1e-6  # the derivative of an angle with respect to its cosine is infinite at 1

FLOOR = 1e-3
"""Lower limit of distances on the sphere. Closer pairs are given this distance and have no gradient, so that equal
items in a batch do not make an energy infinite; in float32 a distance of 1e-3 has a relative error of 1e-4.
"""


def directions(x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Each row divided by its length."""
    return normalize(x, dim=1, eps=1e-6)


def distances(a: Float[Tensor, "n d"]) -> Float[Tensor, " pairs"]:
    """Distances of all pairs of rows, each pair once.

    They are computed from differences: 2 - 2 cos would lose the digits of close pairs, which matter most in an energy.
    """
    return pdist(a).clamp(min=FLOOR)


def cosines(x: Float[Tensor, "n d"]) -> Float[Tensor, " pairs"]:
    """Cosines of the angles between all pairs of rows, each pair once."""
    a = directions(x)
    gram = a @ a.T
    first, second = torch.triu_indices(len(a), len(a), 1, device=a.device)
    return gram[first, second]


def angles(x: Float[Tensor, "n d"]) -> Float[Tensor, " pairs"]:
    """Angles between all pairs of rows, each pair once, in radians; those within 0.0014 of 0 or pi have no gradient."""
    return torch.arccos(cosines(x).clamp(-LARGEST_COSINE, LARGEST_COSINE))


def acute_angles(x: Float[Tensor, "n d"]) -> Float[Tensor, " pairs"]:
    """Angles between the lines through all pairs of rows, each pair once, from 0 to pi / 2."""
    return torch.arccos(cosines(x).abs().clamp(max=LARGEST_COSINE))
