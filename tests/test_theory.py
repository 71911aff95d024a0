"""Theorem 1: against the paper's printed integral, mpmath, closed forms in low dimension, and Monte Carlo."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaln

from eccentric.theory import kernel_constant, repulsive_force, sphere_loss, stationary_radius

# From the smallest sensible mu to Figure 1's largest, and the dimensions where SciPy's hyp2f1 gives inf (131, 199).
DIM_MU = [
    (2, 0.51), (2, 2.5), (3, 1.0), (3, 7.0), (4, 9.0), (12, 2.13), (64, 1.0), (64, 16.5), (64, 129.0),
    (131, 2.8), (131, 263.0), (199, 10.0), (300, 601.0), (10_000, 3.0), (100_000, 1.0), (100_000, 200_001.0),
]  # fmt: skip


def printed_left_side(dim, N, rho):
    """The left side of Theorem 1's equation, as printed."""
    a = N / (2 * rho**2)
    factor = 2 * a / math.sqrt(math.pi) * math.exp(gammaln(dim / 2) - gammaln((dim - 1) / 2))

    def integrand(u):
        return (a * (u - 1)) ** ((dim - 1) / 2) * max(2 - a * (u - 1), 0.0) ** ((dim - 3) / 2) / u

    peak, width = 1 + 1 / a, 1 / (a * math.sqrt(dim))
    inside = [u for u in (peak - 4 * width, peak, peak + 4 * width) if 1 < u < 1 + 2 / a]
    return factor * quad(integrand, 1, 1 + 2 / a, points=inside, epsabs=0, epsrel=1e-12, limit=200)[0]


def exact_left_side(dim, x):
    """The same in closed form, at the precision that mpmath is set to."""
    dim, x = mpmath.mpf(dim), mpmath.mpf(x)
    return 2 / (1 + x) * mpmath.hyp2f1(1, (dim - 1) / 2, dim, x / (1 + x))


def exact_sphere_loss(dim, mu, N, radius):
    """Expand log(1 + x s) = log(1 + x/2) + log(1 - k t), k = x/(2 + x), in even moments of the cosine t."""
    dim, mu, N, radius = (mpmath.mpf(value) for value in (dim, mu, N, radius))
    x = 4 * radius**2 / N
    z = (x / (2 + x)) ** 2
    series = mpmath.hyper([1, 1, mpmath.mpf(3) / 2], [2, dim / 2 + 1], z)
    return radius**2 - mu * N * (mpmath.log1p(x / 2) - z / (2 * dim) * series)


class TestRepulsiveForce:
    def test_is_largest_at_the_root_of_N(self):
        N = np.array([1.0, 4.0, 129.0])
        peak = repulsive_force(np.sqrt(N), 2.5, N)
        np.testing.assert_allclose(peak, 2.5 * np.sqrt(N))
        assert np.all(repulsive_force(0.99 * np.sqrt(N), 2.5, N) < peak)
        assert np.all(repulsive_force(1.01 * np.sqrt(N), 2.5, N) < peak)

    @pytest.mark.parametrize(("mu", "N"), [(1.0, 129.0), (64.5, 1.0)])
    def test_is_the_slope_of_the_pair_potential(self, mu, N):
        r, h = np.linspace(0.1, 20, 50), 1e-5
        potential = lambda r: mu * N * np.log1p(r**2 / N)  # noqa: E731
        slope = (potential(r + h) - potential(r - h)) / (2 * h)
        np.testing.assert_allclose(repulsive_force(r, mu, N), slope, rtol=1e-6)

    def test_broadcasts(self):
        assert repulsive_force(np.ones((5, 1)), np.ones(3), 2.0).shape == (5, 3)
        assert isinstance(repulsive_force(1, 1, 1), float)


