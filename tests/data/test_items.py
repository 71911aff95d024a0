"""Items know their kind: it is decided where data are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from eccentric.data import ItemSpec, from_arrays, load, load_all
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

SEQUENCES = np.random.default_rng(0).normal(size=(20, 50, 6))
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 5, 6))


@pytest.mark.parametrize(
    ("spec", "text", "size", "image_size"),
    [
        (ItemSpec("image", (3, 8, 9), "uint8"), "3x8x9 images", 216, (8, 9)),
        (ItemSpec("table", (7,)), "7 columns", 7, None),
        (ItemSpec("sequence", (50, 6)), "50x6 sequences", 300, None),
    ],
)
def test_what_is_known_of_an_item(spec, text, size, image_size):
    assert (str(spec), spec.size, spec.image_size) == (text, size, image_size)
    assert [spec.is_image, spec.is_table, spec.is_sequence].count(True) == 1
    assert ItemSpec.from_json(json.loads(json.dumps({"item": spec.to_json()}))) == spec


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "item is None, not an object"),
        (
            {"item": {"kind": "image", "shape": [1, 0, 8]}},
            r"shape is \[1, 0, 8\], not a list of positive whole numbers",
        ),
        ({"item": {"kind": "table", "shape": [1.5]}}, "not a list of positive whole numbers"),
        ({"item": {"kind": "table", "shape": [2, 3]}}, "items of kind table have the shape"),
        ({"item": 3}, "item is 3, not an object"),
        ({"item": {"kind": "graph", "shape": [3]}}, "unknown kind of items 'graph'"),
        ({"item": {"kind": "image", "shape": [3], "dtype": "uint8"}}, r"items of kind image have the shape \(channels"),
        ({"item": {"kind": "table", "shape": "3"}}, r"item\.shape is '3'"),
        ({"item": {"kind": "table", "shape": [3], "dtype": 4}}, r"item\.dtype is 4, not a text"),
    ],
)
def test_records_that_are_damaged(config, message):
    with pytest.raises(ValueError, match=message):
        ItemSpec.from_json(config)


@pytest.mark.parametrize("x", [PIXELS, PIXELS.astype(np.uint8), PIXELS / 255, PIXELS > 100, PIXELS / 512])
def test_three_axes_are_images_where_the_values_can_be(x):
    assert from_arrays(x).spec == ItemSpec("image", (1, 5, 6), "uint8")


@pytest.mark.parametrize("x", [SEQUENCES, SEQUENCES.astype(np.float16), PIXELS - 3, PIXELS * 2.0])
def test_other_arrays_of_three_axes_are_not_taken_for_images(x):
    with pytest.raises(
        EccentricError, match=r"item_kind='sequence' takes them for sequences .*, item_kind='table' each for one row"
    ) as caught:
        from_arrays(x)
    assert "\n" not in str(caught.value)


def test_a_kind_that_is_given(tmp_path: Path):
    np.savez(tmp_path / "a.npz", x=SEQUENCES, y=np.arange(20) % 2)
    for data in (from_arrays(SEQUENCES, item_kind="table"), load(tmp_path / "a.npz", item_kind="table")):
        assert data.spec == ItemSpec("table", (300,))
        assert data.feature_names[-1] == "x299"
        torch.testing.assert_close(data.train.x, torch.from_numpy(SEQUENCES[data.train.rows]).flatten(1).float())
    data = from_arrays(SEQUENCES, item_kind="sequence")
    assert (data.spec, data.feature_names) == (ItemSpec("sequence", (50, 6)), [f"x{j}" for j in range(6)])
    torch.testing.assert_close(data.test.x, torch.from_numpy(SEQUENCES[data.test.rows]).float())
    assert load_all(tmp_path / "a.npz", item_kind="sequence").spec.is_sequence
    assert from_arrays(PIXELS, item_kind="table").spec == ItemSpec("table", (30,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"item_kind": "graph"}, "unknown item_kind 'graph'; choose one of auto, image, table, sequence"),
        ({"item_kind": "image"}, r"has shape \(20, 3\), which is a table"),
        ({"item_kind": "sequence"}, r"has shape \(20, 3\), but sequences are \(n, steps, features\)"),
    ],
)
def test_a_kind_that_does_not_fit(options, message):
    with pytest.raises(UsageError, match=message):
        from_arrays(np.ones((20, 3)), **options)


def test_a_sequence_with_a_gap_is_named():
    x = SEQUENCES.copy()
    x[4, 7, 2] = np.nan
    with pytest.raises(EccentricError, match="feature 'x2' is nan at step 7 of row 4"):
        from_arrays(x, item_kind="sequence")


def test_a_file_of_named_columns_is_a_table(tmp_path: Path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3,5\n4,4\n")
    assert load(tmp_path / "a.csv", item_kind="table").spec == ItemSpec("table", (2,))
    with pytest.raises(UsageError, match=r"a\.csv contains rows of a table, not items of kind 'image'"):
        load(tmp_path / "a.csv", item_kind="image")
