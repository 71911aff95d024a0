"""Maps of correlations."""

import numpy as np
import pytest

from eccentric.plots.alignment import MOST_RUNS, cross_correlation
from tests.plots.drawing import assert_publishable

RNG = np.random.default_rng(0)


def maps(runs: int, d: int) -> np.ndarray:
    return RNG.uniform(-1, 1, size=(runs, d, d))


@pytest.mark.parametrize(("runs", "d"), [(1, 1), (1, 6), (2, 10), (3, 11), (1, 64)])
def test_a_row_for_each_run(runs, d):
    names = [f"run {k + 1}" for k in range(runs)]
    before, after = maps(runs, d), maps(runs, d)
    figure = cross_correlation(before, after, names, "first")
    shown = assert_publishable(figure)
    assert {*names, "first", "before alignment", "after alignment"} <= {*shown}
    if d <= 10:
        assert {f"p{k + 1}" for k in range(d)} <= {*shown}
    drawn = [np.asarray(axes.images[0].get_array()) for axes in figure.axes[: 2 * runs]]
    np.testing.assert_array_equal(drawn, np.stack([before, after], 1).reshape(-1, d, d))


def test_zero_is_in_the_middle_of_the_colours_whatever_is_drawn():
    figure = cross_correlation(0.1 + 0.1 * maps(1, 4), 0.1 + 0.1 * maps(1, 4), ["second"], "first")
    for axes in figure.axes[:2]:
        assert axes.images[0].get_clim() == (-1, 1)
    nothing, positive, negative = (np.array(axes.images[0].cmap(at)[:3]) for at in (0.5, 1.0, 0.0))
    assert nothing.min() > 0.95
    assert positive.argmax() == 0
    assert negative.argmax() == 2


def test_components_are_numbered_from_one():
    axes = cross_correlation(maps(1, 40), maps(1, 40), ["second"], "first").axes[0]
    assert axes.get_xlim() == (0.5, 40.5)
    assert axes.get_ylim() == (40.5, 0.5)


def test_no_more_than_some_runs_and_no_name_too_long():
    many = MOST_RUNS + 2
    figure = cross_correlation(maps(many, 5), maps(many, 5), ["a long name of a run " * 3] * many, "$first_")
    shown = assert_publishable(figure)
    assert len(figure.axes) == 2 * MOST_RUNS + 1
    assert max(map(len, shown)) <= 28
