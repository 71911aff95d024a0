"""Alignment of encodings of independent runs, and their agreement (section 4.2, Algorithm 1)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int, Num
    from numpy.typing import ArrayLike

Method = Literal["paper", "assignment", "procrustes"]
METHODS: tuple[Method, ...] = ("paper", "assignment", "procrustes")
GAP = 0.2
LARGEST = 1e100


@dataclass(frozen=True, eq=False)
class Alignment:
    """How the components of one encoding map onto those of a reference: aligned = p @ matrix.T.

    Attributes:
        matrix: (d, d) float64, orthogonal. Row k gives the counterpart of component k of the reference; `matrix @
            basis` are the aligned axes of `DeepComponents`.
    """

    matrix: Float[np.ndarray, "d d"]

    def apply(self, p: Num[ArrayLike, "n d"]) -> Float[np.ndarray, "n d"]:
        """Coordinates along the components that correspond to those of the reference.

        Raises:
            ValueError: p is not (n, d) with this alignment's d.
        """
        p = _real(p, "p")
        if p.ndim != 2 or p.shape[1] != len(self.matrix):
            raise ValueError(f"p must have shape (n, {len(self.matrix)}) as the alignment has, not {p.shape}")
        return p @ self.matrix.T

    @property
    def permutation(self) -> Int[np.ndarray, " d"] | None:
        """aligned[:, k] = signs[k] * p[:, permutation[k]]; None where components are rotated into each other."""
        one = np.abs(self.matrix) == 1
        return one.argmax(1) if (one.sum(1) == 1).all() else None

    @property
    def signs(self) -> Int[np.ndarray, " d"] | None:
        """1 or -1 for each component of the reference; None where `permutation` is."""
        return None if self.permutation is None else self.matrix.sum(1).astype(int)


@dataclass(frozen=True, eq=False)
class Similarity:
    """Agreement of two encodings of the same items: the measures of Table 2 of the paper, and the correlation of each
    component.

    Attributes:
        distance: root mean squared distance between the two encodings of an item, in the units of the encodings.
        cosine: mean over items of the cosine between the two encodings; 0 for an encoding of length zero.
        angle: mean over items of the angle between the two encodings, in degrees.
        correlation: (d,) correlation of each component with its counterpart; 0 if either is constant.
    """

    distance: float
    cosine: float
    angle: float
    correlation: Float[np.ndarray, " d"]


@dataclass(frozen=True, eq=False)
class Stability:
    """Stability of each component over several runs.

    Attributes:
        correlation: (d,) mean absolute correlation over the pairs of runs; 1 means that all runs have the same
            component.
        spread: (d,) its standard deviation over the pairs; 0 for a single pair.
    """

    correlation: Float[np.ndarray, " d"]
    spread: Float[np.ndarray, " d"]


def align(
    p: Num[ArrayLike, "n d"],
    reference: Num[ArrayLike, "n d"],
    method: Method = "assignment",
    *,
    gap: float = GAP,
) -> Alignment:
    """Match the components of p with those of a reference, so that two runs can be compared.

    Components are determined up to their signs and, if eigenvalues are close, up to their order and rotations. Fit the
    alignment on training items, and compare the aligned encodings of test items with `similarity`.

    Args:
        p, reference: encodings of the same items, (n, d) each, uncorrelated within each as `DeepComponents` makes
            them. Means are subtracted here, but not in `Alignment.apply`.
        method: "assignment", the default, is the one-to-one matching with the largest sum of absolute correlations.
            "paper" is Algorithm 1, a greedy matching by covariance (see `algorithm_1`). "procrustes" starts from the
            assignment and then rotates within groups of close eigenvalues to the least squared distance (Schönemann
            1966); a group of one keeps its component.
        gap: for "procrustes", the maximum range of the eigenvalues of a group relative to its largest, from 0 to 1. The
            eigenvalues are p's, so that what is rotated stays uncorrelated up to gap / (2 - gap) (Wielandt's
            inequality), 0.11 for the default of 0.2. An eigenvalue differs by some 10 % from run to run (four runs on
            digits, 25 epochs at a learning rate of 1e-3, d = 6 and 16), so that closer ones have no order to keep.
            There the correlation with the reference, on test items and for d = 16, rises from 0.64 by assignment to
            0.71; 0.88 if all make one group. That on training items is the same within 0.01 in each case: with many
            more items than components, rotations do not overfit.

    Raises:
        ValueError: the encodings are not of one shape (n, d) with n >= 2, or hold NaN or infinity; an unknown method; a
            gap out of range.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; choose one of {', '.join(map(repr, METHODS))}")
    if not 0 <= gap <= 1:
        raise ValueError(f"gap must lie between 0 and 1, not {gap}")
    p, reference = _pair(p, reference, "reference")
    if method == "paper":
        turned, turned_reference = algorithm_1(p, reference)
        # Both were permuted. Undoing the permutation of the reference gives the same pairs in the order of the
        # reference.
        return Alignment(turned_reference.matrix.T @ turned.matrix)
    matrix = _assignment(p, reference)
    return Alignment(matrix if method == "assignment" else _rotation(p @ matrix.T, reference, gap) @ matrix)


