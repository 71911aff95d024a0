"""Two small runs, of images and of a table, trained once."""

import numpy as np
import pytest

from eccentric.explorer import Scene
from tests.report.making import make

RNG = np.random.default_rng(0)
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="package")
def image_run(tmp_path_factory):
    shades = RNG.integers(0, 256, (80, 1, 1)) * np.ones((1, 8, 8)) + RNG.normal(0, 20, (80, 8, 8))
    labels = ["dark" if image.mean() < 128 else MARKUP for image in shades]
    return make(
        tmp_path_factory.mktemp("explorer") / "images",
        shades.clip(0, 255).astype(np.uint8),
        labels,
        dim=3,
        epochs=3,
        learning_rate=0.003,
    )


@pytest.fixture(scope="package")
def table_run(tmp_path_factory):
    return make(tmp_path_factory.mktemp("explorer") / "table", RNG.normal(size=(80, 5)).astype(np.float32), epochs=3)


@pytest.fixture(scope="package")
def images(image_run):
    return Scene(image_run)


@pytest.fixture(scope="package")
def table(table_run):
    return Scene(table_run)
