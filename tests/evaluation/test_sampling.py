from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from eccentric.components import DeepComponents
from eccentric.data import Data, from_arrays
from eccentric.errors import UsageError
from eccentric.evaluation import fidelity
from eccentric.evaluation.extractors import Extractor
from eccentric.evaluation.sampling import FidelityTable, table_of_fidelity
from eccentric.models import Autoencoder

if TYPE_CHECKING:
    from collections.abc import Iterator


class Two(nn.Module):
    """The two pixels of an image as its latents, and back: without loss, and far from N(0, I)."""

    def __init__(self, there: bool) -> None:
        super().__init__()
        self.there = there
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x.flatten(1) * 4 if self.there else x.view(-1, 1, 1, 2) / 4


class Flat(nn.Module):
    """Pixels as features; with a parameter, which tells where it works."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((), 1 / 255))

    def forward(self, x):
        return x.flatten(1) * self.weight


def two_clusters() -> Data:
    """Two pixels; the first is dark or bright, so that one Gaussian fills the gap between with what is not."""
    draw = np.random.default_rng(0)
    x = np.stack([np.where(draw.random(3000) < 0.5, 60, 200), np.full(3000, 130)], 1) + draw.normal(size=(3000, 2)) * 8
    return from_arrays(x.round().astype(np.uint8)[:, None, None, :], test_fraction=0.5)


@pytest.fixture(scope="module")
def data() -> Data:
    return two_clusters()


@pytest.fixture(scope="module")
def table(data: Data) -> Iterator[FidelityTable]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fidelity, "SUBSETS", 10)  # for the sake of time
        yield measure(data)


def measure(data: Data, **options) -> FidelityTable:
    model = Autoencoder(Two(True), Two(False))
    components = DeepComponents().fit(model.encode(data.train.x).detach())
    extractor = Extractor("pixels", "the pixels themselves", Flat())
    return table_of_fidelity(model, components, data, extractor, **options)


def test_rows_and_protocol(table: FidelityTable):
    assert [row.images for row in table.rows] == ["standard", "matched", "mixture", "reconstruction", "train"]
    assert {row.fidelity.count for row in table.rows} == {1500}
    assert table.protocol == (
        "1,500 images of each kind against 1,500 test images of arrays (50 % held out at random, seed 0); "
        "mixture of as many Gaussians as the Bayesian information criterion prefers on the training items; "
        "features: the pixels themselves"
    )
    assert table.gaussians == 2


def test_a_perfect_autoencoder_reconstructs_as_well_as_the_images_are(table: FidelityTable):
    rows = {row.images: row.fidelity for row in table.rows}
    assert rows["reconstruction"].frechet == pytest.approx(rows["train"].frechet, rel=1e-3)
    assert rows["train"].frechet < 1e-3
    assert rows["train"].precision > 0.95
    assert rows["train"].recall > 0.95


def test_what_each_way_of_sampling_gets_right(table: FidelityTable):
    """Standard misses mean and covariance; matched meets both, and fills the gap; the mixture meets all.

    The gap shows in precision alone: Fréchet distance sees two moments, kernel distance three, and the third of two
    even clusters is a Gaussian's.
    """
    rows = {row.images: row.fidelity for row in table.rows}
    assert rows["standard"].frechet > 10 * rows["matched"].frechet
    assert rows["standard"].kernel > 10 * abs(rows["matched"].kernel)
    assert rows["matched"].precision < 0.7
    assert rows["mixture"].precision > 0.95


def test_fewer_images_and_seeds(data: Data):
    once = measure(data, count=200)
    assert {row.fidelity.count for row in once.rows} == {200}
    assert measure(data, count=200) == once
    other = measure(data, count=200, seed=1)
    assert all(a.fidelity != b.fidelity for a, b in zip(once.rows, other.rows, strict=True))


def test_a_table_has_no_fidelity():
    with pytest.raises(UsageError, match="arrays is a table"):
        measure(from_arrays(np.random.default_rng(0).normal(size=(20, 2))))
