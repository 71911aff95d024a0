from __future__ import annotations

import csv
import re
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from eccentric import __version__
from eccentric.training import Run

QUICK = ["--epochs", "1", "--dim", "3", "--device", "cpu"]


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    from eccentric.data import load
    from eccentric.training import TrainConfig, train

    out = tmp_path_factory.mktemp("digits") / "run"
    return train(load("digits"), TrainConfig(dim=3, epochs=1, device="cpu"), out).path


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    x = np.random.default_rng(0).normal(size=(60, 4))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["weight", "height", "age", "class", "noise"])
        writer.writerows([*row[:3], "ab"[int(row[0] > 0)], row[3]] for row in x)
    return path


def test_a_file_whose_name_looks_like_markup(eccentric, tmp_path):
    status, _, err = eccentric("train", tmp_path / "q[" / "x].csv", "--out", tmp_path / "run", *QUICK)
    assert status == 2
    assert err.startswith("error: ")
    assert "x].csv" in err


class TestTrain:
    def test_digits(self, eccentric, tmp_path):
        status, out, err = eccentric("train", "digits", "--out", tmp_path / "run", *QUICK)
        assert (status, err) == (0, "")
        assert "Eigenvalues:" in out
        assert re.search(r"Trace: [\d.]+ \(d = 3\)", out)
        assert "nearest-neighbour error" in out
        assert (tmp_path / "run" / "report.html").exists()
        assert Run(tmp_path / "run").config["data"]["source"] == "digits"

    def test_a_mistake_costs_no_run(self, eccentric, tmp_path):
        """Whatever is wrong with the command, the run that it was to replace is still there."""
        command = ["train", "digits", "--out", tmp_path / "run", *QUICK]
        assert eccentric(*command)[0] == 0
        before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}
        for wrong in (["--device", "gpu9"], ["--architecture", "mnist"], ["--label", "colour"]):
            assert eccentric(*command, "--overwrite", *wrong)[0] == 2
        assert eccentric("train", "digts", "--out", tmp_path / "run", "--overwrite")[0] == 2
        assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()} == before

    def test_a_run_goes_on(self, eccentric, tmp_path):
        """With its own settings, so that nothing but --resume needs to be said; and further, if more is asked for."""
        command = ["train", "digits", "--out", tmp_path / "run"]
        assert eccentric(*command, *QUICK, "--resume")[0] == 0
        dim = Run(tmp_path / "run").config["train"]["dim"]
        status, out, _ = eccentric(*command, "--resume")
        assert status == 0
        assert "is finished; there is nothing left to do" in out
        status, out, _ = eccentric(*command, "--resume", "--epochs", 2)
        assert status == 0
        assert "note: epochs changed from 1 to 2" in out
        run = Run(tmp_path / "run")
        assert (run.config["train"]["dim"], run.config["train"]["epochs"]) == (dim, 2)
        split = ["train", "digits", "--out", tmp_path / "split"]
        assert eccentric(*split, *QUICK, "--test-fraction", 0.3)[0] == 0
        assert eccentric(*split, "--resume", "--epochs", 2)[0] == 0
        assert Run(tmp_path / "split").config["data"]["test_fraction"] == 0.3
        status, _, err = eccentric(*command, "--resume", "--mu", 2)
        assert (status, err.count("\n")) == (2, 1)
        assert "cannot resume with other settings (mu was 1.0, not 2.0)" in err

    def test_recipes(self, eccentric, tmp_path):
        for recipe, schedule in (("paper", "constant"), ("fast", "one-cycle")):
            out = tmp_path / recipe
            assert eccentric("train", "digits", "--out", out, *QUICK, "--recipe", recipe)[0] == 0
            settings = Run(out).config["train"]
            assert settings["schedule"] == schedule
            assert settings["epochs"] == 1  # what is given goes before the recipe
        status, _, err = eccentric("train", "digits", "--out", tmp_path / "none", "--recipe", "slow")
        assert status == 2
        assert "unknown recipe 'slow'; choose one of paper, fast" in err

    def test_other_files_in_a_run_stay(self, eccentric, tmp_path):
        command = ["train", "digits", "--out", tmp_path / "run", *QUICK]
        assert eccentric(*command)[0] == 0
        (tmp_path / "run" / "notes.txt").write_text("mine")
        assert eccentric(*command, "--overwrite")[0] == 0
        assert (tmp_path / "run" / "notes.txt").read_text() == "mine"

    def test_a_failed_command_leaves_no_folder(self, eccentric, tmp_path):
        assert eccentric("train", tmp_path / "none.csv", "--out", tmp_path / "run")[0] == 2
        assert not (tmp_path / "run").exists()

    def test_a_folder_that_cannot_be_made(self, eccentric, tmp_path):
        (tmp_path / "file").write_text("")
        status, _, err = eccentric("train", "digits", "--out", tmp_path / "file" / "run", *QUICK)
        assert status == 1
        assert "cannot write to the folder" in err

    def test_more_than_memory(self, eccentric, tmp_path):
        status, _, err = eccentric("train", "digits", "--out", tmp_path / "run", "--dim", "2000000000")
        assert status == 1
        assert err == "error: not enough memory; reduce the batch size or the size of the items\n"

    def test_again(self, eccentric, tmp_path):
        command = ["train", "digits", "--out", tmp_path / "run", *QUICK]
        assert eccentric(*command)[0] == 0
        status, _, err = eccentric(*command)
        assert status == 2
        assert "already holds a run" in err
        status, _, err = eccentric(*command, "--overwrite", "--dim", "2")
        assert status == 0, err
        assert Run(tmp_path / "run").components.dim == 2

    def test_a_table(self, eccentric, table, tmp_path):
        status, _, err = eccentric("train", table, "--out", tmp_path / "run", *QUICK, "--drop", "noise")
        assert status == 0, err
        run = Run(tmp_path / "run")
        assert run.config["feature_names"] == ["weight", "height", "age"]
        assert run.config["label_names"] == ["a", "b"]
        assert run.config["data"]["label_column"] == "class"  # not given by an option

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--dim", "0"], "dim must be at least 1"),
            (["--dim", str(10**30)], "dim must be less than 2**31"),
            (["--width", "1e30"], "width 1e+30 is out of range"),
            (["--mu", "0.4"], "mu"),
            (["--N", "papre"], "'papre'"),
            (["--architecture", "mnist"], "'mnist' takes 1x28x28 images, the data are 1x8x8 images"),
            (["--device", "gpu9"], "device 'gpu9' cannot be used"),
            (["--device", "meta"], "device 'meta' cannot be used"),
            (["--weight", "inf"], "weight must be zero or a positive number, not inf"),
            (["--seed", str(2**64)], "seed must lie between 0 and 2**63"),
            (["--test-fraction", "1.5"], "test_fraction"),
        ],
    )
    def test_bad_usage(self, eccentric, tmp_path, arguments, message):
        status, _, err = eccentric("train", "digits", "--out", tmp_path / "run", *QUICK, *arguments)
        assert status == 2
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert message in err
        assert not (tmp_path / "run" / "config.json").exists()

    def test_bad_data(self, eccentric, tmp_path):
        (tmp_path / "bad.csv").write_text("a,b\n1,2\n3,nan\n5,6\n")
        status, _, err = eccentric("train", tmp_path / "bad.csv", "--out", tmp_path / "run")
        assert status == 1
        assert re.fullmatch(r"error: .*bad\.csv.*'b'.*\n", err)

    def test_an_option_that_is_none(self, eccentric, tmp_path):
        status, _, err = eccentric("train", "digits", "--out", tmp_path / "run", "--epoch", "3")
        assert status == 2
        assert "Traceback" not in err


