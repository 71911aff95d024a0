"""`eccentric compare` as it is typed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eccentric.methods import METHODS
from eccentric.methods.plain import Plain
from eccentric.plots import style


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    np.savetxt(path, np.random.default_rng(0).normal(size=(60, 4)), "%.4f", ",", header="a,b,c,d", comments="")
    return path


def test_a_small_comparison(eccentric, table, tmp_path, monkeypatch):
    monkeypatch.setitem(style.STYLE, "figure.dpi", 72)
    options = ["--methods", "irmae", "--runs", 2, "--epochs", 1, "--dim", 2, "--device", "cpu", "--jobs", 1]
    arguments = ["compare", table, *options, "--out", tmp_path / "out"]
    status, out, err = eccentric(*arguments)
    assert (status, err) == (0, "")
    assert "0 of 8 trainings done: plain, seed 0" in out
    assert " left: irmae, layers 8, seed 1" in out
    assert "Reconstruction and repeatability" in out
    assert "comparison.md" in out
    page = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
    assert "| irmae | layers 4 † |" in page
    assert "†" in out.partition("The same rule")[0]  # in the tables above the text that explains the mark
    status, out, _ = eccentric(*arguments, "--until", "0", "--page", tmp_path / "docs" / "a.md")  # all is trained
    assert status == 0
    assert "(a/trade-off.png)" in (tmp_path / "docs" / "a.md").read_text(encoding="utf-8")
    assert (tmp_path / "docs" / "a" / "trade-off.png").is_file()
    assert "trainings done" not in out
    status, out, _ = eccentric(*arguments[:-1], tmp_path / "other", "--until", "0")
    assert status == 1
    assert "run the same command again to resume" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "vea"], "unknown method 'vea' (did you mean 'vae'?)"),
        (["--methods", "kernel-pac"], "did you mean 'kernel-pca'?"),
        (["--methods", "all,vae"], "pass it alone"),
        (["--methods", ","], "no method is named"),
        (["--methods", "images-only"], "method 'images-only' works on items of kind image, but"),
        (["--runs", "1"], "runs must be at least 2, not 1"),
        (["--rows", "4"], "rows must be at least 5, not 4"),
        (["--rows", "100", "--small"], "give --rows or --small, not both"),
        (["--until", "soon"], "--until soon: write the time as H:MM:SS"),
        (["--dim", "0"], "dim must be at least 1"),
        (["--architecture", "mnist"], "architecture 'mnist' takes 1x28x28 images"),
    ],
)
def test_mistakes_are_one_line(eccentric, table, tmp_path, monkeypatch, arguments, message):
    class ImagesOnly(Plain):
        name = "images-only"
        traits = replace(Plain.traits, kinds=("image",))

    monkeypatch.setitem(METHODS, ImagesOnly.name, ImagesOnly)
    status, _, err = eccentric("compare", table, "--out", tmp_path / "out", *arguments)
    assert status == 2
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_setting_that_the_method_lacks_is_one_line(eccentric, table, tmp_path):
    status, _, err = eccentric("train", table, "--method", "vae", "--set", "bata=2", "--out", tmp_path / "run")
    assert status == 2
    assert "method 'vae' has no setting 'bata' (did you mean 'beta'?)" in err
    assert err.count("\n") == 1


def test_the_spectrum_of_discrete_latents_is_one_line(eccentric, table, tmp_path):
    options = ["--method", "vq-vae", "--epochs", 1, "--dim", 2, "--device", "cpu"]
    runs = [tmp_path / "0", tmp_path / "1"]
    for seed, run in enumerate(runs):
        assert eccentric("train", table, *options, "--seed", seed, "--out", run)[0] == 0
    status, _, err = eccentric("align", *runs, "--out", tmp_path / "out")
    assert status in (1, 2)
    assert "vq-vae" in err
    assert err.count("\n") == 1
