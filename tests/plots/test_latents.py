"""Variances, and the items by their components."""

import numpy as np
import pytest

from eccentric import plots
from tests.plots.drawing import assert_publishable

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("d", [1, 12, 13, 33])
def test_spectrum_says_trace_and_dimension(d):
    eigenvalues = np.sort(RNG.exponential(size=d))[::-1]
    shown = assert_publishable(plots.spectrum(eigenvalues))
    assert f"trace = {eigenvalues.sum():.2f}, d = {d}" in shown


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (None, "none"),
        ([str(i % 10) for i in range(100)], "classes"),
        ([f"{i / 7}" for i in range(100)], "numbers"),
        (["often"] * 80 + [f"rare {i}" for i in range(20)], "frequent"),
        ([f"name {i}" for i in range(100)], "too many"),
        (["only"] * 100, "classes"),
    ],
)
def test_scatter_for_every_kind_of_label(labels, kind):
    assert plots.label_kind(labels) == kind
    shown = assert_publishable(plots.scatter(RNG.normal(size=(100, 3)), labels))
    if kind == "classes":
        assert {*labels} <= {text.strip() for text in shown}
    if kind == "frequent":
        assert "12 others" in shown


def test_classes_that_are_numbers_are_listed_in_their_order():
    figure = plots.scatter(RNG.normal(size=(100, 2)), [str(i % 10 + 1) for i in range(100)])
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [str(i + 1) for i in range(10)]


def test_scatter_has_equal_scales_and_a_circle_only_if_asked():
    p = RNG.normal(size=(50, 2)) * [3, 0.1]
    plain, circled = plots.scatter(p), plots.scatter(p, circle=True)
    assert len(circled.axes[0].lines) == len(plain.axes[0].lines) + 1
    x, y = circled.axes[0].lines[0].get_data()
    np.testing.assert_allclose(np.hypot(x, y), np.sqrt(2))
    for figure in (plain, circled):
        assert figure.axes[0].get_aspect() == 1
        assert figure.axes[0].get_xlim() == figure.axes[0].get_ylim()


def test_scatter_draws_a_fixed_choice_of_many_points():
    p = RNG.normal(size=(plots.MOST_POINTS + 5000, 2))
    figures = [plots.scatter(p, ["a"] * len(p)) for _ in range(2)]
    first, second = (np.asarray(figure.axes[0].collections[0].get_offsets()) for figure in figures)
    assert len(first) == plots.MOST_POINTS
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("labels", [None, ["a", "b"] * 30])
def test_histogram(labels):
    assert_publishable(plots.histogram(RNG.normal(size=(60, 1)), labels))


def test_a_collapsed_model():
    assert_publishable(plots.spectrum(np.zeros(5)))
    assert_publishable(plots.scatter(np.zeros((20, 2))))