class TestEncode:
    def test_encoding_items_of_another_kind(self, eccentric, digits_run, table, tmp_path):
        status, _, err = eccentric("encode", digits_run, table, "--out", tmp_path / "a.csv")
        assert status == 2
        assert err == (
            f"error: {table} has items of another kind than {digits_run}, which was trained on 1x8x8 images\n"
        )

    def test_agrees_with_training(self, eccentric, digits_run, tmp_path):
        out = tmp_path / "again.parquet"
        status, said, err = eccentric("encode", digits_run, "digits", "--out", out)
        assert status == 0, err
        assert "1797 items" in said
        again, before = pq.read_table(out), pq.read_table(digits_run / "latents.parquet").sort_by("row")
        assert again.column_names == ["split", "row", "label", "p1", "p2", "p3"]
        assert set(again.column_names) <= set(before.column_names)
        # Which items the run was trained on is the run's affair; the data set has no splits.
        assert set(again["split"].to_pylist()) == {"all"}
        assert again["row"].to_pylist() == before["row"].to_pylist()
        assert again["label"].to_pylist() == before["label"].to_pylist()
        np.testing.assert_allclose(again["p2"], before["p2"], atol=1e-5)

    def test_one_item_is_enough(self, eccentric, digits_run, tmp_path):
        np.save(tmp_path / "one.npy", np.zeros((1, 8, 8), np.uint8))
        status, said, err = eccentric("encode", digits_run, tmp_path / "one.npy", "--out", tmp_path / "one.csv")
        assert status == 0, err
        assert said.lstrip().startswith("1 item:")  # old versions of rich print an empty line for a progress bar

    def test_grey_images_for_a_run_on_coloured_ones(self, eccentric, tmp_path):
        random = np.random.default_rng(0)
        np.save(tmp_path / "rgb.npy", random.integers(0, 256, (40, 8, 8, 3), np.uint8))
        np.save(tmp_path / "grey.npy", random.integers(0, 256, (5, 8, 8), np.uint8))
        assert eccentric("train", tmp_path / "rgb.npy", "--out", tmp_path / "run", *QUICK)[0] == 0
        status, _, err = eccentric("encode", tmp_path / "run", tmp_path / "grey.npy", "--out", tmp_path / "p.csv")
        assert status == 0, err

    def test_csv(self, eccentric, digits_run, tmp_path):
        assert eccentric("encode", digits_run, "digits", "--out", tmp_path / "p.csv")[0] == 0
        assert (tmp_path / "p.csv").read_text().splitlines()[0] == '"split","row","label","p1","p2","p3"'

    def test_new_tables_need_the_trained_columns_only(self, eccentric, table, tmp_path):
        assert eccentric("train", table, "--out", tmp_path / "run", *QUICK, "--drop", "noise")[0] == 0
        (tmp_path / "new.csv").write_text("name,age,weight,height\nann,1,2,3\nbob,4,5,6\n")
        status, _, err = eccentric("encode", tmp_path / "run", tmp_path / "new.csv", "--out", tmp_path / "new.parquet")
        assert status == 0, err
        assert pq.read_table(tmp_path / "new.parquet").num_rows == 2
        (tmp_path / "short.csv").write_text("age,weight\n1,2\n4,5\n")
        status, _, err = eccentric("encode", tmp_path / "run", tmp_path / "short.csv", "--out", tmp_path / "x.parquet")
        assert status == 2
        assert "no column 'height'" in err

    def test_the_label_is_that_of_the_run(self, eccentric, tmp_path):
        rows = "".join(f"{i},{i * i % 7},{'ab'[i % 2]}\n" for i in range(40))
        (tmp_path / "a.csv").write_text("u,v,kind\n" + rows)
        run, out = tmp_path / "run", tmp_path / "p.parquet"
        assert eccentric("train", tmp_path / "a.csv", "--out", run, "--label", "kind", *QUICK)[0] == 0
        assert eccentric("encode", run, tmp_path / "a.csv", "--out", out)[0] == 0
        assert pq.read_table(out)["label"].to_pylist() == ["a", "b"] * 20
        (tmp_path / "new.csv").write_text("v,u\n1,2\n")
        assert eccentric("encode", run, tmp_path / "new.csv", "--out", out)[0] == 0
        assert "label" not in pq.read_table(out).column_names

    def test_items_of_another_shape(self, eccentric, digits_run, tmp_path):
        np.save(tmp_path / "rgb.npy", np.zeros((5, 8, 8, 3), np.uint8))
        status, _, err = eccentric("encode", digits_run, tmp_path / "rgb.npy", "--out", tmp_path / "p.csv")
        assert status == 1
        assert "3x8x8 images" in err

    def test_unknown_format(self, eccentric, digits_run, tmp_path):
        status, _, err = eccentric("encode", digits_run, "digits", "--out", tmp_path / "p.xlsx")
        assert status == 2
        assert "as .parquet or .csv, not 'p.xlsx'" in err


