from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eccentric.plots.comparison import Role, compared_errors, compared_spectra, compared_trade_offs
from eccentric.plots.direct_labels import spread
from tests.plots.drawing import assert_publishable

ROLES: dict[str, Role] = {"Eccentric": "ours", "plain": "plain", "PCA": "pca"}


def test_a_line_for_each_method_over_its_weights():
    points = {"plain": np.array([[0.1, 0.5]]), "Eccentric": np.array([[0.1, 0.6], [0.2, 0.8]])}
    figure = compared_trade_offs(points, {"Eccentric": 1}, 0.1, ROLES)
    axes = figure.axes[0]
    drawn = {line.get_label(): line for line in axes.lines}
    np.testing.assert_array_equal(drawn["Eccentric"].get_xydata(), points["Eccentric"])
    filled = [line for line in axes.lines if line.get_linestyle() == "None"]
    filled = [np.asarray(line.get_xydata(), float).tolist() for line in filled]
    assert filled == [[[0.1, 0.5]], [[0.2, 0.8]]]  # the chosen weights
    assert {"Eccentric", "plain"} <= set(assert_publishable(figure))


def test_methods_without_a_role_are_counted_but_not_named():
    points = {f"method {k}": np.array([[0.1 + 0.01 * k, 0.5]]) for k in range(20)}
    figure = compared_trade_offs(points, {}, 0.1, {"method 3": "named"})
    texts = assert_publishable(figure)
    assert "method 3" in texts
    assert "method 4" not in texts
    assert any("19 other methods" in text for text in texts)


@settings(deadline=None)  # the first call imports scipy.optimize
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.2))
def test_labels_are_spread_no_more_than_needed(wanted, gap):
    placed = spread(np.array(wanted), gap)
    assert (np.diff(np.sort(placed)) > gap - 1e-9).all()
    assert placed.mean() == pytest.approx(np.mean(wanted))
    np.testing.assert_allclose(spread(placed, gap), placed, atol=1e-12)


def test_errors_are_drawn_by_number_of_components():
    axes = compared_errors({"plain": np.array([3.0, 2.0, 1.0]), "PCA": np.array([3.0, 2.5, 2.0])}, ROLES).axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), [3.0, 2.5, 2.0])


def test_spectra_are_shares_and_a_collapsed_one_is_left_out():
    axes = compared_spectra({"a": np.array([3.0, 1.0]), "b": np.zeros(2)}, {}).axes[0]
    assert len(axes.lines) == 1
    np.testing.assert_allclose(np.asarray(axes.lines[0].get_ydata(), float), [0.75, 0.25])
