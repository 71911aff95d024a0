"""The report is complete for every kind of run, self-contained, and written whole or not at all."""

import base64
import html
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from eccentric.errors import EccentricError, UsageError
from eccentric.report import Picture, words, write_report, writing
from eccentric.runs import Run
from tests.report.making import RNG, Page, edit, make, page, pictures

IMAGES = {"curves", "spectrum", "scatter", "eigenpairs", "reconstructions", "samples", "grid"}
TABLE = {"curves", "spectrum", "scatter", "effects", "feature-errors"}


def assert_complete(run: Run, names: set[str]) -> str:
    """Each figure lies in figures/ as a picture with something in it, and in the page, with a caption and a text.

    Returns:
        The text of the page.
    """
    written = page(run)
    files = list((run.path / "figures").iterdir())
    assert {file.name for file in files} == {f"{name}.png" for name in names}
    for file in files:
        with Image.open(file) as image:
            assert np.asarray(image.convert("L")).std() > 1, f"{file.name} is blank"
    assert len(written.all("img")) == len(written.all("figcaption")) == len(names)
    assert all(len(image["alt"] or "") > 10 for image in written.all("img"))
    assert "nan" not in written.text.split()
    return written.text


# --- every kind of run ----------------------------------------------------------------------------------------------


def test_images_with_labels(reported):
    text = assert_complete(reported, IMAGES)
    assert f"{float(reported.components.eigenvalues.sum()):.2f}" in text
    assert "48 training and 12 test items" in text
    assert "Command that repeats" not in text  # made from arrays, so no command line can
    assert "This run was" not in text


@pytest.mark.parametrize(
    ("shape", "dim", "N"), [((40, 8, 8), 1, 2.0), ((40, 40, 9), 2, "paper"), ((40, 12, 30, 3), 20, "exact")]
)
def test_images_of_every_shape_and_dimension(tmp_path, shape, dim, N):
    run = make(tmp_path / "run", pictures(*shape), dim=dim, settings={"N": N}, epochs=1)  # one row of metrics only
    write_report(run)
    text = assert_complete(run, IMAGES if dim > 1 else IMAGES - {"grid"})
    assert ("circle, of radius √2" in text) == (dim == 2)
    assert ("The first 16 of 20 components are shown" in text) == (dim == 20)


def test_table(tmp_path):
    x = RNG.normal(size=(80, 5)).astype(np.float32) * [1, 10, 100, 0.1, 0]  # the last column is constant
    run = make(tmp_path / "run", x, ["u", "v"] * 40, dim=3)
    write_report(run)
    text = assert_complete(run, TABLE)
    assert "rows of a table" in text
    assert "in standard deviations of the column" in text


def test_modules_of_ones_own_must_be_given(tmp_path):
    modules = {"encoder": nn.Linear(4, 1), "decoder": nn.Linear(1, 4)}
    x = RNG.normal(size=(40, 4)).astype(np.float32)
    run = make(tmp_path / "run", x, dim=1, settings={"N": 2.0}, modules=modules)
    with pytest.raises(UsageError, match="custom modules"):
        write_report(run)
    assert not (run.path / "report.html").exists()
    write_report(run, encoder=nn.Linear(4, 1), decoder=nn.Linear(1, 4))
    assert_complete(run, TABLE)


def test_a_stopped_run_says_so(facts):
    source = writing.render(replace(facts, status="stopped after 1 steps"), [], [], None)
    assert "This run was stopped after 1 steps." in Page(source).text


# --- a file to send -------------------------------------------------------------------------------------------------


def test_nothing_is_loaded_from_elsewhere(reported):
    source = (reported.path / "report.html").read_text(encoding="utf-8")
    written = Page(source)
    assert {name for name, _ in written.tags}.isdisjoint({"script", "link", "iframe", "object", "embed", "base"})
    for _, attributes in written.tags:
        assert all(not name.startswith("on") for name in attributes)
        assert {"href", "srcset", "background", "poster"}.isdisjoint(attributes)
    assert not any(word in source for word in ("http:", "https:", "url(", "@import"))
    for image in written.all("img"):
        kind, _, data = (image["src"] or "").partition(",")
        assert kind == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as opened:
            assert opened.size == (int(image["width"] or 0), int(image["height"] or 0))


def test_a_copied_folder_gives_the_same_report(reported, run):
    assert write_report(run).read_bytes() == (reported.path / "report.html").read_bytes()


def test_figures_are_also_written_as_svg(run):
    page = write_report(run).read_bytes()
    assert write_report(run, format="svg").read_bytes() == page
    figures = run.path / "figures"
    names = {path.stem for path in figures.glob("*.png")}
    assert {path.stem for path in figures.glob("*.svg")} == names
    assert (figures / "spectrum.svg").read_text().count("<svg") == 1


def test_text_from_the_data_is_escaped(facts):
    hostile = "<script>alert(1)</script>"
    facts = replace(facts, name=hostile, notes=(hostile,), status=hostile, version=hostile)
    picture = Picture(hostile, hostile, hostile, hostile, b"\x00" * 24, Figure())
    setup = words.setup(facts, {"data": {"split": hostile}, "device": hostile, "versions": {hostile: "1"}}, 1)
    source = writing.render(facts, [picture], setup, hostile)
    assert "<script" not in source
    assert source.count(html.escape(hostile)) >= 10
    assert f"Deep principal components of {hostile}" in Page(source).text


# --- what is missing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["missing", "empty"])
@pytest.mark.parametrize(
    "name",
    [
        "metrics.csv",
        "model.safetensors",
        "components.safetensors",
        "latents.parquet",
        "evaluation.json",
        "examples.safetensors",
    ],
)
def test_a_missing_or_empty_file_is_one_line_and_no_report(run, name, damage):
    if damage == "missing":
        (run.path / name).unlink()
    else:
        (run.path / name).write_bytes(b"")
    with pytest.raises(EccentricError) as error:
        write_report(Run(run.path))
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert not (run.path / "report.html").exists()
    assert not (run.path / "figures").exists()


def test_a_run_that_has_not_ended(run):
    with pytest.raises(EccentricError, match=r"has not ended; wait for it, .* --resume"):
        write_report(edit(run, "config.json", status="training"))


@pytest.mark.parametrize(("file", "key"), [("config.json", "items"), ("evaluation.json", "test_reconstruction")])
def test_a_missing_entry(run, file, key):
    path = run.path / file
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != key}))
    (run.path / "checksums.sha256").unlink()
    with pytest.raises(EccentricError, match=key):
        write_report(Run(run.path))


def test_a_missing_setting(run):
    settings = {name: value for name, value in run.config["train"].items() if name != "dim"}
    with pytest.raises(EccentricError, match=r"config\.json lacks train\.dim"):
        write_report(edit(run, "config.json", train=settings))


def test_figures_that_cannot_be_written(run, monkeypatch):
    monkeypatch.setattr(writing, "draw", lambda *_: [])
    (run.path / "figures").write_text("a file where the folder should be")
    with pytest.raises(EccentricError, match="figures"):
        write_report(run)
    assert not (run.path / "report.html").exists()
