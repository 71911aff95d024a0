"""A run on sequences of different lengths, through every command that uses runs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from eccentric.comparison.runs import compare, write_comparison
from eccentric.data import from_arrays
from eccentric.errors import EccentricError, UsageError
from eccentric.export import encode_data, sample, write_samples
from eccentric.padding import lengths_of
from eccentric.plots import style
from eccentric.report import write_report
from eccentric.training import TrainConfig, train

if TYPE_CHECKING:
    from eccentric.runs import Run

RANDOM = np.random.default_rng(0)
LENGTHS = RANDOM.integers(2, 9, 48)
X = np.sin(RANDOM.normal(size=(48, 1, 1)) + 0.6 * np.arange(10)[:, None] + np.arange(2)) + 5


def trained(folder, seed=0) -> Run:
    data = from_arrays(X, np.arange(48) % 2, lengths=LENGTHS, feature_names=["up", "down"], name="waves")
    config = TrainConfig(dim=2, epochs=2, batch_size=16, width=0.1, learning_rate=0.01, seed=seed, device="cpu")
    return train(data, config, folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return trained(tmp_path_factory.mktemp("sequences") / "run")


def test_the_folder_records_the_lengths(run):
    lengths = LENGTHS[run.latents("train").rows]
    assert run.config["data"]["lengths"] == {
        "shortest": lengths.min(),
        "median": np.sort(lengths)[(len(lengths) - 1) // 2],
        "longest": lengths.max(),
    }
    assert run.feature_names == ["up", "down"]
    assert (lengths_of(run.examples) < run.shape[0]).any()


def test_report(run, monkeypatch):
    monkeypatch.setitem(style.STYLE, "figure.dpi", 50)
    text = write_report(run).read_text(encoding="utf-8")
    names = {path.stem for path in (run.path / "figures").iterdir()}
    assert names == {"curves", "spectrum", "scatter", "eigenpairs", "reconstructions", "feature-errors"}
    assert "sequences (waves)" in text
    assert "Reconstruction by feature" in text
    assert "rows of a table" not in text


def test_encoding_takes_any_length_and_the_same_features(run, tmp_path):
    z = run.latents("test")
    row = int(z.rows[0])
    np.savez(tmp_path / "a.npz", x=X[row : row + 1], lengths=LENGTHS[row : row + 1])
    np.testing.assert_allclose(encode_data(run, str(tmp_path / "a.npz"))["all"].p, z.p[:1], atol=1e-5)
    np.savez(tmp_path / "long.npz", x=np.concatenate([X, X], 1)[:3])
    assert encode_data(run, str(tmp_path / "long.npz"))["all"].p.shape == (3, 2)
    np.savez(tmp_path / "other.npz", x=X[..., :1])
    with pytest.raises(EccentricError, match="contains 10x1 sequences, but the run was trained on"):
        encode_data(run, str(tmp_path / "other.npz"))


def test_samples_have_the_median_length_or_the_one_asked_for(run, tmp_path):
    assert sample(run, 3, seed=0).shape == (3, run.config["data"]["lengths"]["median"], 2)
    made = sample(run, 3, seed=0, length=2)
    np.testing.assert_array_equal(made, sample(run, 3, seed=0)[:, :2])
    write_samples(tmp_path / "a.csv", made, run.spec, run.feature_names)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == '"sample","step","up","down"'
    assert len(lines) == 7
    assert lines[3].startswith("1,0,")
    for length in (0, 99):
        with pytest.raises(UsageError, match="length must be from 1 to 8, the steps of the longest"):
            sample(run, 3, length=length)


def test_align(run, tmp_path):
    comparison = compare([run, trained(tmp_path / "other", seed=1)], "assignment")
    write_comparison(tmp_path / "alignment", comparison)
    assert np.isfinite(comparison.stability.correlation).all()


def test_explore(run):
    from starlette.testclient import TestClient

    from eccentric.explorer.scene import Scene
    from eccentric.explorer.server import make_app

    client = TestClient(make_app(Scene(run)))
    assert client.get("/api/run").json()["kind"] == "sequence"
    pictures = [
        client.post("/api/decode", json={"state": [0.0, 0.0]}),
        client.get("/api/stored/0/item"),
        client.get("/api/pair/0/1"),
    ]
    grid = client.post("/api/grid", json={"state": [0.0, 0.0], "across": [0], "down": [1]})
    assert Image.open(io.BytesIO(grid.content)).size == (480, 224)
    own = client.post("/api/own", content=b"up,down\n5,5.1\n5.2,5.4\n").json()
    assert len(own["items"]) == 1
    assert np.isfinite(own["items"][0]["error"])
    for picture in pictures:
        image = Image.open(io.BytesIO(picture.content))
        assert image.size == (240, 112)
        assert len(np.unique(np.asarray(image))) > 1
