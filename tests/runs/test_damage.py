"""Whatever lies in a JSON or CSV file of a run folder, the answer is one line with the file and the entry."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eccentric import __version__
from eccentric.errors import EccentricError
from eccentric.report import words
from eccentric.report.facts import read_facts
from eccentric.runs import Run
from eccentric.runs.upgrade import SCHEMA

TABLE = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "table"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(TABLE, tmp_path / "run"))


def put(folder: Path, file: str, where: str, value: Any) -> None:
    """Replace the entry `a.b.c` of a JSON file."""
    content = json.loads((folder / file).read_text())
    *path, last = where.split(".")
    inner = content
    for name in path:
        inner = inner[name]
    inner[last] = value
    (folder / file).write_text(json.dumps(content))


def error_of(folder: Path) -> str:
    with pytest.raises(EccentricError) as caught:
        read_facts(Run(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("file", "where", "value", "message"),
    [
        ("config.json", "status", 3, "status must be a string, not 3"),
        ("config.json", "data", [], "data must be an object, not []"),
        ("config.json", "data.name", None, "data.name must be a string, not null"),
        ("config.json", "data.notes", [1], "data.notes[0] must be a string, not 1"),
        ("config.json", "data.held_out", "yes", 'data.held_out must be true or false, not "yes"'),
        ("config.json", "train", "none", 'train must be an object, not "none"'),
        ("config.json", "train.dim", "2", 'train.dim must be an integer, not "2"'),
        ("config.json", "train.dim", True, "train.dim must be an integer, not true"),
        ("config.json", "train.epochs", 0, "train.epochs must be an integer of at least 1, not 0"),
        ("config.json", "train.learning_rate", float("nan"), "train.learning_rate must be a finite number, not NaN"),
        ("config.json", "item", {"kind": "graph", "shape": [4], "dtype": "float32"}, "item.kind must be one of image"),
        ("config.json", "shape", "4", 'item.shape must be a list, not "4"'),
        ("config.json", "shape", [4.0], "item.shape[0] must be an integer, not 4.0"),
        ("config.json", "items", {"train": 3}, "lacks items.test"),
        ("config.json", "items.test", -1, "items.test must be an integer of at least 0, not -1"),
        ("config.json", "feature_names", {}, "feature_names must be a list, not {}"),
        ("config.json", "versions", ["1"], 'versions must be an object, not ["1"]'),
        ("config.json", "versions.torch", 2, "versions.torch must be a string, not 2"),
        ("config.json", "engine", 3, "engine must be an object, not 3"),
        ("config.json", "estimator", {}, "lacks estimator.parameters, estimator.item_shape"),
        ("config.json", "train.dim", 10**30, "train.dim must be an integer from 1 to 2147483647, not 1000"),
        ("config.json", "train.axes", "x", "unknown axes 'x'; choose one of principal, anchored"),
        ("config.json", "item", {"kind": "table", "shape": [], "dtype": "float32"}, "item.shape is []"),
        ("config.json", "method", {"name": "eccentric", "settings": {"weight": -1}}, "weight must be zero or a"),
        ("config.json", "method", {"name": "eccentric", "settings": {"mu": [1]}}, "mu must be a number, not [1]"),
        ("evaluation.json", "neighbour_error", -0.5, "neighbour_error must be a number from 0 to 1, not -0.5"),
        ("evaluation.json", "test_reconstruction", "0.1", 'test_reconstruction must be a finite number, not "0.1"'),
        ("evaluation.json", "pca_test_reconstruction", 10**400, "pca_test_reconstruction must be a finite number"),
        ("evaluation.json", "neighbours", 0, "neighbours must be an integer of at least 1, not 0"),
        ("evaluation.json", "neighbour_error", [], "neighbour_error must be a finite number, not []"),
    ],
)
def test_a_wrong_type(folder, file, where, value, message):
    put(folder, file, where, value)
    error = error_of(folder)
    assert f"{folder / file}" in error
    assert message in error
    assert error.endswith("the file is damaged")


@pytest.mark.parametrize("file", ["config.json", "evaluation.json"])
@pytest.mark.parametrize("content", ["[]", "3", '"text"', "null", "", "{", "\x00", "[" * 100_000])
def test_another_content(folder, file, content):
    (folder / file).write_text(content)
    assert str(folder / file) in error_of(folder)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
TOP = ("status", "data", "train", "shape", "items", "feature_names", "versions", "engine")
TRAIN = ("dim", "epochs", "batch_size", "architecture", "N", "seed")
ENTRIES = [("config.json", name) for name in (*TOP, *(f"train.{name}" for name in TRAIN))]


@given(entry=st.sampled_from(ENTRIES), value=json_values)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_content(folder, entry, value):
    for file in ("config.json", "evaluation.json"):
        shutil.copy(TABLE / file, folder / file)
    put(folder, entry[0], entry[1], value)
    try:
        read_facts(Run(folder))
    except EccentricError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


@pytest.mark.parametrize(
    ("line", "name", "text", "message"),
    [
        (2, "step", "six", "line 2: step must be a positive integer, not 'six'"),
        (2, "epoch", "", "line 2: epoch must be a positive integer, not ''"),
        (3, "step", "6.5", "line 3: step must be a positive integer, not '6.5'"),
        (3, "trace", "-", "line 3: trace must be a finite number, not '-'"),
        (2, "objective", "inf", "line 2: objective must be a finite number, not 'inf'"),
        (2, "images_per_second", "", "line 2: items_per_second must be a positive number, not ''"),
        (2, "images_per_second", "0", "line 2: items_per_second must be a positive number, not '0'"),
    ],
)
def test_metrics(folder, line, name, text, message):
    path = folder / "metrics.csv"
    rows = [row.split(",") for row in path.read_text().splitlines()]
    rows[line - 1][rows[0].index(name)] = text
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    assert f"{path}, {message}; the file is damaged" == error_of(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no column step"),
        (b"a,b\n1,2\n", "has no column step, epoch"),
        (b"\xff\xfe", "is not a text table"),
        (b"\x00", "has no column"),
    ],
)
def test_other_metrics(folder, content, message):
    (folder / "metrics.csv").write_bytes(content)
    error = error_of(folder)
    assert error.startswith(str(folder / "metrics.csv"))
    assert message in error


def test_a_row_of_other_length(folder):
    with (folder / "metrics.csv").open("a") as file:
        file.write("19,4,0.1\n")
    assert "metrics.csv, line 5: 3 values for 11 columns" in error_of(folder)


def test_a_newer_schema(folder):
    put(folder, "config.json", "schema", SCHEMA + 1)
    put(folder, "config.json", "versions.eccentric", "7.1.0")
    error = error_of(folder)
    assert f"was written by eccentric 7.1.0 with schema {SCHEMA + 1}" in error
    assert f"this is eccentric {__version__}, which reads schemas up to {SCHEMA}; upgrade eccentric" in error


def test_an_unrecorded_engine(folder):
    put(folder, "config.json", "engine", None)
    run = Run(folder)
    assert dict(words.setup(read_facts(run), run.config, 1))["Training"].endswith("seed 0")


def test_unknown_entries_are_kept_and_ignored(folder):
    for where in ("mine", "train.mine", "data.mine"):
        put(folder, "config.json", where, {"a": [1]})
    put(folder, "evaluation.json", "mine", 3)
    run = Run(folder)
    read_facts(run)
    assert run.config["mine"] == run.config["train"]["mine"] == run.config["data"]["mine"] == {"a": [1]}
    assert run.evaluation["mine"] == 3