class TestKernelConstant:
    @pytest.mark.parametrize(("mu", "published"), [(1, 129.02), (1.5, 64.34), (4.5, 16.03), (16.5, 4.00), (64.5, 1.00)])
    def test_paper_values_of_table_1(self, mu, published):
        assert kernel_constant(64, mu) == pytest.approx(published, abs=0.005)

    @pytest.mark.parametrize(("dim", "mu"), [(1, 3.0), *DIM_MU])
    def test_exact_puts_the_radius_at_the_root_of_dim(self, dim, mu):
        N = kernel_constant(dim, mu, "exact")
        assert stationary_radius(dim, mu, N) == pytest.approx(math.sqrt(dim), rel=1e-12)

    @pytest.mark.parametrize(("dim", "mu"), DIM_MU)
    def test_exact_solves_the_closed_form(self, dim, mu):
        with mpmath.workdps(50):
            N = mpmath.mpf(kernel_constant(dim, mu, "exact"))
            residual = float(mu * exact_left_side(dim, 4 * dim / N) - 1)
        # Just above 1/2 an error in x hardly shows in the left side, which is 2 at x = 0: weigh it as an error in x.
        assert abs(residual) < 4e-15 * min(1, 2 * mu - 1)

    def test_low_dimensions_have_closed_forms(self):
        mu = np.array([0.5000001, 0.6, 1.0, 2.5, 7.0, 1e4, 1e12])
        np.testing.assert_allclose(kernel_constant(1, mu, "exact"), 4 / (2 * mu - 1), rtol=1e-14)
        # d = 2: mu = y (y + 1) / 4 with y^2 = 1 + x, so y - 1 = 4 (2 mu - 1) / (sqrt(1 + 16 mu) + 3).
        y_1 = 4 * (2 * mu - 1) / (np.sqrt(1 + 16 * mu) + 3)
        np.testing.assert_allclose(kernel_constant(2, mu, "exact"), 8 / (y_1 * (y_1 + 2)), rtol=1e-14)

    def test_stays_exact_beside_one_half_and_far_beyond_the_papers_range(self):
        excess = 2.0**-40  # mu - 1/2; to first order x = 4 excess d / (d + 1)
        first_order = (64 + 1) / excess
        assert kernel_constant(64, 0.5 + excess, "exact") == pytest.approx(first_order, rel=1e-11)
        assert kernel_constant(64, 1e200, "exact") == pytest.approx(kernel_constant(64, 1e100, "exact") / 1e100)

    def test_broadcasts_over_mixed_dimensions(self):
        dim, mu = np.array([[2], [64], [3], [64]]), np.array([0.7, 1.0, 129.0])
        for method in ("paper", "exact"):
            N = kernel_constant(dim, mu, method)
            assert N.shape == (4, 3)
            assert N.dtype == np.float64
            one_by_one = [[kernel_constant(int(d), float(m), method) for m in mu] for d in dim[:, 0]]
            np.testing.assert_allclose(N, one_by_one, rtol=1e-14)
            assert isinstance(kernel_constant(64, 1, method), float)
            assert isinstance(kernel_constant(np.int64(64), np.float32(1), method), float)
            assert kernel_constant(64, [], method).shape == (0,)

    def test_long_arrays_agree_with_single_calls(self):
        mu = np.linspace(0.6, 601, 5001)  # more than one cache block
        N = kernel_constant(300, mu, "exact")
        for i in (0, 1234, 2500, 5000):
            assert N[i] == pytest.approx(kernel_constant(300, mu[i], "exact"), rel=1e-14)
        assert np.all(np.diff(N) < 0)


