"""Pictures of the columns of a table, however many there are."""

import numpy as np
import pytest

from eccentric import plots
from tests.plots.drawing import assert_publishable

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("k", "f"), [(1, 1), (4, 5), (10, 24), (64, 200)])
def test_feature_effects_show_the_greatest(k, f):
    effects = RNG.normal(size=(k, f))
    effects[0, f // 2] = 50
    shown = assert_publishable(plots.feature_effects(effects, [f"feature {i}" for i in range(f)]))
    assert f"feature {f // 2}" in shown
    assert sum(text.startswith("feature") for text in shown) == min(f, plots.MOST_FEATURES)


@pytest.mark.parametrize("f", [1, 24, 25])
def test_feature_errors_show_the_worst_and_the_best(f):
    errors = RNG.exponential(size=f)
    names = [f"feature {i}" for i in range(f)]
    shown = assert_publishable(plots.feature_errors(errors, names))
    assert {names[errors.argmax()], names[errors.argmin()]} <= {*shown}
    assert any("between" in text for text in shown) == (f > plots.MOST_FEATURES)
