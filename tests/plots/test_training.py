"""The course of training."""

from typing import Any

import numpy as np
import pytest

from eccentric import plots
from tests.plots.drawing import assert_publishable


def training(rows: int) -> dict[str, Any]:
    t = np.arange(1, rows + 1) / 5
    test = np.where(np.arange(rows) % 3 == 0, 0.2 / t, np.nan)
    return {
        "epochs": t,
        "reconstruction": 0.19 / t,
        "test_reconstruction": test,
        "terms": {"Eccentric loss": -t, "another term": t},
        "trace": 8 - 7 / t,
    }


@pytest.mark.parametrize(("rows", "pca"), [(1, None), (2, 0.05), (50, 0.05)])
def test_curves(rows, pca):
    shown = assert_publishable(plots.curves(**training(rows), dim=8, pca=pca))
    assert "d = 8" in shown
    assert {"Eccentric loss", "another term"} <= set(shown)
    assert ("PCA, test items" in shown) == (pca is not None)


def test_curves_without_test_measurements_and_with_wild_traces():
    columns = training(20)
    columns["test_reconstruction"][:] = np.nan
    columns["trace"][0] = 1e4
    assert_publishable(plots.curves(**columns, dim=2))


@pytest.mark.parametrize(("last", "pca"), [(0.0, 0.05), (0.01, 1e-31)])
def test_curves_with_a_vanishing_error(last, pca):
    columns = training(20)
    columns["reconstruction"][-1] = last
    assert_publishable(plots.curves(**columns, dim=2, pca=pca))