def algorithm_1(p: Num[ArrayLike, "n d"], q: Num[ArrayLike, "n d"]) -> tuple[Alignment, Alignment]:
    """The paper's Algorithm 1, line by line: both encodings with components permuted and negated.

    The algorithm ends when no absolute covariance in a row or column, from its diagonal entry on, is larger than that
    entry. If all of them differ, this is the greedy matching by covariance, regardless of the order of the components.

    Returns:
        Alignments of p and of q. The pairs are ordered by the sum of their variances in both encodings, and have
        positive covariance.

    Raises:
        ValueError: as `align`.
    """
    p, q = (_centred(x) for x in _pair(p, q, "q"))
    covariance = p.T @ q
    d = len(covariance)
    left, right = np.eye(d), np.eye(d)
    # Every exchange enlarges |covariance[i, i]| and leaves the diagonal before i, so that the diagonal grows in
    # lexicographic order and the loop ends. This needs what the listing does not say: that in a tie argmax is the
    # first, and so i itself; with another, two columns of zeros would change places for ever.
    in_order = False
    while not in_order:
        in_order = True
        for i in range(d):
            j = i + int(np.abs(covariance[i:, i]).argmax())
            k = i + int(np.abs(covariance[i, i:]).argmax())
            if j > i and abs(covariance[j, i]) > abs(covariance[i, k]):
                in_order = False
                _bring_forward(i, j, covariance, left)
                if covariance[i, i] < 0:
                    _negate(i, covariance, left)
            elif k > i:
                in_order = False
                _bring_forward(i, k, covariance.T, right)
                if covariance[i, i] < 0:
                    _negate(i, covariance.T, right)
    # The text wants all the diagonal positive. The listing negates only what it has just brought to i, and so passes
    # over a pair that was never moved, or that came together when others moved up past it.
    left[np.diagonal(covariance) < 0] *= -1
    # Lines 17 to 21 select the greatest variance, and shift the others down: a stable sort.
    variance = left**2 @ (p**2).sum(0) + right**2 @ (q**2).sum(0)
    order = np.argsort(-variance, kind="stable")
    return Alignment(left[order]), Alignment(right[order])


def similarity(p: Num[ArrayLike, "n d"], q: Num[ArrayLike, "n d"]) -> Similarity:
    """Compare two encodings of the same items, which should be aligned first.

    Distance and cosine are those of Table 2, without normalisation and without centring, since the components of
    training items have mean zero.

    Raises:
        ValueError: the encodings are not of one shape (n, d) with n >= 2, or hold NaN or infinity.
    """
    p, q = _pair(p, q, "q")
    lengths = np.linalg.norm(p, axis=1) * np.linalg.norm(q, axis=1)
    cosines = np.divide((p * q).sum(1), lengths, out=np.zeros(len(p)), where=lengths > 0).clip(-1, 1)
    return Similarity(
        distance=float(np.sqrt(((p - q) ** 2).sum(1).mean())),
        cosine=float(cosines.mean()),
        angle=float(np.degrees(np.arccos(cosines)).mean()),
        correlation=(_unit(p) * _unit(q)).sum(0).clip(-1, 1),
    )


def cross_correlation(p: Num[ArrayLike, "n d"], q: Num[ArrayLike, "n d"]) -> Float[np.ndarray, "d d"]:
    """Correlation of each component of p (row) with each component of q (column) (Figure 6); 0 if either is constant.

    Raises:
        ValueError: as `similarity`.
    """
    p, q = _pair(p, q, "q")
    return (_unit(p).T @ _unit(q)).clip(-1, 1)


def best_matching(correlation: Float[np.ndarray, "d d"]) -> Int[np.ndarray, " d"]:
    """Column matched to each row by the one-to-one matching with the largest sum of absolute correlations."""
    from scipy.optimize import linear_sum_assignment  # the import takes 0.25 s, and the command line imports this file

    columns: np.ndarray = linear_sum_assignment(np.abs(correlation), maximize=True)[1]
    return columns


