"""The view of a run, and files that do not fit each other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from eccentric.errors import EccentricError
from eccentric.files import write_tensors
from eccentric.runs import Run
from eccentric.runs.views import read_view

FIXTURES = Path(__file__).parents[1] / "fixtures" / "0.1.0"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(FIXTURES / "table", tmp_path / "run"))


def test_a_table():
    view = read_view(Run(FIXTURES / "table"))
    assert (view.name, view.status, view.version, view.shape) == ("iris", "finished", "0.1.0", (4,))
    assert view.columns == ("sepal length", "sepal width", "petal length", "petal width")
    assert (view.train_items, view.test_items, view.dim, view.size) == (120, 30, 2, 4)
    assert view.neighbours is not None
    assert view.neighbours.count == 5
    assert view.trace == pytest.approx(view.eigenvalues.sum())
    assert view.held_out
    assert not view.one_unit


def test_images():
    view = read_view(Run(FIXTURES / "digits"))
    assert view.is_image
    assert view.columns[0] == "column 1"
    assert np.isfinite(view.metrics["term/eccentric"]).all()


def test_files_that_do_not_fit(folder):
    write_tensors(folder / "examples.safetensors", {"x": torch.zeros(3, 5)})
    with pytest.raises(EccentricError, match=r"contains items of shape \(5,\), but config\.json says \(4,\)"):
        read_view(Run(folder))
    config = json.loads((folder / "config.json").read_text())
    config["train"]["dim"] = 3
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EccentricError, match=r"components\.safetensors has 2 components, but config\.json says 3"):
        read_view(Run(folder))
