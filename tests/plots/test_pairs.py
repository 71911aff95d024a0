"""Panels of paired images."""

import numpy as np
import pytest

from eccentric.plots.pairs import PairPanel, pair_panels
from tests.plots.drawing import assert_publishable

RNG = np.random.default_rng(0)


def panel(title, k, *shape, names=()):
    return PairPanel(title, RNG.uniform(0, 255, (k, 2, *shape)), np.linspace(1.5, 0.5, k), names)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 64, 64), (3, 20, 60)])
def test_panels_of_several_models(shape):
    rows = [[panel("(a) d = 6", 6, *shape), panel("(b) d = 4", 4, *shape)], [panel("(c) d = 8", 8, *shape)]]
    figure = pair_panels(rows)
    shown = assert_publishable(figure)
    assert {"(a) d = 6", "(b) d = 4", "(c) d = 8", "p1\n1.50", "p6\n0.50"} <= {*shown}
    assert len(figure.axes[0].images) == 2 * 18


def test_the_minus_side_is_above():
    images = np.zeros((1, 2, 1, 4, 4))
    images[:, 1] = 255
    axes = pair_panels([[PairPanel("one", images, np.ones(1), ["p7"])]]).axes[0]
    minus, plus = axes.images
    assert minus.get_extent()[3] < plus.get_extent()[3]
    assert float(np.asarray(minus.get_array()).max()) == 0
    assert "p7\n1.00" in [text.get_text() for text in axes.texts]
