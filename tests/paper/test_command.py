"""`eccentric reproduce` as it is typed."""

import shutil
from functools import partial

import pytest

from eccentric.paper import ITEMS
from eccentric.paper.page import write_page


@pytest.fixture
def reproduce(eccentric):
    return partial(eccentric, "reproduce")


def test_the_page_alone_is_written_from_what_is_kept(reproduce, store, tmp_path):
    page = tmp_path / "docs" / "page.md"
    text = write_page(store.folder, ITEMS, page).read_text(encoding="utf-8")
    page.unlink()
    status, out, _ = reproduce("page", "--work", tmp_path / "nothing", "--page", page)
    assert status == 0
    assert str(page) in out
    assert page.read_text(encoding="utf-8") == text


def test_the_queue_leaves_what_is_made_and_says_so(reproduce, store, tmp_path):
    for name in ("fig1", "fig2"):
        shutil.copytree(store.folder / name, tmp_path / name)
    status, out, _ = reproduce("fig1", "fig2", "--small", "--until", "0:10", "--work", tmp_path)
    assert status == 0
    assert out.strip() == "Nothing is left to do."


def test_a_figure_that_is_missing_in_the_format_is_drawn(reproduce, store, tmp_path):
    shutil.copytree(store.folder / "fig2", tmp_path / "fig2")
    status, _, _ = reproduce("fig2", "--small", "--jobs", "1", "--work", tmp_path, "--format", "svg")
    assert status == 0
    assert (tmp_path / "fig2" / "figure.svg").read_text().startswith("<?xml")


def test_time_that_is_up_leaves_trainings(reproduce, tmp_path):
    options = ["--epochs", "celeba=7", "--device", "cpu", "--work", tmp_path]
    status, out, _ = reproduce("fig9", "--small", *options, "--jobs", 2, "--until", "1")
    assert status == 0
    assert "Left: 1 training, 7 epochs, for fig9; rerun to resume." in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fig1", "--until", "soon"], "--until soon: write the time as H:MM:SS"),
        (["fig1", "--until", "0"], "--until 0: write the time"),
        (["fig1", "--epochs", "faces=3"], "--epochs faces=3: the paper has no data set 'faces'"),
        (["fig1", "--runs", "many"], "--runs many: 'many' is not a whole number"),
        (["fig1", "--width", "0"], "width must be positive, not 0"),
        (["page"], "nothing was reproduced in"),
    ],
)
def test_mistakes_are_one_line(reproduce, tmp_path, arguments, message):
    status, _, err = reproduce(*arguments, "--work", tmp_path)
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
