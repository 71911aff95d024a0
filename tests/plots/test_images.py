"""Pictures made of images of every size, shape and number of channels."""

import numpy as np
import pytest

from eccentric import plots
from tests.plots.drawing import assert_publishable

RNG = np.random.default_rng(0)
SMALL, COLOUR, TALL, WIDE = (1, 8, 8), (3, 64, 60), (1, 60, 8), (2, 8, 60)


def images(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape).astype(np.float32)


@pytest.mark.parametrize(("shape", "k"), [(SMALL, 64), (COLOUR, 8), (TALL, 16), (WIDE, 1)])
def test_eigenpairs_label_at_most_the_first_sixteen(shape, k):
    shown = assert_publishable(plots.eigenpairs(images(k, 2, *shape), np.linspace(1.2, 0.5, k)))
    assert "p1 (1.20)" in shown
    assert sum("(" in text for text in shown) == min(k, plots.MOST_PAIRS)


@pytest.mark.parametrize(("shape", "n"), [(SMALL, 1), (COLOUR, 24), (TALL, 24), (WIDE, 24)])
def test_reconstructions_and_samples(shape, n):
    assert_publishable(plots.reconstructions(images(n, *shape), images(n, *shape)))
    assert_publishable(plots.samples({"standard": images(n, *shape), "matched": images(n, *shape)}))


@pytest.mark.parametrize(
    ("shape", "across", "down"),
    [
        (SMALL, [5, 10, 2], [1, 9, 8]),
        (COLOUR, [0, 1], [2]),
        (TALL, [0], [1]),
        (TALL, [5, 10, 2], [1, 9, 8]),
        (WIDE, [5, 10, 2], [1, 9, 8]),
    ],
)
def test_grid_names_the_components_that_vary(shape, across, down):
    shown = assert_publishable(plots.grid(images(2 ** len(down), 2 ** len(across), *shape), across, down))
    for components in (across, down):
        for level, component in enumerate(components):
            assert shown.count(f"+p{component + 1}") == shown.count(f"−p{component + 1}") == 2**level


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
