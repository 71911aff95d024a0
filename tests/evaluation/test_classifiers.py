"""Extractors trained on the data: good enough, trained once, the same each time."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from eccentric.data import Data, from_arrays, load
from eccentric.errors import EccentricError, UsageError
from eccentric.evaluation import classifiers
from eccentric.evaluation.classifiers import train_attribute_classifier, train_classifier
from tests.realdata import real

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def digits() -> Data:
    return load("digits")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("classifiers")


@pytest.fixture(scope="module")
def extractor(digits: Data, folder: Path):
    return train_classifier(digits, folder, epochs=8)


def test_the_classifier_is_good_and_says_how_good(extractor):
    accuracy = float(extractor.protocol.split("test accuracy of ")[1].split(" %")[0])
    assert accuracy > 97
    assert "distinguishes 10 classes" in extractor.protocol
    assert "trained on 1,438 items of digits for 8 epochs, seed 0" in extractor.protocol
    assert "8x8" in extractor.protocol


def test_features_are_standardised_and_tell_classes_apart(extractor, digits: Data):
    features = extractor(digits.train.x)
    assert features.shape == (1438, classifiers.FEATURES)
    assert features.mean(0).abs().max() < 0.5
    assert features.var(0).mean().item() == pytest.approx(1, abs=0.3)
    centres = torch.stack([features[digits.train.labels == k].mean(0) for k in range(10)])
    nearest = torch.cdist(extractor(digits.test.x), centres).argmin(1).numpy()
    assert (nearest == digits.test.labels).mean() > 0.95


def test_it_is_trained_once(extractor, digits: Data, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(classifiers._Training, "_train", lambda self: pytest.fail("trained again"))
    again = train_classifier(digits, folder, epochs=8)
    assert again.protocol == extractor.protocol
    assert torch.equal(again(digits.test.x), extractor(digits.test.x))


@pytest.mark.usefixtures("extractor")
def test_the_same_training_gives_the_same_weights(digits: Data, folder: Path, tmp_path: Path):
    state = torch.get_rng_state()
    train_classifier(digits, tmp_path, epochs=8)
    assert torch.equal(torch.get_rng_state(), state)
    (made,) = tmp_path.iterdir()
    assert made.read_bytes() == (folder / made.name).read_bytes()


def small(n: int = 40, side: int = 6, channels: int = 1) -> Data:
    draw = np.random.default_rng(0)
    return from_arrays(draw.integers(0, 256, (n, channels, side, side), dtype=np.uint8), np.arange(n) % 3)


def test_other_data_seeds_and_lengths_have_files_of_their_own(tmp_path: Path):
    data = small()
    relabelled = dataclasses.replace(data, train=dataclasses.replace(data.train, labels=data.train.labels[::-1].copy()))  # type: ignore[index]
    for given in (data, relabelled):
        for seed in (0, 1):
            for epochs in (1, 2):
                train_classifier(given, tmp_path, epochs=epochs, seed=seed)
    assert len(list(tmp_path.glob("arrays-labels-*.safetensors"))) == 8


@pytest.mark.parametrize(("side", "channels"), [(1, 1), (5, 3), (33, 1), (64, 3)])
def test_images_of_any_size(side: int, channels: int, tmp_path: Path):
    data = small(10, side, channels)
    assert train_classifier(data, tmp_path, epochs=1)(data.test.x).shape == (2, classifiers.FEATURES)


def test_attributes(tmp_path: Path):
    """Two that can be seen, the brighter side and brightness itself, and one that nobody can know."""
    draw = np.random.default_rng(0)
    x = draw.integers(0, 128, (1500, 3, 8, 8), dtype=np.uint8)
    seen = draw.random((1500, 3)) < 0.5
    x[seen[:, 0], :, :, :4] += 60
    x[seen[:, 1]] += 60
    data = from_arrays(x)
    train, test = seen[data.train.rows], seen[data.test.rows]
    extractor = train_attribute_classifier(data, train, test, tmp_path, epochs=5)
    accuracy = float(extractor.protocol.split("recognises 3 attributes with a test accuracy of ")[1].split(" %")[0])
    assert accuracy == pytest.approx(100 * (1 + 1 + 0.5) / 3, abs=4)
    assert extractor(data.test.x).shape == (300, classifiers.FEATURES)
    assert [path.name.split("-")[:2] for path in tmp_path.iterdir()] == [["arrays", "attributes"]]


def test_a_hub_id_makes_a_file_name(tmp_path: Path):
    train_classifier(dataclasses.replace(small(), name="owner/name"), tmp_path, epochs=1)
    assert [path.name.rpartition("-")[0] for path in tmp_path.iterdir()] == ["owner-name-labels"]


def test_no_labels_and_no_images(tmp_path: Path):
    x = np.zeros((20, 8, 8), np.uint8)
    with pytest.raises(UsageError, match=r"arrays has no labels to train a feature extractor"):
        train_classifier(from_arrays(x), tmp_path)
    with pytest.raises(UsageError, match="arrays is a table"):
        train_classifier(from_arrays(np.zeros((20, 4)), np.arange(20) % 2), tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(classifiers._Training, "_train", lambda self: pytest.fail("trained in vain"))
    (tmp_path / "file").write_text("")
    with pytest.raises(EccentricError, match=r"cannot make the folder .*file/weights"):
        train_classifier(small(), tmp_path / "file" / "weights")


def test_a_damaged_file(tmp_path: Path):
    train_classifier(small(), tmp_path, epochs=1)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(EccentricError, match="the file is damaged"):
        train_classifier(small(), tmp_path, epochs=1)


@pytest.mark.realdata
@pytest.mark.slow
def test_real_mnist(tmp_path: Path):
    extractor = train_classifier(load(real("mnist")), tmp_path, epochs=1)
    assert float(extractor.protocol.split("test accuracy of ")[1].split(" %")[0]) > 98
