from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from eccentric.alignment import align, similarity
from eccentric.cli import app
from eccentric.comparison.runs import ALIGNED, FIGURE, RESULT, compare, write_comparison
from eccentric.errors import EccentricError, UsageError
from eccentric.files import write_json
from eccentric.plots import style
from eccentric.runs import Run
from eccentric.runs.latents import Latents, read_latents, write_latents
from eccentric.runs.names import CONFIG, LATENTS
from tests.report.making import make, pictures

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def low_resolution(monkeypatch):
    monkeypatch.setitem(style.STYLE, "figure.dpi", 72)


def stand_in(
    path: Path,
    seed: int = 0,
    *,
    n: int = 200,
    m: int = 80,
    d: int = 3,
    first_row: int = 0,
    data: str = "items",
    labels: bool = True,
    shift: int = 0,
) -> Run:
    """A run folder as far as a comparison reads it: the same items for every seed, with noise of the seed's own."""
    x = np.random.default_rng(99).normal(size=(1000, 10))[: n + m, :d] * np.linspace(2, 1, d)
    rng = np.random.default_rng(seed)
    p = ((x + 0.2 * rng.normal(size=x.shape))[:, rng.permutation(d)] * rng.choice([-1, 1], d)).astype(np.float32)
    rows = np.arange(first_row, first_row + n + m)
    names = np.array([f"class {(row + shift) % 3}" for row in rows]) if labels else None
    parts = {"train": slice(n), "test": slice(n, None)}
    path.mkdir(parents=True)
    write_latents(
        path / LATENTS,
        {k: Latents(p[part], None if names is None else names[part], rows[part]) for k, part in parts.items()},
    )
    config = {
        "data": {"name": data},
        "train": {"seed": seed, "dim": d, "epochs": 1, "batch_size": 10, "architecture": "mlp"},
        "shape": [4],
        "items": {"train": n, "test": m},
        "status": "finished",
        "feature_names": [],
    }
    write_json(path / CONFIG, config)
    return Run(path)


@pytest.fixture
def runs(tmp_path):
    return [stand_in(tmp_path / f"run{seed}", seed) for seed in range(3)]


@pytest.mark.parametrize("method", ["paper", "assignment", "procrustes"])
def test_aligned_on_training_items_judged_on_test_items(runs, method):
    found = compare(runs, method)
    assert [(pair.first, pair.second) for pair in found.pairs] == [(0, 1), (0, 2), (1, 2)]
    (train, test), (q_train, q_test) = ((run.latents("train").p, run.latents("test").p) for run in runs[:2])
    alignment = align(q_train, train, method)
    np.testing.assert_array_equal(found.alignments[1].matrix, alignment.matrix)
    for got, expected in (
        (found.pairs[0].before, similarity(test, q_test)),
        (found.pairs[0].after, similarity(test, alignment.apply(q_test))),
    ):
        assert (got.distance, got.cosine, got.angle) == (expected.distance, expected.cosine, expected.angle)
    assert all(pair.after.cosine > max(0.95, pair.before.cosine) for pair in found.pairs)
    expected = np.mean([np.abs(pair.after.correlation) for pair in found.pairs], 0)
    np.testing.assert_allclose(found.stability.correlation, expected)
    assert found.stability.correlation.min() > 0.9


def test_the_first_run_stays_as_it_is(runs):
    found = compare(runs)
    np.testing.assert_array_equal(found.aligned()[0], runs[0].latents("test").p)
    assert found.names == [str(run.path) for run in runs]


def test_written_numbers(runs, tmp_path):
    found = compare(runs)
    write_comparison(tmp_path / "out" / "put", found)
    record = json.loads((tmp_path / "out" / "put" / RESULT).read_text())
    assert record["method"] == "assignment"
    assert "gap" not in record
    assert record["items"] == {"train": 200, "test": 80}
    assert [run["path"] for run in record["runs"]] == found.names
    assert [run["train"]["seed"] for run in record["runs"]] == [0, 1, 2]
    assert (record["runs"][0]["components"], record["runs"][0]["signs"]) == (["p1", "p2", "p3"], [1, 1, 1])
    for pair, written in zip(found.pairs, record["pairs"], strict=True):
        assert written["runs"] == [found.names[pair.first], found.names[pair.second]]
        assert written["after"]["distance"] == pair.after.distance
        assert written["before"]["correlation"] == pair.before.correlation.tolist()
    assert record["component_stability"]["correlation"] == found.stability.correlation.tolist()


