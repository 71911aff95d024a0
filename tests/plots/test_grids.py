"""The same picture for several settings."""

import numpy as np
import pytest

from eccentric.plots.grids import MOST_IN_PLANE, planes, spectra
from tests.plots.drawing import assert_publishable

RNG = np.random.default_rng(0)


def panels(rows, columns, n=200):
    return [[RNG.normal(size=(n, 2)) for _ in range(columns)] for _ in range(rows)]


TITLES = [[f"λ = {c}, μ = {r}" for c in range(3)] for r in range(2)]


@pytest.mark.parametrize("classes", [0, 3, 10, 40])
def test_planes_share_axes_and_classes(classes):
    labels = np.array([f"{k % classes}" for k in range(200)]) if classes else None
    figure = planes(panels(2, 3), labels, TITLES, radius=2**0.5)
    shown = assert_publishable(figure)
    assert {*TITLES[0], *TITLES[1]} <= {*shown}
    assert len({axes.get_xlim() for axes in figure.axes} | {axes.get_ylim() for axes in figure.axes}) == 1
    assert bool(figure.legends) == (0 < classes <= 10)
    if classes == 10:
        assert [text.get_text() for text in figure.legends[0].get_texts()] == [str(k) for k in range(10)]
    for axes in figure.axes:
        np.testing.assert_allclose(np.linalg.norm(axes.lines[0].get_xydata(), axis=1), 2**0.5)


def test_the_same_items_in_every_plane():
    p = RNG.normal(size=(MOST_IN_PLANE + 500, 2))
    figure = planes([[p, 2 * p]], None, [["a", "b"]], radius=1.0)
    first, second = (np.asarray(axes.collections[0].get_offsets()) for axes in figure.axes)
    assert len(first) == MOST_IN_PLANE
    np.testing.assert_allclose(second, 2 * first)


@pytest.mark.parametrize("d", [2, 16, 64])
def test_spectra_superimpose_runs(d):
    values = [[np.sort(RNG.uniform(0.5, 2, (4, d)))[:, ::-1] for _ in range(2)] for _ in range(2)]
    figure = spectra(values, [["a", "b"], ["c", "d"]])
    shown = assert_publishable(figure)
    assert {"a", "b", "c", "d", "component", "eigenvalue"} <= {*shown}
    for axes, panel in zip(figure.axes, [panel for row in values for panel in row], strict=True):
        drawn = [np.asarray(line.get_ydata()) for line in axes.lines[-4:]]
        np.testing.assert_array_equal(drawn, panel)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