class TestSample:
    def test_a_sheet(self, eccentric, digits_run, tmp_path):
        status, _, err = eccentric("sample", digits_run, "--out", tmp_path / "sheet.png", "--count", "10")
        assert status == 0, err
        with Image.open(tmp_path / "sheet.png") as sheet:
            assert sheet.size == (4 * 10 - 2, 3 * 10 - 2)

    def test_an_array_that_the_seed_repeats(self, eccentric, digits_run, tmp_path):
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            out = tmp_path / f"{name}.npy"
            assert eccentric("sample", digits_run, "--out", out, "--seed", seed, "--method", "standard")[0] == 0
        a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
        assert a.shape == (64, 1, 8, 8)
        assert a.dtype == np.uint8
        assert (a == b).all()
        assert (a != c).any()

    def test_more_samples_than_memory_are_refused(self, eccentric, digits_run, tmp_path):
        status, _, err = eccentric("sample", digits_run, "--out", tmp_path / "a.npy", "--count", 10**12)
        assert status == 2
        assert re.fullmatch(
            r"error: 1,000,000,000,000 samples of 1x8x8 images need 512,000 GB of memory, and this machine has \d+; "
            r"reduce --count, and write several files with different seeds\n",
            err,
        )

    def test_samples_by_a_way_that_does_not_suit_are_refused(self, eccentric, digits_run, tmp_path):
        out = tmp_path / "s.npy"
        status, _, err = eccentric("sample", digits_run, "--out", out, "--method", "categorical")
        assert status == 2
        assert "no sampling 'categorical'; choose one of matched, standard, mixture" in " ".join(err.split())
        assert not out.exists()

    def test_a_table(self, eccentric, table, tmp_path):
        assert eccentric("train", table, "--out", tmp_path / "run", *QUICK)[0] == 0
        assert eccentric("sample", tmp_path / "run", "--out", tmp_path / "s.csv", "--count", "7")[0] == 0
        lines = (tmp_path / "s.csv").read_text().splitlines()
        assert lines[0] == '"weight","height","age","noise"'
        assert len(lines) == 8

    def test_suffixes_in_capitals(self, eccentric, digits_run, tmp_path):
        assert eccentric("sample", digits_run, "--out", tmp_path / "s.PNG", "--count", "1")[0] == 0

    def test_a_format_that_does_not_fit(self, eccentric, digits_run, tmp_path):
        status, _, err = eccentric("sample", digits_run, "--out", tmp_path / "s.csv")
        assert status == 2
        assert "as .png or .npy, not 's.csv'" in err


