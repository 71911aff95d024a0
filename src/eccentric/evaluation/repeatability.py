"""Repeatability: how far two encodings of the same items agree, by axes (MCC) and by the space they span (CKA, R^2).

The mean correlation coefficient is what identifiability papers call MCC; cNMF calls the like "stability", and papers on
sparse autoencoders the "pairwise MCC" of dictionary atoms.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eccentric.alignment import cross_correlation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

__all__ = ["Repeatability", "linear_cka", "linear_map_r2", "matched_correlations", "mcc_null", "repeatability"]

PERMUTATIONS = 20


@dataclass(frozen=True, eq=False)
class Repeatability:
    """How far independently trained encodings agree on the same items, with one number for each pair of them.

    Attributes:
        mcc: (pairs,) mean absolute correlation of matched components; 1 is the same axes in every run.
        null: (pairs,) the same with the rows of one encoding permuted, which is what chance gives.
        cka: (pairs,) linear CKA; 1 is the same space but for a rotation and a scale.
        r2: (pairs,) share of the variance that the best linear map from one to the other explains.
        by_component: (d,) correlation of each component with its counterpart, the mean over the pairs.
    """

    mcc: Float[np.ndarray, " pairs"]
    null: Float[np.ndarray, " pairs"]
    cka: Float[np.ndarray, " pairs"]
    r2: Float[np.ndarray, " pairs"]
    by_component: Float[np.ndarray, " d"]


def repeatability(
    train: Sequence[Float[np.ndarray, "n d"]], held_out: Sequence[Float[np.ndarray, "m d"]], seed: int = 0
) -> Repeatability:
    """Compare every pair of encodings.

    Args:
        train: each encoding of the same training items, on which the linear maps are fitted.
        held_out: each encoding of the same other items, on which everything is measured.
        seed: of the permutations for the null.

    Raises:
        ValueError: fewer than two encodings, or encodings of different shapes.
    """
    if len(held_out) < 2 or len(train) != len(held_out):
        raise ValueError(
            f"repeatability needs the training and held-out encodings of at least two runs, not {len(train)} and "
            f"{len(held_out)}"
        )
    mcc, null, cka, r2, matched = [], [], [], [], []
    for i, j in itertools.combinations(range(len(held_out)), 2):
        correlations = matched_correlations(held_out[i], held_out[j])
        mcc.append(correlations.mean())
        null.append(mcc_null(held_out[i], held_out[j], seed=seed))
        cka.append(linear_cka(held_out[i], held_out[j]))
        there = linear_map_r2(train[i], train[j], held_out[i], held_out[j])
        r2.append((there + linear_map_r2(train[j], train[i], held_out[j], held_out[i])) / 2)
        matched += [correlations, matched_correlations(held_out[j], held_out[i])]
    return Repeatability(np.array(mcc), np.array(null), np.array(cka), np.array(r2), np.mean(matched, 0))


def matched_correlations(p: Float[np.ndarray, "n d"], q: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"]:
    """Absolute Pearson correlation of each component of p with its counterpart in q; their mean is the MCC.

    Counterparts are those of the one-to-one matching with the greatest sum (the Hungarian method), so order and signs
    of the components do not matter.
    """
    from scipy.optimize import linear_sum_assignment

    correlation = np.abs(cross_correlation(p, q))
    rows, columns = linear_sum_assignment(correlation, maximize=True)
    found: np.ndarray = correlation[rows, columns]
    return found


def mcc_null(
    p: Float[np.ndarray, "n d"], q: Float[np.ndarray, "n d"], permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """The MCC that chance gives: its mean with the rows of q permuted.

    For d = 1 it is near sqrt(2 / (pi n)), the mean absolute correlation of independent columns; the matching raises it
    for larger d.
    """
    rng = np.random.default_rng(seed)
    return float(np.mean([matched_correlations(p, q[rng.permutation(len(q))]).mean() for _ in range(permutations)]))


def linear_cka(p: Float[np.ndarray, "n d"], q: Float[np.ndarray, "n e"]) -> float:
    """Linear centred kernel alignment (Kornblith et al. 2019), from 0 to 1; 0 where either encoding is constant.

    It does not change when either encoding is shifted, rotated or multiplied by a number.
    """
    p, q = (np.asarray(x, np.float64) for x in (p, q))
    p, q = p - p.mean(0), q - q.mean(0)
    norms = np.linalg.norm(p.T @ p) * np.linalg.norm(q.T @ q)
    return float(np.square(np.linalg.norm(q.T @ p)) / norms) if norms > 0 else 0.0


def linear_map_r2(
    p: Float[np.ndarray, "n d"],
    q: Float[np.ndarray, "n e"],
    test_p: Float[np.ndarray, "m d"],
    test_q: Float[np.ndarray, "m e"],
) -> float:
    """Share of the variance of test_q, all columns together, that the best linear map from p to q explains.

    The map, with an intercept, is fitted by least squares on p and q. It does not change when p is mapped by any
    invertible matrix; it may be negative where the map does worse than the mean. 0 where test_q is constant.
    """
    p, q, test_p, test_q = (np.asarray(x, np.float64) for x in (p, q, test_p, test_q))
    mapping = np.linalg.lstsq(p - p.mean(0), q - q.mean(0), rcond=None)[0]
    residual = test_q - q.mean(0) - (test_p - p.mean(0)) @ mapping
    total = np.square(test_q - test_q.mean(0)).sum()
    return float(1 - np.square(residual).sum() / total) if total > 0 else 0.0
