"""Attributes of what stands for CelebA."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eccentric.data import load
from eccentric.data.attributes import Attributes
from eccentric.errors import EccentricError
from eccentric.paper import RunStore, Scale, find_items, published, reproduce
from eccentric.paper.attributes import attributes_of, learning_curves, table_5
from tests.realdata import real


def test_classes_stand_for_attributes(tmp_path):
    found = attributes_of(RunStore(tmp_path, Scale.small()))
    digits = load("digits")
    assert found.names == [f"is {k}" for k in range(10)]
    np.testing.assert_array_equal(found.train.argmax(1), digits.train.labels)
    assert (found.test.sum(1) == 1).all()


def test_without_attributes_and_classes_it_says_so(tmp_path):
    np.save(tmp_path / "faces.npy", np.zeros((10, 8, 8), np.uint8))
    with pytest.raises(EccentricError, match="no attributes"):
        attributes_of(RunStore(tmp_path, Scale(data={"celeba": str(tmp_path / "faces.npy")})))


def test_they_are_looked_for_before_anything_is_trained(tmp_path, monkeypatch):
    np.save(tmp_path / "faces.npy", np.zeros((10, 8, 8), np.uint8))
    monkeypatch.setattr("eccentric.paper.run_store.train", None)
    shop = RunStore(tmp_path, Scale(runs=1, data={"celeba": str(tmp_path / "faces.npy")}))
    for name in ("table4", "table5"):
        with pytest.raises(EccentricError, match="no attributes"):
            reproduce(find_items([name]), shop)


def test_few_items_and_an_attribute_that_nobody_has(monkeypatch):
    """A quarter of 40 items is less than the neighbours that vote, and a constant attribute cannot be discriminated."""
    p = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    run = SimpleNamespace(latents=lambda split: SimpleNamespace(p=p))
    store: Any = SimpleNamespace(measured=lambda item, spec, measure: measure(run), face_dim=3)
    known = np.c_[p[:, 0] > 0, np.zeros(40, bool)]
    attributes = Attributes(["Male", "Smiling"], known, known)
    monkeypatch.setattr("eccentric.paper.attributes.attributes_of", lambda store: attributes)
    assert "fitted to 20, 40 training items" in learning_curves(store)
    [sentence] = [note for note in table_5(store).notes if "linear discriminant" in note]
    assert "Smiling 100 %" in sentence


@pytest.mark.realdata
def test_the_paper_counts_attributes_as_celeba_does(tmp_path):
    found = attributes_of(RunStore(tmp_path, Scale(data={"celeba": str(real("celeba"))})))
    assert len(found.names) == 40
    for name, (number, *_) in published.TABLE_5.items():
        assert found.names[number - 1] == name