class TestStationaryRadius:
    @pytest.mark.parametrize("dim", [3, 4, 5, 12, 64, 131, 300])
    def test_solves_the_printed_equation(self, dim):
        for mu in (0.6, 1.0, 2.5, dim / 4 + 1, 2 * dim + 1):
            N = kernel_constant(dim, mu)
            assert mu * printed_left_side(dim, N, stationary_radius(dim, mu, N)) == pytest.approx(1, rel=1e-9)

    @pytest.mark.parametrize("mu", [0.6, 1.0, 2.5, 5.0])
    def test_balances_the_forces_on_the_circle(self, mu):
        N = 3.0
        rho = stationary_radius(2, mu, N)
        angle = 2 * np.pi * np.arange(2000) / 2000
        distance = 2 * rho * np.abs(np.sin(angle / 2))
        radial = repulsive_force(distance, mu, N) * distance / (2 * rho)
        assert radial.mean() == pytest.approx(rho, rel=1e-12)

    @given(
        dim=st.integers(1, 500),
        mu=st.floats(0.501, 1000),
        N=st.floats(1e-6, 1e6),
        scale=st.floats(1e-3, 1e3),
    )
    def test_scales_with_the_root_of_N(self, dim, mu, N, scale):
        rho = stationary_radius(dim, mu, N)
        assert rho > 0
        assert stationary_radius(dim, mu, N * scale**2) == pytest.approx(scale * rho, rel=1e-12)

    def test_grows_with_mu(self):
        assert np.all(np.diff(stationary_radius(64, np.linspace(0.51, 129, 1000), 1.0)) > 0)

    def test_broadcasts(self):
        rho = stationary_radius(np.array([3, 5])[:, None], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
        assert rho.shape == (2, 3)
        assert rho[1, 2] == pytest.approx(stationary_radius(5, 3.0, 3.0), rel=1e-14)
        assert isinstance(stationary_radius(5, 3.0, 3), float)

    def test_the_papers_three_claims_hold_on_its_grid_and_are_sharp(self):
        """Section 2 and Figure 1: every d from 3 to 300, mu from 1 to 2d + 1 in steps of 0.01."""
        worst = np.full(301, np.nan)
        for dim in range(3, 301):
            mu = np.arange(100, 100 * (2 * dim + 1) + 1) / 100
            rho = stationary_radius(dim, mu, kernel_constant(dim, mu))
            worst[dim] = 100 * np.max(np.abs(rho / math.sqrt(dim) - 1))
        for percent, first in ((0.1, 12), (0.01, 38), (0.001, 117)):
            assert np.all(worst[first:] < percent)
            assert worst[first - 1] > percent
        assert np.all(np.diff(worst[3:]) < 0)


class TestSphereLoss:
    @pytest.mark.parametrize(("dim", "mu"), DIM_MU)
    @pytest.mark.parametrize("stretch", [0.1, 1.0, 3.0])
    def test_against_mpmath(self, dim, mu, stretch):
        N = kernel_constant(dim, mu)
        rho = stretch * stationary_radius(dim, mu, N)
        with mpmath.workdps(40):
            expected = float(exact_sphere_loss(dim, mu, N, rho))
        # Near mu = 1/2 the loss is a small difference of its two terms; rho^2 is the scale of either.
        assert sphere_loss(dim, mu, N, rho) == pytest.approx(expected, rel=1e-12, abs=1e-14 * rho**2)

    def test_of_two_points_and_of_the_circle(self):
        mu, N, rho = 1.7, 2.0, 3.0
        x = 4 * rho**2 / N
        assert sphere_loss(1, mu, N, rho) == pytest.approx(rho**2 - mu * N * math.log1p(x) / 2, rel=1e-14)
        circle = 2 * math.log((1 + math.sqrt(1 + x)) / 2)  # Jensen's formula for the mean of log(1 + x sin^2)
        assert sphere_loss(2, mu, N, rho) == pytest.approx(rho**2 - mu * N * circle, rel=1e-14)

    @pytest.mark.parametrize(("dim", "mu"), [(2, 1.0), (3, 7.0), (64, 16.5)])
    def test_is_the_mean_pair_loss_of_random_points(self, dim, mu):
        N, pairs = kernel_constant(dim, mu), 100_000
        z = np.random.default_rng(0).normal(size=(2, pairs, dim))
        z *= math.sqrt(dim) / np.linalg.norm(z, axis=2, keepdims=True)
        sample = dim - mu * N * np.log1p(np.sum((z[0] - z[1]) ** 2, axis=1) / N)
        error = sample.std() / math.sqrt(pairs)
        assert abs(sphere_loss(dim, mu, N, math.sqrt(dim)) - sample.mean()) < 4 * error

    @pytest.mark.parametrize(("dim", "mu"), [(1, 1.0), *DIM_MU])
    def test_is_least_at_the_stationary_radius(self, dim, mu):
        N = kernel_constant(dim, mu, "exact")
        rho = stationary_radius(dim, mu, N)
        least = sphere_loss(dim, mu, N)
        assert least == pytest.approx(sphere_loss(dim, mu, N, rho), rel=1e-12)
        for h in (1e-2, 1e-3):
            below, above = sphere_loss(dim, mu, N, rho * np.array([1 - h, 1 + h]))
            assert min(below, above) > least
            # The central difference is of third order in h if the derivative vanishes, the second one of second order.
            assert abs(above - below) < 2 * h * (above + below - 2 * least)

    def test_is_zero_without_radius_and_allows_any_mu_with_one(self):
        assert sphere_loss(64, 1.0, 4.0, 0.0) == 0.0
        assert sphere_loss(64, 0.25, 4.0, 2.0) > 0.0

    def test_broadcasts(self):
        loss = sphere_loss(np.array([[3], [64]]), [1.0, 2.0], 4.0, np.ones((5, 1, 1)))
        assert loss.shape == (5, 2, 2)
        assert loss[4, 1, 0] == pytest.approx(sphere_loss(64, 1.0, 4.0, 1.0), rel=1e-14)
        assert sphere_loss([3, 64], 1.0, 4.0).shape == (2,)
        assert isinstance(sphere_loss(3, 1, 4), float)

    @pytest.mark.parametrize(("dim", "mu"), [(1, 0.93), (2, 1.55), (3, 3.74)])
    def test_low_dimensions_prefer_a_point_inside_beyond_the_documented_mu(self, dim, mu):
        mu = np.array([mu - 0.01, mu + 0.01])
        assert list(prefers_the_origin(dim, mu)) == [False, True]

    @pytest.mark.parametrize("dim", [4, 5, 12, 64, 199])
    def test_higher_dimensions_do_not(self, dim):
        assert not prefers_the_origin(dim, np.geomspace(0.51, 2 * dim + 1, 200)).any()


def prefers_the_origin(dim, mu):
    """Has one point at the origin less energy than on the stationary sphere of all the others?"""
    N = kernel_constant(dim, mu, "exact")
    on_sphere = 2 * sphere_loss(dim, mu, N) - dim  # rho^2 - 2 mu N E[log(1 + D/N)]
    return -2 * mu * N * np.log1p(dim / N) < on_sphere


@pytest.mark.parametrize("method", ["paper", "exact"])
@pytest.mark.parametrize("mu", [0.5, 0.0, -1.0, math.nan, math.inf])
def test_weak_repulsion_is_refused_with_the_reason(mu, method):
    message = rf"^mu = {mu:g}: use a finite mu > 1/2 \(at or below 1/2 attraction wins .* no sphere is stationary\)$"
    with pytest.raises(ValueError, match=message):
        kernel_constant(64, [1.0, mu], method)
    with pytest.raises(ValueError, match=message):
        stationary_radius(64, mu, 1.0)
    with pytest.raises(ValueError, match=message):
        sphere_loss(64, mu, 1.0)


@pytest.mark.parametrize("dim", [0, -3, 2.5, math.nan, math.inf])
def test_dimensions_are_whole_numbers(dim):
    message = rf"^dim = {dim:g}: use a whole number >= 1$"
    for method in ("paper", "exact"):
        with pytest.raises(ValueError, match=message):
            kernel_constant(dim, 1.0, method)
    with pytest.raises(ValueError, match=message):
        stationary_radius([3, dim], 1.0, 1.0)
    with pytest.raises(ValueError, match=message):
        sphere_loss(dim, 1.0, 1.0, 1.0)


def test_the_papers_formula_needs_two_dimensions():
    with pytest.raises(
        ValueError, match=r'^dim = 1: the paper\'s N divides by dim - 1; use dim >= 2 or the "exact" formula$'
    ):
        kernel_constant(1, 1.0)


def test_unknown_method_lists_the_known():
    with pytest.raises(ValueError, match=r"^unknown method 'papre': use one of 'paper', 'exact'$"):
        kernel_constant(64, 1.0, "papre")


@pytest.mark.parametrize("N", [0.0, -1.0, math.nan, math.inf])
def test_N_is_positive(N):
    message = rf"^N = {N:g}: the kernel constant is a squared length; use a finite N > 0$"
    for call in (repulsive_force, stationary_radius, sphere_loss):
        with pytest.raises(ValueError, match=message):
            call(3, 1.0, N)


def test_radius_is_not_negative():
    with pytest.raises(ValueError, match=r"^radius = -0.5: use a radius >= 0$"):
        sphere_loss(3, 1.0, 1.0, [1.0, -0.5])
