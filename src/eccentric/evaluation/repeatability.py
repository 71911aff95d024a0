"""Repeatability: agreement of two encodings of the same items, by axes (MCC) and by the space that they span (CKA,
R^2).

The mean correlation coefficient is called MCC in papers on identifiability; a similar measure is called "stability" in
cNMF, and "pairwise MCC" of dictionary atoms in papers on sparse autoencoders.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eccentric.alignment import best_matching, cross_correlation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

__all__ = [
    "Repeatability",
    "linear_cka",
    "linear_map_r2",
    "matched_correlations",
    "mcc_null",
    "pairwise_mcc",
    "ranks",
    "repeatability",
]

PERMUTATIONS = 20


@dataclass(frozen=True, eq=False)
class Repeatability:
    """Agreement of independently trained encodings of the same items, with one value for each pair of encodings.

    Attributes:
        mcc: (pairs,) mean absolute correlation of matched components; 1 is the same axes in every run.
        spearman: (pairs,) the same with Spearman's correlation of ranks, which any monotone map of a component leaves
            at 1.
        cka: (pairs,) linear CKA; 1 is the same space up to rotation and scale.
        r2: (pairs,) fraction of the variance explained by the best linear map from one encoding to the other.
        mcc_null, cka_null, r2_null: (pairs,) what chance gives: the same with the rows of one encoding permuted.
        by_component: (d,) correlation of each component with its counterpart, the mean over the pairs.
        spearman_by_component: (d,) the same with Spearman's correlation.
    """

    mcc: Float[np.ndarray, " pairs"]
    spearman: Float[np.ndarray, " pairs"]
    cka: Float[np.ndarray, " pairs"]
    r2: Float[np.ndarray, " pairs"]
    mcc_null: Float[np.ndarray, " pairs"]
    cka_null: Float[np.ndarray, " pairs"]
    r2_null: Float[np.ndarray, " pairs"]
    by_component: Float[np.ndarray, " d"]
    spearman_by_component: Float[np.ndarray, " d"]


def repeatability(
    train: Sequence[Float[np.ndarray, "n d"]], held_out: Sequence[Float[np.ndarray, "m d"]], seed: int = 0
) -> Repeatability:
    """Compare every pair of encodings.

    Args:
        train: each encoding of the same training items, on which the linear maps are fitted.
        held_out: each encoding of the same other items, on which everything is measured.
        seed: seed of the permutations for the nulls.

    Raises:
        ValueError: fewer than two encodings, or encodings of different shapes.
    """
    if len(held_out) < 2 or len(train) != len(held_out):
        raise ValueError(
            f"repeatability needs the training and held-out encodings of at least two runs, not {len(train)} and "
            f"{len(held_out)}"
        )
    rng = np.random.default_rng(seed)
    turned, turned_train = rng.permutation(len(held_out[0])), rng.permutation(len(train[0]))
    ranked = [ranks(p) for p in held_out]
    values: dict[str, list[float]] = {}
    matched, matched_ranks = [], []
    for i, j in itertools.combinations(range(len(held_out)), 2):
        p, q = held_out[i], held_out[j]
        matched += [matched_correlations(p, q), matched_correlations(q, p)]
        matched_ranks += [matched_correlations(ranked[i], ranked[j]), matched_correlations(ranked[j], ranked[i])]
        found = {
            "mcc": matched[-1].mean(),
            "spearman": matched_ranks[-1].mean(),
            "cka": linear_cka(p, q),
            "r2": _r2_both_ways(train[i], train[j], p, q),
            "mcc_null": mcc_null(p, q, seed=seed),
            "cka_null": linear_cka(p, q[turned]),
            "r2_null": _r2_both_ways(train[i], train[j][turned_train], p, q[turned]),
        }
        for name, value in found.items():
            values.setdefault(name, []).append(float(value))
    return Repeatability(
        **{name: np.array(value) for name, value in values.items()},
        by_component=np.mean(matched, 0),
        spearman_by_component=np.mean(matched_ranks, 0),
    )


def pairwise_mcc(encodings: Sequence[Float[np.ndarray, "n d"]]) -> Float[np.ndarray, " pairs"]:
    """The MCC of every pair of encodings of the same items; empty for a single one."""
    return np.array([matched_correlations(p, q).mean() for p, q in itertools.combinations(encodings, 2)])


def ranks(p: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """The rank of each number within its column; ties get their mean rank."""
    from scipy.stats import rankdata

    found: np.ndarray = rankdata(p, axis=0)
    return found


def _r2_both_ways(p: np.ndarray, q: np.ndarray, test_p: np.ndarray, test_q: np.ndarray) -> float:
    return (linear_map_r2(p, q, test_p, test_q) + linear_map_r2(q, p, test_q, test_p)) / 2


def matched_correlations(p: Float[np.ndarray, "n d"], q: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"]:
    """Absolute Pearson correlation of each component of p with its counterpart in q. Their mean is the MCC.

    Counterparts are determined by the one-to-one matching with the largest sum (the Hungarian method), so the order and
    signs of the components do not matter.
    """
    correlation = np.abs(cross_correlation(p, q))
    matched: np.ndarray = correlation[np.arange(len(correlation)), best_matching(correlation)]
    return matched


def mcc_null(
    p: Float[np.ndarray, "n d"], q: Float[np.ndarray, "n d"], permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """The MCC expected by chance: its mean with the rows of q permuted.

    For d = 1 it is near sqrt(2 / (pi n)), the mean absolute correlation of independent columns; the matching raises it
    for larger d.
    """
    rng = np.random.default_rng(seed)
    return float(np.mean([matched_correlations(p, q[rng.permutation(len(q))]).mean() for _ in range(permutations)]))


def linear_cka(p: Float[np.ndarray, "n d"], q: Float[np.ndarray, "n e"]) -> float:
    """Linear centred kernel alignment (Kornblith et al. 2019), from 0 to 1; 0 if either encoding is constant.

    It is invariant under shifts, rotations and scaling of either encoding.
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
    """Fraction of the variance of test_q, over all columns, explained by the best linear map from p to q.

    The map, with an intercept, is fitted by least squares on p and q. It is invariant under invertible linear maps of
    p. It is negative if the map is worse than the mean, and 0 if test_q is constant.
    """
    p, q, test_p, test_q = (np.asarray(x, np.float64) for x in (p, q, test_p, test_q))
    mapping = np.linalg.lstsq(p - p.mean(0), q - q.mean(0), rcond=None)[0]
    residual = test_q - q.mean(0) - (test_p - p.mean(0)) @ mapping
    total = np.square(test_q - test_q.mean(0)).sum()
    return float(1 - np.square(residual).sum() / total) if total > 0 else 0.0
