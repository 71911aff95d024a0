"""Images decoded from latents of a run, for figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eccentric.inference import decode

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float, Num
    from torch import Tensor

    from eccentric.alignment import Alignment
    from eccentric.training import Run

PAIR = 2.0
"""Distance of each side of a pair from the mean, in standard deviations."""


def decode_images(run: Run, z: Float[Tensor, "... d"]) -> Num[np.ndarray, "... c h w"]:
    """Images with values from 0 to 255."""
    raw = decode(run.model(), z.reshape(-1, z.shape[-1])).numpy()
    return raw.reshape(*z.shape[:-1], *run.shape)


def decode_pairs(run: Run, k: int | None = None, alignment: Alignment | None = None) -> Num[np.ndarray, "k 2 c h w"]:
    """Pairs of the first k components, or with an alignment of the counterparts of the first k components of the
    reference.
    """
    z = run.components.eigenpairs(None if alignment is not None else k, PAIR)
    if alignment is not None:
        order, signs = alignment.permutation, alignment.signs
        if order is None or signs is None:
            raise ValueError("pairs can follow a permutation only, not a rotation")
        z = z[order.tolist()]
        for pair, sign in zip(z, signs, strict=True):
            if sign < 0:
                pair[:] = pair.flip(0)
    return decode_images(run, z[:k])
