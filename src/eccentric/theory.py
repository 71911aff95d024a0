"""Theorem 1 of Li & Blair (2021): the force between two points, the sphere on which the forces balance, N from (mu, d).

For independent uniform points of a sphere of radius rho in dimension d, put D = |z - z'|^2 = 4 rho^2 s. Then
s ~ Beta((d-1)/2, (d-1)/2), and with x = 4 rho^2 / N the loss and Theorem 1's condition are two means over s:

    loss     rho^2 - mu N E[log(1 + x s)]
    balance  4 E[s / (1 + x s)] = 1/mu     (= 2/(1+x) 2F1(1, (d-1)/2; d; x/(1+x)), an Euler integral)

The balance is the loss's derivative in rho^2 set to zero. Its root x depends on (d, mu) only, so N fixes rho and rho
fixes N. The means are computed by `_sphere_rule`, to a few units in the last place for any d and mu. The closed form is
exact, but SciPy's hyp2f1 is not accurate enough: with it, odd d > 130 give inf for mu above about 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

FloatOrArray = Any  # a float if every argument is a scalar, else a float64 array: typed as NumPy types its own ufuncs
METHODS = ("paper", "exact")


def repulsive_force(distance: ArrayLike, mu: ArrayLike, N: ArrayLike) -> FloatOrArray:
    """Magnitude of the repulsion between two points: 2 mu r / (1 + r^2 / N) (below equation (1); Figure 2).

    It grows like 2 mu r, has its maximum mu sqrt(N) at r = sqrt(N), and decreases like 2 mu N / r.

    Args:
        distance: r = |z_i - z_j|, in the latents' unit of length. All arguments broadcast together.
        mu: strength of the repulsion.
        N: kernel constant, a squared length.

    Raises:
        ValueError: N is not positive.
    """
    distance, mu, N = _float(distance), _float(mu), _positive(N)
    return _unwrap(2 * mu * distance / (1 + distance**2 / N))


def kernel_constant(dim: ArrayLike, mu: ArrayLike, method: str = "paper") -> FloatOrArray:
    """The N for which the sphere of radius sqrt(dim), the typical radius of a standard normal, is stationary.

    Args:
        dim: latent dimension d. Broadcasts with `mu`.
        mu: strength of the repulsion, > 1/2.
        method: "paper", the default so that results compare with the publication, is its approximation
            N = 2d (1 + 1/(2 mu (d-1))) / (2 mu - 1) (section 2; A.2), for d >= 2: the radius comes within 0.1 % of
            sqrt(d) for d >= 12. "exact" solves Theorem 1's condition at rho = sqrt(d), for d >= 1.

    Returns:
        N, a squared length in the latents' unit.

    Raises:
        ValueError: a dimension, mu or method outside the ranges above.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: use one of {', '.join(map(repr, METHODS))}")
    dim, mu = _dimension(dim), _strength(mu)
    if method == "exact":
        return _unwrap(4 * dim / _stationary_x(dim, mu))
    _require(dim >= 2, dim, 'dim = {:.12g}: the paper\'s N divides by dim - 1; use dim >= 2 or the "exact" formula')
    return _unwrap(2 * dim * (1 + 1 / (2 * mu * (dim - 1))) / (2 * mu - 1))


def stationary_radius(dim: ArrayLike, mu: ArrayLike, N: ArrayLike) -> FloatOrArray:
    """Radius rho of the sphere on which attraction and repulsion balance: the root of Theorem 1's condition.

    There is exactly one, and it has the lowest loss of all radii. The theorem is stated for d >= 3; the balance holds
    on the circle (d = 2: mu = y (y+1) / 4 with y^2 = 1 + 4 rho^2 / N) and, with points at +rho and -rho in equal
    number, on the line (d = 1: 4 rho^2 / N = 2 mu - 1).

    The balance minimises the loss over the radii of spheres, not over all distributions. A lone point at the origin has
    less energy than one on the sphere, and a trained batch fills the inside, when mu is above 0.93 (d = 1), 1.55 (d =
    2) or 3.74 (d = 3); for d >= 4 never, as far as computed (d < 200).

    Args:
        dim: latent dimension d >= 1. All arguments broadcast together.
        mu: strength of the repulsion, > 1/2.
        N: kernel constant, a squared length > 0.

    Raises:
        ValueError: an argument out of range. For mu <= 1/2 the attraction is stronger at all distances and no sphere is
            stationary.
    """
    return _unwrap(np.sqrt(_positive(N) * _stationary_x(_dimension(dim), _strength(mu))) / 2)


def sphere_loss(dim: ArrayLike, mu: ArrayLike, N: ArrayLike, radius: ArrayLike | None = None) -> FloatOrArray:
    """The loss of infinitely many uniformly distributed points on a sphere: equation (1) for b -> infinity.

    Args:
        dim: latent dimension d >= 1. All arguments broadcast together.
        mu: strength of the repulsion; with a radius given, it may be any number.
        N: kernel constant, a squared length > 0.
        radius: the sphere's radius rho >= 0; by default the stationary one, where this loss is least.

    Returns:
        rho^2 - mu N E[log(1 + D/N)], a squared length. It is accurate to rounding in either term.

    Raises:
        ValueError: an argument out of range.
    """
    dim, N = _dimension(dim), _positive(N)
    if radius is None:
        mu = _strength(mu)
        x = _stationary_x(dim, mu)
    else:
        mu, radius = _float(mu), _float(radius)
        _require(radius >= 0, radius, "radius = {:.12g}: use a radius >= 0")
        x = 4 * radius**2 / N
    mean_log = _by_dimension(lambda d, x, s, w: np.log1p(x[:, None] * s) @ w, dim, x)
    return _unwrap(N * (x / 4 - mu * mean_log))


