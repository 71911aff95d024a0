from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eccentric.comparison.choosing import choose_weight, winner
from eccentric.comparison.grids import entries
from eccentric.comparison.plan import Candidate, Setup, candidates, choose_methods, divide_rows
from eccentric.data import from_arrays
from eccentric.errors import UsageError
from eccentric.methods import METHODS, Eccentric
from eccentric.methods.mhe import MHE
from eccentric.methods.plain import Plain
from eccentric.methods.registry import make_settings

SETUP = Setup(runs=2, epochs=1, dim=2)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return from_arrays(rng.normal(size=(60, 5)), rng.integers(0, 3, 60), test_fraction=0.25)


def test_weights_are_multiples_of_the_default_and_ascend():
    assert candidates(["plain", "vae", "eccentric"]) == [
        Candidate("plain", "plain"),
        *(Candidate("vae", "vae", (), "beta", value) for value in (0.1, 1, 10)),
        *(Candidate("eccentric", "eccentric", (), "weight", value) for value in (0.0001, 0.001, 0.01)),
    ]


@pytest.mark.parametrize("entry", entries().values(), ids=lambda entry: entry.name)
def test_grids_ascend_and_hold_the_default(entry):
    assert list(entry.values) == sorted(entry.values)
    assert entry.knob is None or entry.default in entry.values
    for candidate in candidates([entry.name]):
        make_settings(entry.method, candidate.settings)  # raises for a setting that the method lacks


def test_subclasses_inherit_neither_variants_nor_published_results(monkeypatch):
    class Own(MHE):
        name = "own"
        title = "own"

    class Other(Eccentric):
        name = "other"
        title = "other"

    before = entries()
    for method in (Own, Other):
        monkeypatch.setitem(METHODS, method.name, method)
    after = entries()
    assert set(after) - set(before) == {"own", "other"}
    assert before["eccentric"].published
    assert after["other"].published == ""
    assert after["own"].values == before["mhe"].values


def test_runs_have_folders_of_their_own():
    every = candidates(list(entries()))
    assert len({candidate.folder for candidate in every}) == len(every)


def test_all_are_all_that_fit(data):
    names, notes = choose_methods("all", data, SETUP)
    assert names[0] == "plain"
    assert set(names) == set(entries()) > set(METHODS)
    assert any("linear" in note for note in notes)
    names, notes = choose_methods("all", data, replace(SETUP, dim=1))
    assert "hyperspherical-vae" not in names
    assert any(note.startswith("hyperspherical-vae is left out") for note in notes)


def test_the_plain_autoencoder_is_always_there(data):
    assert choose_methods("vae, vae", data, SETUP)[0] == ["plain", "vae"]
    assert choose_methods(["pca"], data, SETUP)[0] == ["plain"]


def test_unknown_method(data):
    with pytest.raises(UsageError, match=r"unknown method 'vea'.*did you mean 'vae'"):
        choose_methods("vea", data, SETUP)
    with pytest.raises(UsageError, match="pass it alone"):
        choose_methods("all,vae", data, SETUP)
    with pytest.raises(UsageError, match="no method is named"):
        choose_methods(" ,", data, SETUP)


def test_method_of_another_kind(data, monkeypatch):
    class ImagesOnly(Plain):
        name = "images-only"
        traits = replace(Plain.traits, kinds=("image",))

    monkeypatch.setitem(METHODS, ImagesOnly.name, ImagesOnly)
    with pytest.raises(UsageError, match="'images-only' works on items of kind image, but arrays holds"):
        choose_methods("images-only", data, SETUP)
    names, notes = choose_methods("all", data, SETUP)
    assert "images-only" not in names
    assert any("images-only" in note for note in notes)


def test_one_run_is_not_enough():
    with pytest.raises(UsageError, match="runs must be at least 2, not 1"):
        Setup(runs=1)
    with pytest.raises(UsageError, match="epochs"):
        Setup(epochs=0)
    with pytest.raises(UsageError, match="rows must be at least 5, not 4"):
        Setup(rows=4)


def test_validation_rows_are_split_off_the_training_rows(data):
    rows = divide_rows(data)
    assert len(rows.validation.x) == 9
    together = np.concatenate([rows.data.train.rows, rows.validation.rows])
    assert sorted(together) == sorted(data.train.rows)
    np.testing.assert_array_equal(rows.data.test.x, data.test.x)
    assert "9 at random are for validation" in rows.data.split
    at = np.searchsorted(data.train.rows, rows.validation.rows)
    np.testing.assert_array_equal(rows.validation.x, data.train.x[at])
    np.testing.assert_array_equal(rows.validation.labels, data.train.labels[at])


def test_a_bound_on_the_rows():
    data = from_arrays(np.random.default_rng(0).normal(size=(4000, 3)))
    rows = divide_rows(data, 1000)
    assert (len(rows.data.train.x), len(rows.validation.x)) == (800, 200)
    assert len(rows.data.test.x) == 500


def test_too_few_rows():
    with pytest.raises(UsageError, match="at least 5 and 2"):
        divide_rows(from_arrays(np.random.default_rng(0).normal(size=(4, 3))))


@pytest.mark.parametrize(
    ("errors", "agreements", "chosen"),
    [
        ([1.0, 1.04, 1.06], [0.5, 0.6, 0.9], 1),  # the last costs too much
        ([0.9, 0.9, 0.9], [0.5, 0.7, 0.7], 1),  # of equals the first
        ([0.9, 0.9, 0.9], [0.5, float("nan"), 0.4], 0),  # too few runs ended
        ([1.2, 1.1, 1.3], [0.9, 0.1, 0.9], 1),  # none qualifies: the least error
    ],
)
def test_rule_for_the_weight(errors, agreements, chosen):
    assert choose_weight(errors, agreements, 1.0) == chosen


def test_a_winner_is_called_only_beyond_the_spread():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(
        {
            "method": ["plain", "vae", "pca"],
            "error": [1.0, 2.0, 0.1],
            "error_sd": [0.4, 0.5, np.nan],
            "mcc": [0.5, 0.6, 0.9],
            "mcc_sd": [0.1, 0.05, 0.0],
            "cka": [np.nan, 0.6, np.nan],
            "cka_sd": [np.nan, 0.1, np.nan],
        }
    )
    assert winner(table, "error", ["pca"]) == "plain"
    assert winner(table, "error") is None  # without a spread nothing is known
    assert winner(table, "mcc", ["pca"]) is None
    assert winner(table, "mcc") == "pca"
    assert winner(table, "cka") is None
    assert winner(table, "r2") is None


def test_methods_that_do_not_support_sequences_are_left_out_or_refused_by_name():
    sequences = from_arrays(np.random.default_rng(0).normal(size=(20, 5, 2)), lengths=[1, 2, 3, 4, 5] * 4)
    chosen, notes = choose_methods("all", sequences, SETUP)
    assert {"plain", "eccentric", "wae-mmd", "vicreg"} <= set(chosen)
    assert not {"linear", "hyperspherical-vae"} & set(chosen)
    assert any(note.startswith("linear is left out: ") for note in notes)
    with pytest.raises(UsageError, match="'linear' works on items of kind image or table") as caught:
        choose_methods("linear", sequences, SETUP)
    assert "\n" not in str(caught.value)
