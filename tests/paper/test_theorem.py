"""The exact items against closed forms: Figures 1, 2 and 4."""

import math

import numpy as np
import pytest
from scipy.special import roots_jacobi

from eccentric.paper import RunStore, published, theorem
from eccentric.theory import kernel_constant, repulsive_force

NOWHERE = RunStore("nowhere")  # they train nothing


@pytest.fixture(scope="module")
def figure_1():
    return theorem.figure_1(NOWHERE)


@pytest.fixture(scope="module")
def figure_4():
    return theorem.figure_4(NOWHERE)


class TestFigure1:
    def test_covers_what_the_paper_covers(self, figure_1):
        d = figure_1.series["deviation"]["d"]
        assert (d[0], d[-1], len(d)) == (3, 300, 298)

    def test_all_three_claims_hold(self, figure_1):
        """d = 12, 38 and 117 are not only enough: none of them could be one less."""
        assert [claim.holds for claim in figure_1.claims] == [True] * 3
        assert [number.ours for number in figure_1.numbers] == [12, 38, 117]
        assert [number.deviation for number in figure_1.numbers] == [0, 0, 0]

    def test_a_wrong_claim_would_fail(self, monkeypatch):
        monkeypatch.setattr(theorem, "DIMS", range(3, 60))
        monkeypatch.setattr(published, "FIGURE_1", {11: 0.1, 38: 0.01})
        assert [claim.holds for claim in theorem.figure_1(NOWHERE).claims] == [False, True]

    def test_worst_mu_is_between_1_8_and_4(self, figure_1):
        worst = figure_1.series["deviation"]["worst_mu"]
        assert 1.7 < worst.min() <= worst.max() < 4.1


class TestFigure2:
    def test_greatest_force_is_mu_times_root_of_N(self):
        result = theorem.figure_2(NOWHERE)
        assert all(claim.holds for claim in result.claims)
        greatest = [number.ours for number in result.numbers if number.what.startswith("largest")]
        expected = [mu * math.sqrt(kernel_constant(64, mu)) for mu in published.MUS]
        np.testing.assert_allclose(greatest, expected, rtol=1e-12)
        curves = [column for name, column in result.series["forces"].items() if name != "distance"]
        np.testing.assert_allclose([np.max(curve) for curve in curves], expected, rtol=1e-5)

    def test_N_is_that_of_table_1(self):
        for number in theorem.figure_2(NOWHERE).numbers[: len(published.MUS)]:
            assert number.published is not None
            assert abs(number.ours - number.published) < 0.005


class TestFigure4:
    def test_the_ellipse_has_the_paper_s_range_and_trace(self):
        variances = theorem.ellipse(4096)
        assert variances.sum() == pytest.approx(4096)
        assert variances[0] == pytest.approx(published.FIGURE_5_LARGEST, rel=0.005)
        assert variances[-1] == pytest.approx(published.FIGURE_5_SMALLEST, rel=0.005)

    @pytest.mark.parametrize("mu", [0.8, 1.0, 4.5])
    def test_balance_by_one_point_is_its_force(self, mu):
        """The radial component of repulsive_force along z, over |z|."""
        z, other = np.array([[3.0, 1.0, 0.0]]), np.array([[-1.0, 2.0, 2.0]])
        away = z[0] - other[0]
        r = np.linalg.norm(away)
        force = repulsive_force(r, mu, 7.0) * away / r
        radial = force @ z[0] / np.linalg.norm(z[0])
        assert theorem.balance(z, other, mu, 7.0)[0] == pytest.approx(radial / np.linalg.norm(z[0]))

    @pytest.mark.parametrize("d", [4, 8, 64])
    def test_sphere_against_quadrature(self, d):
        """4 mu E[s / (1 + 4 d s / N)], s ~ Beta((d-1)/2, (d-1)/2), by Gauss and Jacobi."""
        mu = 1.0
        N = kernel_constant(d, mu)
        nodes, weights = roots_jacobi(80, (d - 3) / 2, (d - 3) / 2)
        s = (1 + nodes) / 2
        exact = 4 * mu * ((s / (1 + 4 * d * s / N)) @ weights) / weights.sum()
        measured = theorem.measured_balance([d], mu)["sphere"][0]
        assert measured == pytest.approx(exact, abs=0.004)
        assert exact == pytest.approx(1, abs=0.02)

    def test_ends_of_axes_against_the_closed_form(self, figure_4):
        """For many dimensions 2 mu / (1 + (1 + sigma^2) d / N)."""
        by_dim = figure_4.series["balance"]
        for k in (-2, -1):
            d = int(by_dim["d"][k])
            N, variances = kernel_constant(d, 1.0), theorem.ellipse(d)
            for name, variance in (("long", variances[0]), ("short", variances[-1])):
                assert by_dim[name][k] == pytest.approx(2 / (1 + (1 + variance) * d / N), abs=0.01)

    def test_what_holds_and_what_does_not(self, figure_4):
        """The bulk of the ellipse is in balance, and the point that the paper draws is not."""
        assert [claim.holds for claim in figure_4.claims] == [True, True, True, False]
