"""PCA and kernel PCA as baselines of a comparison.

Rows are flat items in standardised units. NaN marks the padding of sequences, which is encoded as 0, the mean of each
feature, and has no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float

__all__ = ["Baseline", "fit_kernel_pca", "fit_pca"]

BATCH = 1000  # number of rows processed at a time
MOST_NUMBERS = 10**8  # maximum number of values that PCA is fitted to
SCALES = (0.1, 0.3, 1.0)  # widths of the kernels, relative to the inverse of the median squared distance
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1)


@dataclass(frozen=True)
class Baseline:
    """A fitted encoder and decoder.

    Attributes:
        name: "pca" or "kernel-pca".
        eigenvalues: (d,) variances of the components of the fitted rows, descending.
    """

    name: str
    eigenvalues: Float[np.ndarray, " d"]
    _encode: Callable[[np.ndarray], np.ndarray]
    _decode: Callable[[np.ndarray], np.ndarray]

    @property
    def dim(self) -> int:
        return len(self.eigenvalues)

    def encode(self, x: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n d"]:
        """Components of rows, uncorrelated and centred for the fitted rows."""
        return _in_batches(self._encode, np.nan_to_num(x))

    def decode(self, p: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n features"]:
        """Rows from their components; with k < d, the remaining components are held at their mean."""
        return _in_batches(self._decode, np.pad(p, ((0, 0), (0, self.dim - p.shape[1]))))

    def error(self, x: Float[np.ndarray, "n features"], k: int | None = None) -> float:
        """Mean over rows of the mean squared error of the reconstruction from the first k components or from all."""
        return float(self._errors(x, [self.dim if k is None else k])[0])

    def errors(self, x: Float[np.ndarray, "n features"]) -> Float[np.ndarray, " d"]:
        """The error with the first k components, for k = 1 ... d."""
        return self._errors(x, range(1, self.dim + 1))

    def _errors(self, x: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        total = np.zeros(len(counts))
        for batch in _batches(x):
            p = self.encode(batch)
            squares = (np.square(self.decode(p[:, :k]) - batch, dtype=np.float64) for k in counts)
            total += [np.nanmean(each, axis=1).sum() for each in squares]
        return total / len(x)


def fit_pca(x: Float[np.ndarray, "n features"], dim: int, seed: int = 0) -> Baseline:
    """Principal component analysis, fitted to at most 100 million values in random rows.

    Args:
        x: flat rows in standardised units.
        dim: number of components.
        seed: seed of the choice of rows, and of the solver if scikit-learn chooses a randomised one.

    Raises:
        UsageError: there are fewer rows or features than components.
    """
    from sklearn.decomposition import PCA

    rows = _some(x, max(dim, MOST_NUMBERS // x.shape[1]), seed)
    if dim > min(rows.shape):
        raise UsageError(f"PCA cannot find {dim} components in {rows.shape[0]} rows of {rows.shape[1]} features")
    pca = PCA(dim, random_state=seed).fit(rows)
    return Baseline("pca", pca.explained_variance_, pca.transform, pca.inverse_transform)


def fit_kernel_pca(x: Float[np.ndarray, "n features"], dim: int, seed: int = 0, most_rows: int = 2000) -> Baseline:
    """Kernel PCA (Schölkopf et al. 1998) with a Gaussian kernel, decoded by kernel ridge regression.

    Time grows with the cube and memory with the square of the number of rows, so only a random sample of `most_rows`
    rows is used, a few thousand at most. The decoder is a regression from the components back to the rows. The widths
    of both kernels, relative to the median distance, and the ridge are chosen by the error on a held-out fifth of these
    rows; the final fit uses all of them.

    Args:
        x: flat rows in standardised units.
        dim: number of components.
        seed: of the choice of rows.
        most_rows: maximum number of rows that are used.

    Raises:
        UsageError: there are not more rows than components, or all rows are equal.
    """
    rows = _some(x, most_rows, seed)
    held_out = max(1, len(rows) // 5)
    if len(rows) - held_out <= dim:
        raise UsageError(f"kernel PCA needs more than {dim + held_out} rows for {dim} components, not {len(rows)}")
    if (rows == rows[0]).all():
        raise UsageError("kernel PCA needs rows that are not all equal")
    compact = _coordinates(rows)
    stop, fit = compact[:held_out], compact[held_out:]
    best, chosen = np.inf, (SCALES[-1], SCALES[-1], RIDGES[-1])
    for scale in SCALES:
        encode = _kernel_encoder(fit, dim, scale, seed)
        p, p_stop = encode(fit), encode(stop)
        for decoder_scale in SCALES:
            for ridge in RIDGES:
                decode = _kernel_decoder(p, fit, decoder_scale, ridge)
                error = float(np.square(decode(p_stop) - stop).mean())
                if error < best:
                    best, chosen = error, (scale, decoder_scale, ridge)
    encode = _kernel_encoder(rows, dim, chosen[0], seed)
    p = encode(rows)
    return Baseline("kernel-pca", p.var(0, ddof=1), encode, _kernel_decoder(p, rows, *chosen[1:]))


def _kernel_encoder(rows: np.ndarray, dim: int, scale: float, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    from sklearn.decomposition import KernelPCA

    model = KernelPCA(dim, kernel="rbf", gamma=scale / _median_square(rows), random_state=seed).fit(rows)
    return model.transform


def _kernel_decoder(p: np.ndarray, rows: np.ndarray, scale: float, ridge: float) -> Callable[[np.ndarray], np.ndarray]:
    from sklearn.kernel_ridge import KernelRidge

    mean = rows.mean(0)
    model = KernelRidge(alpha=ridge, kernel="rbf", gamma=scale / _median_square(p)).fit(p, rows - mean)

    def decode(given: np.ndarray) -> np.ndarray:
        found: Any = model.predict(given)
        return np.asarray(found + mean)

    return decode


def _coordinates(rows: np.ndarray) -> np.ndarray:
    """Rows with more features than there are rows, in an orthonormal basis of their span, with the same distances.

    The many regressions that choose the settings are then several times faster.
    """
    from scipy.linalg import qr

    n, features = rows.shape
    return rows if features <= n else qr(rows.T, mode="r", check_finite=False)[0][:n].T


def _median_square(rows: np.ndarray) -> float:
    """Median squared distance between rows."""
    from scipy.spatial.distance import pdist

    squares = pdist(rows[:500], "sqeuclidean")
    return float(np.median(squares)) or float(squares.mean()) or 1.0


def _some(x: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most `most` rows in random order, in double precision, with 0 in the padding."""
    return np.nan_to_num(x[np.random.default_rng(seed).permutation(len(x))[:most]].astype(np.float64))


def _batches(x: np.ndarray) -> list[np.ndarray]:
    return [x[start : start + BATCH] for start in range(0, len(x), BATCH)]


def _in_batches(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    return np.concatenate([function(batch) for batch in _batches(x)])
