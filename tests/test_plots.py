"""The pictures: drawn for every shape of data, nothing clipped or blank, no global state touched."""

import io
import subprocess
import sys
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from eccentric import plots

RNG = np.random.default_rng(0)


def pixels(figure: Figure) -> np.ndarray:
    image = Image.open(io.BytesIO(plots.png(figure)))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


def texts(figure: Figure) -> list[Text]:
    return [
        artist
        for artist in figure.findobj(Text)
        if isinstance(artist, Text) and artist.get_visible() and artist.get_text()
    ]


def shown_texts(figure: Figure) -> list[str]:
    figure.canvas.draw()
    return [text.get_text() for text in texts(figure)]


def assert_publishable(figure: Figure) -> None:
    """Something is drawn, in type of at least 9 points, and nothing reaches the figure's very edge."""
    image = pixels(figure)
    assert image.std() > 2
    assert figure.get_figwidth() == pytest.approx(plots.WIDTH, abs=0.1)
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert (edge == 255).all(), "clipped at an edge"
    assert all(float(text.get_fontsize()) >= 9 for text in texts(figure))


def images(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape).astype(np.float32)


def training(rows: int) -> dict[str, Any]:
    t = np.arange(1, rows + 1) / 5
    test = np.where(np.arange(rows) % 3 == 0, 0.2 / t, np.nan)
    return {
        "epochs": t,
        "reconstruction": 0.19 / t,
        "test_reconstruction": test,
        "eccentric": -t,
        "trace": 8 - 7 / t,
    }


@pytest.mark.parametrize("rows", [1, 2, 50])
@pytest.mark.parametrize("pca", [None, 0.05])
def test_curves(rows, pca):
    figure = plots.curves(**training(rows), dim=8, pca=pca)
    assert_publishable(figure)
    shown = shown_texts(figure)
    assert "d = 8" in shown
    assert ("PCA, test items" in shown) == (pca is not None)


def test_curves_without_test_measurements_or_with_wild_traces():
    columns = training(20)
    columns["test_reconstruction"][:] = np.nan
    columns["trace"][0] = 1e4
    assert_publishable(plots.curves(**columns, dim=2))


def test_curves_with_a_vanishing_error():
    columns = training(20)
    columns["reconstruction"][-1] = 0
    assert_publishable(plots.curves(**columns, dim=2))


@pytest.mark.parametrize("d", [1, 2, 8, 12, 13, 32, 64, 300])
def test_spectrum_says_trace_and_dimension(d):
    eigenvalues = np.sort(RNG.exponential(size=d))[::-1]
    figure = plots.spectrum(eigenvalues)
    assert_publishable(figure)
    assert f"trace = {eigenvalues.sum():.2f}, d = {d}" in shown_texts(figure)


def test_spectrum_of_a_collapsed_model():
    assert_publishable(plots.spectrum(np.zeros(5)))


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (None, "none"),
        (["a", "b"] * 50, "classes"),
        ([str(i % 10) for i in range(100)], "classes"),
        ([f"{i / 7}" for i in range(100)], "numbers"),
        (["often"] * 80 + [f"rare {i}" for i in range(20)], "frequent"),
        ([f"name {i}" for i in range(100)], "too many"),
        (["only"] * 100, "classes"),
    ],
)
def test_scatter_for_every_kind_of_label(labels, kind):
    assert plots.label_kind(labels) == kind
    figure = plots.scatter(RNG.normal(size=(100, 3)), labels)
    assert_publishable(figure)
    if kind == "classes":
        assert {*labels} <= {text.strip() for text in shown_texts(figure)}
    if kind == "frequent":
        assert "12 others" in shown_texts(figure)


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


def test_scatter_of_a_collapsed_model():
    assert_publishable(plots.scatter(np.zeros((20, 2))))


@pytest.mark.parametrize("labels", [None, ["a", "b"] * 30, [f"name {i}" for i in range(60)]])
def test_histogram(labels):
    assert_publishable(plots.histogram(RNG.normal(size=(60, 1)), labels))