def test_the_written_mapping_leads_to_the_written_encodings(runs, tmp_path):
    write_comparison(tmp_path / "out", compare(runs))
    second = json.loads((tmp_path / "out" / RESULT).read_text())["runs"][1]
    table = pq.read_table(tmp_path / "out" / ALIGNED)
    assert table.column_names == ["run", "split", "row", "label", "p1", "p2", "p3"]
    written = table.filter([name == second["path"] for name in table["run"].to_pylist()])
    test = runs[1].latents("test")
    for k, (name, sign) in enumerate(zip(second["components"], second["signs"], strict=True)):
        np.testing.assert_array_equal(written[f"p{k + 1}"].to_numpy(), sign * test.p[:, int(name[1:]) - 1])
    assert written["row"].to_pylist() == test.rows.tolist()
    assert test.labels is not None
    assert written["label"].to_pylist() == test.labels.tolist()
    assert len(read_latents(tmp_path / "out" / ALIGNED, "test").p) == 3 * 80


def test_a_rotation_is_written_as_a_matrix(runs, tmp_path):
    found = compare(runs, "procrustes", gap=1)
    write_comparison(tmp_path / "out", found)
    record = json.loads((tmp_path / "out" / RESULT).read_text())
    assert record["gap"] == 1
    assert record["runs"][1]["matrix"] == found.alignments[1].matrix.tolist()


def test_written_picture(runs, tmp_path):
    for _ in range(2):  # over an earlier one
        write_comparison(tmp_path / "out", compare(runs))
    with Image.open(tmp_path / "out" / FIGURE) as picture:
        assert picture.format == "PNG"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([RESULT, ALIGNED, FIGURE])


def test_as_training_leaves_them(tmp_path):
    x, labels = pictures(60, 8, 8), ["cat", "dog"] * 30
    trained = [make(tmp_path / f"run{seed}", x, labels, dim=3, seed=seed) for seed in range(2)]
    found = compare(trained)
    assert (found.train_items, len(found.test[0].p)) == (48, 12)
    write_comparison(tmp_path / "out", found)
    record = json.loads((tmp_path / "out" / RESULT).read_text())
    assert [run["train"]["seed"] for run in record["runs"]] == [0, 1]


def test_one_run_without_labels(tmp_path):
    runs = [stand_in(tmp_path / "a", 0), stand_in(tmp_path / "b", 1, labels=False)]
    write_comparison(tmp_path / "out", compare(runs))
    labels = pq.read_table(tmp_path / "out" / ALIGNED)["label"].to_pylist()
    assert set(labels[:80]) == {"class 0", "class 1", "class 2"}
    assert labels[80:] == [None] * 80


def test_equal_labels_say_more_than_another_name(tmp_path):
    compare([stand_in(tmp_path / "a", 0, data="mnist"), stand_in(tmp_path / "b", 1, data="ylecun/mnist")])


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"d": 4}, "they have 3 and 4 components"),
        ({"n": 150}, "they have 200 and 150 train items"),
        ({"m": 60}, "they have 80 and 60 test items"),
        ({"first_row": 3}, "their train items are not the same rows of the data"),
        ({"shift": 1}, "the labels of their train items differ"),
        ({"data": "others", "labels": False}, "they were trained on items and others"),
    ],
)
def test_runs_of_other_items(tmp_path, other: dict[str, Any], difference):
    runs = [stand_in(tmp_path / "a", 0), stand_in(tmp_path / "b", 1), stand_in(tmp_path / "c", 2, **other)]
    with pytest.raises(UsageError) as caught:
        compare(runs)
    message = str(caught.value)
    assert message.startswith(f"{runs[0].path} and {runs[2].path} cannot be compared: {difference}; train them on")
    assert "\n" not in message


def test_other_usage_errors(runs, tmp_path):
    with pytest.raises(UsageError, match="name at least two runs to compare, not 1"):
        compare(runs[:1])
    again = Run(runs[0].path / ".." / "run0")
    with pytest.raises(UsageError, match=r"run0 and .*run0 are one run; name runs that were trained independently"):
        compare([*runs, again])
    small = [stand_in(tmp_path / f"small{seed}", seed, m=1) for seed in range(2)]
    with pytest.raises(UsageError, match=r"small0 has fewer than 2 test items to judge by"):
        compare(small)


def test_what_cannot_be_read_or_written(runs, tmp_path):
    found = compare(runs)
    (tmp_path / "file").touch()
    with pytest.raises(EccentricError, match=r"cannot write to the folder .*file.*; choose another"):
        write_comparison(tmp_path / "file" / "out", found)
    (runs[1].path / LATENTS).unlink()
    with pytest.raises(EccentricError, match=re.escape(f"there is no file {runs[1].path / LATENTS}")):
        compare(runs)


def test_the_command_replaces_an_alignment_only_when_asked(runs, tmp_path):
    command = ["align", *(str(run.path) for run in runs[:2]), "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(app, command).exit_code == 0
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, UsageError)
    assert "already holds an alignment; choose another folder or pass --overwrite" in str(refused.exception)
    assert CliRunner().invoke(app, [*command, "--overwrite"]).exit_code == 0