def component_stability(
    train: Sequence[Num[ArrayLike, "n d"]],
    held_out: Sequence[Num[ArrayLike, "m d"]],
    method: Method = "assignment",
) -> Stability:
    """Stability of the components of the first run over all runs.

    Args:
        train: encodings of the same training items by each run, on which the other runs are aligned to the first.
        held_out: encodings of the same other items by each run, on which the correlations are computed.
        method: as for `align`.

    Raises:
        ValueError: there are fewer than two runs, `train` and `held_out` differ in length, or `align` cannot use the
            encodings.
    """
    if len(train) < 2 or len(train) != len(held_out):
        raise ValueError(
            f"stability needs the training and held-out encodings of at least two runs, not {len(train)} and "
            f"{len(held_out)}"
        )
    aligned = [held_out[0]]
    aligned += [align(p, train[0], method).apply(q) for p, q in zip(train[1:], held_out[1:], strict=True)]
    return stability([similarity(p, q) for p, q in itertools.combinations(aligned, 2)])


def stability(pairs: Sequence[Similarity]) -> Stability:
    """Stability of the components, from the similarities of all pairs of aligned runs."""
    correlations = np.abs([pair.correlation for pair in pairs])
    return Stability(correlations.mean(0), correlations.std(0))


def _assignment(p: Float[np.ndarray, "n d"], reference: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "d d"]:
    correlation = _unit(reference).T @ _unit(p)
    matrix = np.zeros_like(correlation)
    chosen = np.arange(len(correlation)), best_matching(correlation)
    matrix[chosen] = np.where(correlation[chosen] < 0, -1, 1)
    return matrix


def _rotation(p: Float[np.ndarray, "n d"], reference: Float[np.ndarray, "n d"], gap: float) -> np.ndarray:
    """The block-diagonal rotation of p, which is in the reference's order, that brings it nearest to it."""
    p = _centred(p)
    covariance = _centred(reference).T @ p
    matrix = np.eye(len(covariance))
    for group in _groups((p**2).sum(0), gap):
        if len(group) > 1:
            u, _, vt = np.linalg.svd(covariance[np.ix_(group, group)])
            matrix[np.ix_(group, group)] = u @ vt
    return matrix


def _groups(eigenvalues: Float[np.ndarray, " d"], gap: float) -> list[np.ndarray]:
    """Indices in groups of close eigenvalues, largest first.

    Groups are divided at the widest relative gap between neighbours until the range of each is at most `gap`. Joining
    neighbours closer than `gap` instead would give a single group for a flat spectrum of many components.
    """
    values = np.maximum(eigenvalues, np.finfo(float).tiny)
    waiting, groups = [np.argsort(-values, kind="stable")], []
    while waiting:
        group = waiting.pop()
        inside = values[group]
        if inside[-1] >= (1 - gap) * inside[0]:
            groups.append(group)
        else:
            cut = 1 + int((inside[1:] / inside[:-1]).argmin())
            waiting += [group[cut:], group[:cut]]
    return groups


def _bring_forward(i: int, j: int, *matrices: np.ndarray) -> None:
    """Move row j to position i, and rows i to j - 1 down by one."""
    for matrix in matrices:
        matrix[i : j + 1] = np.roll(matrix[i : j + 1], 1, axis=0)


def _negate(i: int, *matrices: np.ndarray) -> None:
    for matrix in matrices:
        matrix[i] = -matrix[i]


def _unit(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Centre columns and scale them to length 1; constant columns become zero."""
    x = _centred(x)
    lengths = np.linalg.norm(x, axis=0)
    return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)


def _centred(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    centred = x - x.mean(0)
    centred[:, np.ptp(x, axis=0) == 0] = 0  # the mean of equal numbers may have a rounding error
    return centred


def _real(x: Any, name: str) -> np.ndarray:
    """Convert x to float64; it may be a tensor on any device that requires gradients."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        if str(x.dtype) == "torch.bfloat16":  # NumPy has no such type
            x = x.float()
    if np.iscomplexobj(x):
        raise ValueError(f"{name} is complex; pass real and imaginary parts as two columns")
    return np.asarray(x, np.float64)


def _pair(p: ArrayLike, q: ArrayLike, name: str) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n d"]]:
    p, q = _real(p, "p"), _real(q, name)
    for called, x in (("p", p), (name, q)):
        if x.ndim != 2 or x.shape[0] < 2 or x.shape[1] == 0:
            raise ValueError(f"{called} must have shape (n, d) with n >= 2 and d >= 1, not {x.shape}")
        if not np.isfinite(x).all():
            row = int((~np.isfinite(x)).any(1).argmax())
            raise ValueError(f"{called} holds NaN or infinity, first in row {row}")
        if np.abs(x).max() > LARGEST:
            raise ValueError(f"{called} holds numbers beyond {LARGEST:g}, whose squares overflow; rescale them")
    if p.shape != q.shape:
        raise ValueError(f"p and {name} must be encodings of the same items in one shape, not {p.shape} and {q.shape}")
    return p, q
