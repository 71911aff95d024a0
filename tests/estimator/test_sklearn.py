"""Among scikit-learn's other parts, and in a notebook."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from matplotlib.figure import Figure
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eccentric.plots import png
from tests.estimator.test_inputs import squares
from tests.estimator.test_learning import low_rank, quick

pytestmark = pytest.mark.filterwarnings("ignore:constant columns", "ignore:columns whose variance")


def test_pipeline():
    x, y = load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), quick(n_components=8, max_epochs=15), LogisticRegression(max_iter=500))
    assert model.fit(x[:1200], y[:1200]).score(x[1200:], y[1200:]) > 0.75
    assert list(model[:-1].get_feature_names_out()) == [f"p{k}" for k in range(1, 9)]


def test_grid_search():
    search = GridSearchCV(quick(), {"n_components": [1, 3]}, cv=2).fit(low_rank())
    assert search.best_params_ == {"n_components": 3}
    assert search.best_score_ > 0.95


def test_grid_search_over_methods():
    grid = {"method": ["eccentric", "irmae"], "n_components": [2]}
    search = GridSearchCV(quick(max_epochs=1), grid, cv=2, error_score="raise").fit(low_rank(80))
    assert {params["method"] for params in search.cv_results_["params"]} == {"eccentric", "irmae"}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.method == search.best_params_["method"]


def test_cross_validation():
    scores = cross_val_score(quick(n_components=3, max_epochs=20), low_rank(), cv=3)
    assert (scores > 0.98).all()


def test_column_transformer():
    x = pd.DataFrame(low_rank(), columns=list("abcdefgh")).assign(city="Oslo")
    some = ColumnTransformer([("deep", quick(n_components=2), list("abcd"))], remainder="drop")
    assert list(some.fit(x).get_feature_names_out()) == ["deep__p1", "deep__p2"]
    assert some.transform(x).shape == (600, 2)


@pytest.mark.parametrize(("library", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_data_frames_out(library, kind):
    model = quick(n_components=2).set_output(transform=library)
    out = model.fit_transform(pd.DataFrame(low_rank(), columns=list("abcdefgh"), index=np.arange(600) + 7))
    assert isinstance(out, kind)
    assert list(out.columns) == ["p1", "p2"]
    if library == "pandas":
        assert out.index[0] == 7


class TestInANotebook:
    def test_fitted(self):
        page = quick(n_components=3, n_runs=2).fit(low_rank())._repr_html_()
        assert "EccentricAutoencoder" in page
        assert "correlation between runs" in page
        assert page.count("<tr><td") == 3
        assert "reconstruction error" in page

    def test_unfitted(self):
        assert "reconstruction error" not in quick()._repr_html_()

    def test_as_text_where_that_is_wanted(self):
        with sklearn.config_context(display="text"):
            assert not hasattr(quick(), "_repr_html_")


class TestPictures:
    def test_of_the_choice(self):
        fixed = quick(n_components=2, n_runs=2, max_epochs=1).fit(low_rank(200)).plot_choice()
        assert len(fixed.axes) == 2
        chosen = quick(n_components=0.5, max_epochs=1).fit(low_rank(200)).plot_choice()
        assert len(chosen.axes) == 1
        assert png(chosen).startswith(b"\x89PNG")

    def test_of_a_table(self):
        model = quick(n_components=2).fit(pd.DataFrame(low_rank(), columns=list("abcdefgh")))
        for figure in (model.plot_spectrum(), model.plot_components()):
            assert isinstance(figure, Figure)
            assert png(figure).startswith(b"\x89PNG")
        labels = {label.get_text() for label in model.plot_components().axes[0].get_yticklabels()}
        assert labels == set("abcdefgh")

    def test_of_repeated_runs(self):
        figure = quick(n_components=4, n_runs=3).fit(low_rank()).plot_spectrum()
        assert len(figure.axes) == 2
        assert "3 runs" in figure.axes[0].get_title(loc="left")

    def test_of_images(self):
        model = quick(n_components=2, max_epochs=1).fit(squares())
        figure = model.plot_components()
        assert len(figure.axes[0].images) == 4


def test_says_what_to_install_without_scikit_learn():
    code = """
import sys
sys.modules["sklearn"] = None
import eccentric
try:
    eccentric.EccentricAutoencoder
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "install eccentric with the extra 'train'" in done.stdout
    assert done.stdout.count("\n") == 1