def _stationary_x(dim: Array, mu: Array) -> Array:
    """Theorem 1's x = 4 rho^2 / N: the root of 4 E[s / (1 + x s)] = 1/mu, a function of (d, mu) alone."""
    return _by_dimension(_newton, dim, mu)


def _newton(dim: int, mu: Array, s: Array, w: Array) -> Array:
    """Solve 1 / (4 E[r]) = mu with r = s / (1 + x s), by Newton's method from below.

    The left side rises and is concave in x, since E[r^2]^2 <= E[r] E[r^3] (Cauchy-Schwarz). So the steps never pass the
    root, and there is no need of a bracket. It is also nearly straight: a step squares the relative error, or better.
    """
    # Jensen's inequality under the size-biased law Beta((d+1)/2, (d-1)/2) puts this start below the root, within 2x.
    x = (4 * mu - 2) * dim / (dim + 1)
    while True:
        v = x[:, None] * s
        v /= 1 + v  # x r, which neither overflows nor underflows
        # E[s] = 1/2 turns 1 / (4 E[r]) - mu into this difference, which keeps its digits as mu -> 1/2.
        mean, mean_s = (v @ np.stack([w, w * s], axis=1)).T
        step = mean * ((4 * mu - 2) * mean - 2 * x * mean_s) / (v**2 @ w)
        x = x + step
        if not np.any(step > 1e-8 * x):  # squared, that is below rounding
            return x


def _sphere_rule(dim: int) -> tuple[Array, Array]:
    """Nodes s and weights w such that sum(w f(s)) = E[f(s)], s = (1 - cosine)/2 of two uniform points on the sphere.

    The trapezoidal rule in v = logit(s), where the density is cosh(v/2)^-(d-1). There log(1 + x s) and s / (1 + x s)
    are analytic for |Im v| < pi whatever x > 0, so the error falls like exp(-2 pi^2 / h) uniformly in mu, and every
    term is positive: nothing cancels.
    """
    if dim == 1:
        return np.array([0.0, 1.0]), np.array([0.5, 0.5])
    alpha = (dim - 1) / 2
    # The density's Fourier transform, |Gamma(alpha + i omega) / Gamma(alpha)|^2, falls like exp(-omega^2 / alpha) at
    # first and like exp(-pi omega) later; at omega = 2 pi / h it is below rounding. Beyond `end` the density is less
    # than e^-38 of its peak.
    h = 2 * np.pi / (10 + np.sqrt(40 * alpha))
    end = 2 * np.arcsinh(np.sqrt(np.expm1(38 / alpha)))
    count = np.ceil(end / h)
    v = h * np.arange(-count, count + 1)
    # log cosh^2 = log1p(sinh^2): a power of cosh itself would multiply its rounding error by d.
    w = np.exp(-alpha * np.log1p(np.sinh(v / 2) ** 2))
    return expit(v), w / w.sum()


def _by_dimension(function: Callable[[int, Array, Array, Array], Array], dim: Array, values: Array) -> Array:
    """Apply function(d, values, nodes, weights) to the values of each dimension, in blocks that fit the cache."""
    dim, values = np.broadcast_arrays(dim, values)
    result = np.empty(values.shape)
    for d in np.unique(dim):
        s, w = _sphere_rule(int(d))
        where = np.flatnonzero(dim == d)
        for part in np.array_split(where, 1 + where.size * s.size // 2**15):
            result.flat[part] = function(int(d), values.flat[part], s, w)
    return result


def _float(value: ArrayLike) -> Array:
    return np.asarray(value, dtype=np.float64)


def _unwrap(value: Array) -> FloatOrArray:
    return value if np.ndim(value) else float(value)


def _require(valid: NDArray[np.bool_], value: Array, message: str) -> None:
    if not np.all(valid):
        raise ValueError(message.format(value[~valid].flat[0]))


def _dimension(dim: ArrayLike) -> Array:
    dim = _float(dim)
    _require(np.isfinite(dim) & (dim >= 1) & (dim == np.floor(dim)), dim, "dim = {:.12g}: use a whole number >= 1")
    return dim


def _strength(mu: ArrayLike) -> Array:
    mu = _float(mu)
    # As log(1 + D/N) <= D/N, the loss of many points is at least (1 - 2 mu) mean |z|^2. And the balance's left side is
    # 2 at x = 0 and falls, so that on a sphere it never is 1/mu >= 2.
    why = "at or below 1/2 attraction wins everywhere and no sphere is stationary"
    _require(np.isfinite(mu) & (mu > 0.5), mu, f"mu = {{:.12g}}: use a finite mu > 1/2 ({why})")
    return mu


def _positive(N: ArrayLike) -> Array:
    N = _float(N)
    _require(np.isfinite(N) & (N > 0), N, "N = {:.12g}: the kernel constant is a squared length; use a finite N > 0")
    return N