SHAPES = [(1, 8, 8), (3, 64, 60), (1, 60, 8), (2, 8, 60)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [1, 8, 64])
def test_eigenpairs_label_at_most_the_first_sixteen(shape, k):
    figure = plots.eigenpairs(images(k, 2, *shape), np.linspace(1.2, 0.5, k))
    assert_publishable(figure)
    shown = shown_texts(figure)
    assert "p1 (1.20)" in shown
    assert sum("(" in text for text in shown) == min(k, plots.MOST_PAIRS)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [1, 24])
def test_reconstructions_and_samples(shape, n):
    assert_publishable(plots.reconstructions(images(n, *shape), images(n, *shape)))
    assert_publishable(plots.samples(images(n, *shape), images(n, *shape)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("across", "down"), [([0], [1]), ([0, 1], [2]), ([5, 10, 2], [1, 9, 8])])
def test_grid_names_the_components_that_vary(shape, across, down):
    figure = plots.grid(images(2 ** len(down), 2 ** len(across), *shape), across, down)
    assert_publishable(figure)
    shown = shown_texts(figure)
    for level, component in enumerate(across):
        assert shown.count(f"+p{component + 1}") == shown.count(f"−p{component + 1}") == 2**level
    for component in down:
        assert f"+p{component + 1}" in shown


def test_grey_keeps_its_scale():
    """Black is 0 and white 255 whatever else is in the image: a dim image stays dim."""
    dim = np.full((1, 1, 8, 8), 51.0)
    artist = plots.reconstructions(dim, dim).axes[0].images[0]
    assert artist.get_clim() == (0, 1)
    np.testing.assert_allclose(artist.get_array(), 0.2)  # type: ignore[arg-type]


def test_values_outside_the_range_are_clipped():
    wild = np.full((1, 3, 4, 4), 400.0)
    artist = plots.reconstructions(wild, -wild).axes[0].images
    assert [float(np.max(image.get_array())) for image in artist] == [1, 0]  # type: ignore[arg-type]


@pytest.mark.parametrize("k", [1, 4, 10, 16, 64])
@pytest.mark.parametrize("f", [1, 5, 200])
def test_feature_effects_show_the_greatest(k, f):
    effects = RNG.normal(size=(k, f))
    effects[0, f // 2] = 50
    names = [f"feature {i}" for i in range(f)]
    figure = plots.feature_effects(effects, names)
    assert_publishable(figure)
    shown = shown_texts(figure)
    assert f"feature {f // 2}" in shown
    assert sum(text.startswith("feature") for text in shown) == min(f, plots.MOST_FEATURES)


@pytest.mark.parametrize("f", [1, 24, 25, 300])
def test_feature_errors_show_the_worst_and_the_best(f):
    errors = RNG.exponential(size=f)
    names = [f"feature {i}" for i in range(f)]
    figure = plots.feature_errors(errors, names)
    assert_publishable(figure)
    shown = shown_texts(figure)
    assert {names[errors.argmax()], names[errors.argmin()]} <= {*shown}
    assert any("between" in text for text in shown) == (f > plots.MOST_FEATURES)


@pytest.mark.parametrize(
    "name", ["$x$ & $y", "_hidden", r"\alpha$", "a very long name of a column that goes on", "日本語", "", "two\nlines"]
)
def test_names_from_the_data_are_drawn_as_they_are(name):
    labels = [name, "b"] * 20
    figure = plots.scatter(RNG.normal(size=(40, 2)), labels)
    assert_publishable(figure)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 2
    assert_publishable(plots.feature_effects(RNG.normal(size=(2, 2)), [name, "b"]))
    assert_publishable(plots.feature_errors(np.ones(2), [name, "b"]))


def test_the_same_figure_gives_the_same_bytes():
    p = RNG.normal(size=(200, 2))
    assert plots.png(plots.scatter(p)) == plots.png(plots.scatter(p))


def test_the_users_style_is_neither_used_nor_changed():
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
import eccentric
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    check = "import sys, eccentric; assert not {'matplotlib', 'jinja2'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", check], check=True)
