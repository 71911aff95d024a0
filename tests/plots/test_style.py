"""The same picture everywhere, and no global state touched."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from eccentric import plots
from tests.plots.drawing import assert_publishable

RNG = np.random.default_rng(0)
NAMES = ["$x$ & $y", "_hidden", r"\alpha$", "a very long name of a column that goes on", "日本語", "", "two\nlines"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.scatter(RNG.normal(size=(70, 2)), NAMES * 10),
        lambda: plots.feature_effects(RNG.normal(size=(2, len(NAMES))), NAMES),
        lambda: plots.feature_errors(np.ones(len(NAMES)), NAMES),
    ],
)
def test_names_from_the_data_are_drawn_as_they_are(draw):
    shown = assert_publishable(draw())
    assert {r"\$x\$ & \$y", " _hidden", "日本語", "two lines"} <= {*shown}


@pytest.mark.parametrize(("format", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_same_figure_gives_the_same_bytes(format, magic):
    first, second = (plots.file_bytes(plots.spectrum(np.array([2.0, 1.0])), format) for _ in range(2))
    assert first.startswith(magic)
    assert first == second


def test_long_names_that_begin_alike_stay_apart():
    days = (1, 7, 14, 30, 60, 90)
    names = [f"transaction_amount_mean_last_{day}_days" for day in days]
    shown = assert_publishable(plots.feature_errors(np.ones(len(days)), names))
    assert len({text for text in shown if text.startswith("transaction")}) == len(days)


def test_the_same_figure_gives_the_same_bytes_whatever_the_users_style():
    eigenvalues = np.array([1.2, 0.8])
    ours = plots.png(plots.spectrum(eigenvalues))
    with mpl.rc_context({"figure.facecolor": "black", "font.size": 30, "text.usetex": True}):
        assert plots.png(plots.spectrum(eigenvalues)) == ours
        assert mpl.rcParams["font.size"] == 30


def test_no_pyplot_and_no_backend_is_loaded():
    code = """
import sys
import numpy as np
from eccentric import plots
plots.png(plots.spectrum(np.ones(3)))
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
