"""A user's own items, read from bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from eccentric.errors import EccentricError
from eccentric.explorer import own


def encoded(image, kind="png"):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


def test_an_image_of_the_runs_size_is_taken_as_it_is(image_run):
    image = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    found = own.read_own(image_run, encoded(image))
    assert np.array_equal(found.items[0, 0], image)
    assert found.notes == []


def test_other_images_are_resized_and_the_user_is_told(image_run):
    found = own.read_own(image_run, encoded(np.zeros((20, 10), np.uint8), "jpeg"))
    assert found.items.shape == (1, 1, 8, 8)
    assert "resized to 8x8" in found.notes[0]


def test_colours_are_converted_for_a_run_on_grey_images(image_run):
    found = own.read_own(image_run, encoded(np.full((8, 8, 3), (255, 0, 0), np.uint8)))
    assert found.items.unique().tolist() == [76]
    assert found.notes == ["colours converted to grey"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no image", "the file"),
        (b" " * (own.MOST_BYTES + 1), "larger than 20 MB"),
    ],
)
def test_images_that_do_not_fit(image_run, content, said):
    with pytest.raises(EccentricError, match=said) as caught:
        own.read_own(image_run, content)
    assert "/" not in str(caught.value)  # no path of the server


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(image_run, monkeypatch):
    monkeypatch.setattr(own, "MOST_PIXELS", 63)
    with pytest.raises(EccentricError, match="make it smaller"):
        own.read_own(image_run, encoded(np.zeros((8, 8), np.uint8)))


@pytest.mark.parametrize("row", ["1, 2,3,4, 5", "1\t2\t3\t4\t5", "1;2;3;4;5\n", "1 2 3 4 5"])
def test_a_pasted_row(table_run, row):
    assert own.read_own(table_run, row.encode()).items.tolist() == [[1, 2, 3, 4, 5]]


def test_a_csv_file_has_its_columns_in_any_order(table_run):
    found = own.read_own(table_run, b"x4,x3,x2,x1,x0\n5,4,3,2,1\n0,0,0,0,9\n")
    assert found.items.tolist() == [[1, 2, 3, 4, 5], [9, 0, 0, 0, 0]]


def test_of_many_rows_the_first_are_taken(table_run):
    rows = "x0,x1,x2,x3,x4\n" + "1,2,3,4,5\n" * (own.MOST_ITEMS + 1)
    found = own.read_own(table_run, rows.encode())
    assert len(found.items) == own.MOST_ITEMS
    assert found.notes[-1] == "the first 100 of 101 rows are shown"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"1,2,3", "the row has 3 values, but the run has 5 columns"),
        (b"1,2,x,4,5", "column x2: 'x' is not a finite number"),
        (b"1,2,inf,4,5", "column x2: 'inf' is not a finite number"),
        (b"a,b\n1,2\n", "column"),
        (b"", "empty"),
    ],
)
def test_rows_that_do_not_fit(table_run, content, said):
    with pytest.raises(EccentricError, match=said) as caught:
        own.read_own(table_run, content)
    assert "/" not in str(caught.value)
