"""The theory in pictures."""

import numpy as np
import pytest
from matplotlib.patches import Ellipse

from eccentric.plots.theorem import force_balance, radius_deviation, repulsive_forces
from tests.plots.drawing import assert_publishable


def test_bounds_are_marked_where_they_begin():
    dims = np.arange(3, 101)
    figure = radius_deviation(dims, 10.0 / dims**2, {10: 0.1, 32: 0.01})
    shown = assert_publishable(figure)
    assert {"0.1 % from d = 10", "0.01 % from d = 32"} <= {*shown}
    marks = [np.asarray(line.get_xdata())[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert marks == [10, 32]
    assert figure.axes[0].get_yscale() == "log"


def test_the_greatest_force_is_marked_at_the_root_of_N():
    r = np.linspace(0, 10, 201)
    N = np.array([1.0, 9.0])
    forces = 2 * r / (1 + r**2 / N[:, None])
    figure = repulsive_forces(r, forces, np.array([1.0, 1.5]), np.sqrt(N), typical=4.0)
    shown = assert_publishable(figure)
    assert {"μ = 1", "μ = 1.5", "maximum, at √N"} <= {*shown}
    marks = [line.get_xydata() for line in figure.axes[0].lines if line.get_marker() == "o"]
    np.testing.assert_allclose(np.concatenate(marks), [(1, 1), (3, 3)])


def test_forces_are_drawn_to_scale():
    dims = np.array([4.0, 16.0, 64.0])
    columns = {name: np.full(3, value) for name, value in (("sphere", 1), ("ellipse", 1), ("low", 0.9), ("high", 1.1))}
    variances = np.array([2.0, *np.full(63, 62 / 63)])
    figure = force_balance(64, 1.0, 129.02, variances, {"d": dims, "long": dims / 100, "short": dims / 50, **columns})
    shown = assert_publishable(figure)
    assert "Sphere: ratio 1.00" in shown
    assert f"Ellipse, variance 2.00: ratio {2 / (1 + 3 * 64 / 129.02):.2f}" in shown
    sphere, ellipse, _ = figure.axes
    for axes, right in ((sphere, 1.0), (ellipse, 2**0.5)):
        [ellipse_drawn] = [patch for patch in axes.patches if isinstance(patch, Ellipse)]
        assert ellipse_drawn.width == pytest.approx(2 * right)
        assert axes.get_aspect() == 1