def test_report_again(eccentric, digits_run):
    status, _, err = eccentric("report", digits_run)
    assert status == 0, err
    assert (digits_run / "report.html").stat().st_size > 10_000


class TestBench:
    def test_a_table(self, eccentric, monkeypatch, tmp_path):
        monkeypatch.setattr("eccentric.bench.rivals.same_loss", dict)
        json = tmp_path / "bench.json"
        status, out, err = eccentric(
            "bench", "loss", "--sizes", "64x4", "--repeats", "1", "--no-memory", "--json", json, "--device", "cpu"
        )
        assert status == 0, err
        assert "| eccentric |" in out
        assert json.exists()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--sizes", "64"], "a size must be written as 1024x64"),
            (["--sizes", "1x4"], "both numbers at least 2"),
            (["--plot", "growth.xyz"], "plots are written as .png, .svg, .pdf"),
            (["--json", "nowhere/at/all.json"], "there is no folder nowhere/at"),
        ],
    )
    def test_bad_usage_is_told_before_measuring(self, eccentric, arguments, message):
        status, _, err = eccentric("bench", "loss", "--device", "cpu", *arguments)
        assert status == 2
        assert message in err


@pytest.mark.parametrize("command", [["report"], ["encode", "digits", "--out", "x.csv"], ["sample", "--out", "x.png"]])
def test_no_run(eccentric, command, tmp_path):
    name, *rest = command
    status, _, err = eccentric(name, tmp_path / "nowhere", *rest)
    assert status == 1
    assert err == f"error: there is no run folder {tmp_path / 'nowhere'}\n"


def test_what_the_system_withholds_is_one_line(eccentric, digits_run, monkeypatch):
    def withheld(run, **settings):
        raise PermissionError(13, "Permission denied", str(run.path))

    monkeypatch.setattr("eccentric.report.write_report", withheld)
    status, _, errors = eccentric("report", digits_run)
    assert status == 1
    assert errors == f"error: {digits_run}: Permission denied\n"


@pytest.mark.parametrize("command", [[], ["train"], ["report"], ["encode"], ["sample"], ["bench"], ["bench", "loss"]])
def test_help(eccentric, command):
    status, out, _ = eccentric(*command, "--help")
    assert status == 0
    assert "Usage" in out


def test_version(eccentric):
    assert eccentric("--version")[1] == f"eccentric {__version__}\n"


def test_as_a_module():
    done = subprocess.run([sys.executable, "-m", "eccentric", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"eccentric {__version__}\n"


def test_without_the_train_extra():
    code = """
import sys
sys.modules["typer"] = None
sys.argv = ["eccentric"]
from eccentric.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: the command line needs typer; install eccentric with the extra 'train'\n"
