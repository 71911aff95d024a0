"""Folders that older versions wrote open in this one. `tests/fixtures` has one of each kind for every version."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from eccentric import EccentricAutoencoder, cli
from eccentric.comparison.runs import compare
from eccentric.export import encode_data, sample
from eccentric.files import read_json
from eccentric.report import write_report
from eccentric.runs import Run
from eccentric.runs.names import PICTURES
from eccentric.runs.upgrade import SCHEMA, upgraded

FIXTURES = Path(__file__).parents[1] / "fixtures"
FOLDERS = sorted(path.parent for path in FIXTURES.glob("*/*/config.json"))
WITH_SOURCE = [folder for folder in FOLDERS if folder.name != "estimator"]
of_each = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
of_each_source = pytest.mark.parametrize("folder", WITH_SOURCE, ids=lambda path: f"{path.parent.name}-{path.name}")


def copied(folder: Path, to: Path) -> Run:
    return Run(shutil.copytree(folder, to))


@of_each
def test_all_of_it_opens(folder):
    run = Run(folder)
    assert run.finished
    assert run.config["schema"] == SCHEMA
    assert run.config["method"]["name"] == "eccentric"
    assert run.config["method"]["settings"]["mu"] == 1
    assert run.config["item"]["kind"] == ("image" if folder.name == "digits" else "table")
    for name in ("objective", "reconstruction", "term/eccentric", "items_per_second", "trace"):
        assert np.isfinite(run.metrics[name]).all()
    assert run.components.dim == run.config["train"]["dim"] == 2
    assert tuple(run.examples.shape[1:]) == run.shape
    for split in ("train", "test"):
        assert run.latents(split).p.shape[1] == 2
    z = run.model().encode(run.examples)
    assert tuple(z.shape) == (len(run.examples), 2)
    assert run.evaluation["test_reconstruction"] > 0


@of_each
def test_its_report(folder, tmp_path):
    run = copied(folder, tmp_path / "run")
    page = write_report(run).read_text(encoding="utf-8")
    assert "Eccentric loss" in page
    assert {path.stem for path in (run.path / "figures").iterdir()} <= set(PICTURES)


@of_each_source
def test_it_encodes(folder):
    run = Run(folder)
    source = str(FIXTURES / run.config["data"]["source"]) if folder.name == "table" else "digits"
    if folder.name == "table":
        source = str(folder.parent / run.config["data"]["source"])
    encoded = encode_data(run, source, label=run.config["data"]["label"])
    p, rows = (np.concatenate([getattr(part, name) for part in encoded.values()]) for name in ("p", "rows"))
    stored = run.latents("test")
    np.testing.assert_allclose(p[np.argsort(rows)][stored.rows], stored.p, atol=1e-3)


@of_each
def test_it_samples(folder):
    run = Run(folder)
    for method in ("standard", "matched"):
        assert sample(run, 3, method, seed=0).shape == (3, *run.shape)


@of_each
def test_it_aligns(folder, tmp_path):
    result = compare([Run(folder), copied(folder, tmp_path / "other")])
    np.testing.assert_allclose(result.stability.correlation, 1, atol=1e-6)


@of_each
def test_it_loads_as_an_estimator(folder, tmp_path):
    run = Run(folder)
    loaded = EccentricAutoencoder.load(folder)
    assert loaded.n_components_ == 2
    np.testing.assert_allclose(loaded.explained_variance_, run.components.eigenvalues.numpy())
    loaded.save(tmp_path / "again")
    again = EccentricAutoencoder.load(tmp_path / "again")
    x = run.examples.numpy().reshape(len(run.examples), *loaded.item_shape_) / (255 if len(run.shape) == 3 else 1)
    np.testing.assert_allclose(again.transform(x), loaded.transform(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "folder", [folder for folder in FOLDERS if (folder / "checkpoint").is_dir()], ids=lambda path: path.parent.name
)
def test_it_resumes(folder, tmp_path, monkeypatch, capsys):
    run = copied(folder, tmp_path / "run")
    epochs = run.config["train"]["epochs"] + 1
    arguments = ["train", "digits", "--out", str(run.path), "--resume", "--epochs", str(epochs), "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["eccentric", *arguments])
    with pytest.raises(SystemExit) as done:
        cli.run()
    assert done.value.code in (0, None)
    assert f"epochs changed from {epochs - 1} to {epochs}" in capsys.readouterr().out.replace("\n", " ")
    resumed = Run(run.path)
    assert resumed.finished
    np.testing.assert_array_equal(resumed.metrics["objective"][: len(run.metrics["step"])], run.metrics["objective"])
    assert resumed.metrics["epoch"][-1] == epochs
    with (run.path / "metrics.csv").open(newline="") as file:
        header = next(csv.reader(file))
    assert "term/eccentric" in header
    assert "images_per_second" not in header


@of_each
def test_the_upgrade_is_a_function_of_the_content(folder):
    old = read_json(folder / "config.json")
    before = str(old)
    new = upgraded(old)
    assert str(old) == before
    assert upgraded(new) == new
    assert upgraded({**old, "mine": {"a": 1}})["mine"] == {"a": 1}
