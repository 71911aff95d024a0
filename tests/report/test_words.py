"""The words of the report say what the numbers do, whichever way those fall."""

import shlex
from dataclasses import replace

import numpy as np
import pytest

from eccentric.data.items import ItemSpec
from eccentric.report import captions, words
from eccentric.runs.views import Neighbours


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        (0.1, 0.5, "the nearest-neighbour error is lower than PCA's (10.0 % against 50.0 %)."),
        (0.5, 0.1, "the nearest-neighbour error is not lower than PCA's (50.0 % against 10.0 %)."),
        (0.2, 0.2, "the nearest-neighbour error is not lower than PCA's (20.0 % against 20.0 %)."),
        (0.30001, 0.30002, "not lower than PCA's (30.0 % against 30.0 %), a difference that is not significant"),
        (
            0.25,
            0.33,
            "lower than PCA's (25.0 % against 33.0 %), a difference that is not significant with 90 test items.",
        ),
    ],
)
def test_nearest_neighbours_beside_pca(facts, ours, theirs, says):
    assert says in words.summary(replace(facts, neighbours=Neighbours(1, ours, theirs), test_items=90))


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        (0.010, 0.020, "lower than PCA's (0.0100 against 0.0200)"),
        (0.030, 0.020, "not lower than PCA's (0.0300 against 0.0200)"),
        (0.01999999, 0.020, "not lower than PCA's (0.0200 against 0.0200)"),
        (0.020, 1e-15, "not lower than PCA's (0.0200 against 0)"),
    ],
)
def test_reconstruction_beside_pca(facts, ours, theirs, says):
    facts = replace(facts, error=ours, pca_error=theirs)
    assert f"the reconstruction error is {says}" in words.summary(facts)
    assert f"is {says}" in captions.reconstructions(facts)
    assert f"is {says}" in captions.feature_errors(facts, np.ones(3), 24)


def test_without_classes_neighbours_are_not_mentioned(facts):
    facts = replace(facts, neighbours=None, test=replace(facts.test, labels=None))
    assert "neighbour" not in words.summary(facts) + str(words.key_numbers(facts)) + str(words.comparison(facts))
    assert "There are no labels." in captions.scatter(facts)


@pytest.mark.parametrize(
    ("values", "N", "says"),
    [
        (
            [0.9, 0.4, 0.2],
            "paper",
            "1.50: 50.0 % below d = 3. The Eccentric loss aims at a trace of d; its weight was 0.25.",
        ),
        (
            [3.0, 2.0, 1.0],
            "exact",
            "6.00: 100.0 % above d = 3. The Eccentric loss aims at a trace of d; its weight was 0.25.",
        ),
        (
            [2.0, 1.5, 1.0],
            4.5,
            "4.50: 50.0 % above d = 3. With N = 4.5 the Eccentric loss does not aim at a trace of d.",
        ),
    ],
)
def test_trace_is_set_beside_d(facts, values, N, says):
    facts = replace(
        facts, eigenvalues=np.array(values), settings=replace(facts.settings, settings={"N": N, "weight": 0.25})
    )
    assert says in captions.spectrum(facts)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1.5, 1.47, 0.03], "within 5 % of each other (here p1/p2)"),
        ([2.0, 0.7, 0.3], "within 5 % of each other (here none)"),
        ([1.0] * 9, "within 5 % of each other (here 8 of 8 pairs)"),
        ([2.0, 1.0, 0.001], "below 0.01: 1."),
    ],
)
def test_close_and_idle_components_are_called_so(facts, values, says):
    assert says in captions.spectrum(replace(facts, eigenvalues=np.array(values)))


def test_one_component_has_no_neighbours(facts):
    text = captions.spectrum(replace(facts, eigenvalues=np.array([0.9])))
    assert "each other" not in text
    assert text.endswith("The Eccentric loss aims at a trace of d; its weight was 0.001.")


@pytest.mark.parametrize(
    ("error", "lowest", "says"),
    [
        (0.2, 0.1, "its minimum was 0.100 at epoch 1."),
        (0.1, 0.1, "0.100 on test items, which were not used for training. The"),
    ],
)
def test_a_rising_test_error_is_told(facts, error, lowest, says):
    metrics = facts.metrics | {"test_reconstruction": np.array([lowest, error])}
    assert says in captions.curves(replace(facts, error=error, metrics=metrics))


def test_a_course_without_test_measurements(facts):
    metrics = facts.metrics | {"test_reconstruction": np.full(2, np.nan)}
    assert "nan" not in captions.curves(replace(facts, metrics=metrics))


@pytest.mark.parametrize(
    ("labels", "dim", "says"),
    [
        (["a", "b"], 3, "Colours are the labels, which were not used for training."),
        ([f"{i}" for i in range(12)], 3, "Colours are the labels, which were not used for training."),
        ([f"{i}" for i in range(12)], 1, "The 12 different labels are too many to colour."),
        ([f"name {i}" for i in range(12)], 3, "Colours are the nine most frequent of 12 labels"),
        ([f"name {i}" for i in range(60)], 3, "The 60 different labels are too many to colour."),
    ],
)
def test_colours_are_explained(facts, labels, dim, says):
    n = len(labels)
    test = replace(facts.test, p=np.ones((n, dim)), labels=np.array(labels))
    assert says in captions.scatter(replace(facts, test=test, eigenvalues=np.ones(dim)))


def test_what_is_left_out_of_a_picture_is_told(facts):
    facts = replace(facts, eigenvalues=np.ones(20), spec=ItemSpec("table", (50,)))
    assert "The first 16 of 20 components are shown." in captions.eigenpairs(facts)
    assert "The 24 of 50 columns with the largest change are shown." in captions.effects(facts)
    many = replace(facts, test=replace(facts.test, p=np.ones((6000, 20)), labels=None))
    assert captions.scatter(many).startswith("A random 5,000 of the 6,000 test items")


def test_the_command_repeats_the_run(trained):
    """It parses to the very settings of the run, and to the options the data were loaded with."""
    source = {"source": "my data.csv", "label": "kind", "drop": ["a", "b"], "image_size": None, "test_fraction": 0.25}
    settings = trained.config["train"] | {"seed": 7}
    method = {"name": "eccentric", "settings": {"N": 4.5, "weight": 1e-4, "mu": 2.0}}
    command = words.command({"data": source | {"seed": 3}, "train": settings, "method": method})
    assert command is not None
    assert all(len(line) < 80 for line in command.splitlines())

    typer = pytest.importorskip("typer")
    cli = pytest.importorskip("eccentric.cli")
    given_words = shlex.split(command.replace("\\\n", " "))
    assert given_words[:2] == ["eccentric", "train"]
    parser = typer.main.get_command(cli.app).commands["train"]
    given = parser.make_context("train", given_words[2:]).params
    assert {name: given[name] for name in settings} == settings
    assert given["method"] == "eccentric"
    assert list(given["method_settings"]) == ["N=4.5", "weight=0.0001", "mu=2.0"]
    assert (given["data"], given["label"], given["drop"]) == ("my data.csv", "kind", "a,b")
    assert (given["test_fraction"], given["split_seed"], given["image_size"]) == (0.25, 3, None)


@pytest.mark.parametrize(("data", "architecture"), [({}, "conv"), ({"source": "x.csv"}, "custom")])
def test_where_none_can_repeat_it_there_is_no_command(data, architecture):
    assert words.command({"data": data, "train": {"architecture": architecture}, "method": {}}) is None
