"""Two small runs, of images and of a table, trained once."""

import numpy as np
import pytest

from eccentric.explorer import Scene
from tests.report.making import make

MARKUP = "<img src=x onerror=alert(1)>"


def image_data():
    random = np.random.default_rng(0)
    shades = random.integers(0, 256, (80, 1, 1)) * np.ones((1, 8, 8)) + random.normal(0, 20, (80, 8, 8))
    labels = ["dark" if image.mean() < 90 else "middle" if image.mean() < 170 else MARKUP for image in shades]
    return shades.clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="package")
def image_run(tmp_path_factory):
    return make(tmp_path_factory.mktemp("explorer") / "images", *image_data(), dim=3, epochs=3)


@pytest.fixture(scope="package")
def table_run(tmp_path_factory):
    return make(
        tmp_path_factory.mktemp("explorer") / "table",
        np.random.default_rng(0).normal(size=(80, 5)).astype(np.float32),
        epochs=3,
    )


@pytest.fixture(scope="package")
def images(image_run):
    return Scene(image_run)


@pytest.fixture(scope="package")
def table(table_run):
    return Scene(table_run)


@pytest.fixture(scope="package")
def second_run(tmp_path_factory):
    """Another training on the same images."""
    return make(tmp_path_factory.mktemp("explorer") / "second", *image_data(), dim=3, epochs=3, seed=1)
