"""Sequences of different lengths from arrays and files; a mistake is one line."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from eccentric.data import from_arrays, load, load_all
from eccentric.errors import EccentricError, UsageError
from eccentric.padding import lengths_of, trimmed

LENGTHS = np.array([3, 1, 4, 2, 4])
X = np.random.default_rng(0).normal(size=(5, 6, 2))  # two steps more than the longest


def test_npz_with_lengths(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, lengths=LENGTHS, y=["a", "b", "a", "b", "b"])
    data = load(tmp_path / "a.npz")
    assert (str(data.spec), data.feature_names, data.label) == ("4x2 sequences", ["x0", "x1"], "y")
    assert data.notes == ["sequences of 1 to 4 steps, 3 in the median"]
    for split in (data.train, data.test):
        assert lengths_of(split.x).tolist() == LENGTHS[split.rows].tolist()
        for row, item in zip(split.rows, trimmed(split.x), strict=True):
            np.testing.assert_array_equal(item, X[row, : LENGTHS[row]].astype(np.float32))


def test_npz_with_splits_of_different_steps(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, lengths_train=LENGTHS, x_test=X[:2, :3], lengths_test=LENGTHS[:2])
    data = load(tmp_path / "a.npz")
    assert (data.train.x.shape, data.test.x.shape) == ((5, 4, 2), (2, 4, 2))
    torch.testing.assert_close(data.test.x, data.train.x[:2], rtol=0, atol=0, equal_nan=True)


def test_a_list_of_arrays():
    items = [x[:length] for x, length in zip(X, LENGTHS, strict=True)]
    data, same = from_arrays(items, item_kind="sequence"), from_arrays(X, lengths=LENGTHS)
    torch.testing.assert_close(data.train.x, same.train.x, rtol=0, atol=0, equal_nan=True)
    assert from_arrays([torch.from_numpy(item) for item in items], item_kind="sequence").spec == data.spec


def nan_at(row: int, step: int) -> np.ndarray:
    x = X.copy()
    x[row, step, 1] = np.nan
    return x


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (X, {"lengths": [3, 0, 4, 2, 4]}, "the length of row 1 is 0, but it must be from 1 to 6"),
        (X, {"lengths": [3, 1, 4, 2, 7]}, "the length of row 4 is 7, but it must be from 1 to 6"),
        (X, {"lengths": [3, 1, 4, 2]}, r"has 5 sequences, but lengths of shape \(4,\)"),
        (X, {"lengths": [3.0, 1, 4, 2, 4]}, "and type float64; give a whole number for each"),
        (X[:, 0], {"lengths": LENGTHS}, r"lengths, which belong to sequences .* but its data have shape \(5, 2\)"),
        (
            X,
            {"lengths": LENGTHS, "item_kind": "table"},
            "lengths, which belong to sequences, not to items of kind 'tab",
        ),
        (nan_at(2, 3), {"lengths": LENGTHS}, "feature 'x1' is nan at step 3 of row 2"),
        (list(X), {"lengths": LENGTHS, "item_kind": "sequence"}, "a list of sequences has lengths of its own"),
        ([X[0], X[1][:0]], {"item_kind": "sequence"}, "the length of row 1 is 0"),
        ([X[0], X[1, :, 0]], {"item_kind": "sequence"}, r"sequence 1 has shape \(6,\) .* of shape \(steps, features\)"),
        ([X[0], X[1, :, :1]], {"item_kind": "sequence"}, "sequence 1 has 1 features, the first has 2"),
        ([], {"item_kind": "sequence"}, "holds no sequences"),
        ([X[0], X[1][:3]], {}, "the rows have different lengths; .* item_kind='sequence'"),
        (X, {"lengths": LENGTHS, "feature_names": ["a"]}, "has 2 features, but 1 feature_names"),
    ],
)
def test_mistakes(x, options, message):
    with pytest.raises((EccentricError, UsageError), match=message) as caught:
        from_arrays(x, **options)
    assert "\n" not in str(caught.value)


def test_what_lies_beyond_the_end_is_never_looked_at():
    torch.testing.assert_close(
        from_arrays(nan_at(2, 4), lengths=LENGTHS).train.x,
        from_arrays(X, lengths=LENGTHS).train.x,
        rtol=0,
        atol=0,
        equal_nan=True,
    )


def test_constant_features_are_noted():
    x = X.copy()
    x[..., 1] = 2
    assert "1 feature is constant: 'x1'" in from_arrays(x, lengths=LENGTHS).notes


@pytest.mark.parametrize(
    ("offsets", "note"),
    [
        (
            [1e8, 0],
            "1 feature varies too little for float32 relative to its size: 'x0'; subtract an offset, or drop it",
        ),
        ([1e8, 1e8], "2 features vary too little for float32 relative to their size: 'x0', 'x1'; subtract an offset"),
    ],
)
def test_features_that_float32_cannot_resolve_are_noted(offsets, note):
    [found] = [each for each in from_arrays(X + np.array(offsets), lengths=LENGTHS).notes if "float32" in each]
    assert found.startswith(note)


def test_lengths_are_read_to_encode(tmp_path):
    np.savez(tmp_path / "a.npz", x=X[:1], lengths=LENGTHS[:1])
    assert load_all(tmp_path / "a.npz", item_kind="sequence").splits["all"].x.shape == (1, 3, 2)


def write_folder(root, name="walk"):
    for place, (row, length) in enumerate(zip(X, LENGTHS, strict=True)):
        folder = root / ("test" if place > 2 else "train") / (name if place % 2 else "run")
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{t},{a:.9g},{b:.9g}" for t, (a, b) in enumerate(row[:length])]
        (folder / f"train-{place}.csv").write_text("\n".join([",x,y", *lines]) + "\n")


def test_a_folder_with_one_file_for_each_sequence(tmp_path):
    write_folder(tmp_path)
    data = load(tmp_path, item_kind="sequence")
    assert (str(data.spec), data.feature_names) == ("4x2 sequences", ["x", "y"])
    assert data.train.files == [f"train/{name}" for name in ("run/train-0.csv", "run/train-2.csv", "walk/train-1.csv")]
    assert np.array(data.label_names)[data.train.labels].tolist() == ["run", "run", "walk"]
    for found, place in zip(trimmed(data.train.x), (0, 2, 1), strict=True):
        np.testing.assert_allclose(found, X[place, : LENGTHS[place]], rtol=1e-6)
    assert load(tmp_path, item_kind="sequence", drop=["x"]).feature_names == ["y"]
    assert load_all(tmp_path, item_kind="sequence", columns=["y", "x"]).feature_names == ["y", "x"]
    assert load(tmp_path).spec.is_table, "without the option the files are one table"


def lists(**columns):
    import pyarrow as pa

    table = {"a": [[1.0, 2.0, 4.0], [3.0], [4.0, 5.0]], "b": [[1, 2, 3], [3], [4, 6]], "y": ["u", "v", "u"]}
    return pa.table({name: values for name, values in (table | columns).items() if values is not None})


def test_columns_of_lists(tmp_path):
    import pyarrow.parquet as pq

    pq.write_table(lists(), tmp_path / "a.parquet")
    data = load_all(tmp_path / "a.parquet", item_kind="sequence")
    assert (data.feature_names, data.label_names) == (["a", "b"], ["u", "v"])
    expected = [[[1, 1], [2, 2], [4, 3]], [[3, 3]], [[4, 4], [5, 6]]]
    assert [item.tolist() for item in trimmed(data.splits["all"].x)] == expected


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [[1.0], [3.0], [4.0, 5.0]]}, "the lists of row 0 differ in length, 1 in 'a' and 3 in 'b'"),
        ({"a": [[1.0, 2.0, 4.0], None, [4.0, 5.0]]}, "column 'a' has no list in row 1"),
        ({"a": [[1.0, 2.0, 4.0], [None], [4.0, 5.0]]}, "feature 'a' is nan at step 0 of row 1"),
        ({"a": [[], [3.0], [4.0, 5.0]], "b": None}, "the length of row 0 is 0, but it must be from 1 to 2"),
        ({"a": [1.0, 2.0, 3.0]}, r"'a' hold no lists of numbers, .*\(--drop a\)"),
        ({"a": [1.0, 2.0, 3.0], "b": None}, "has no columns of lists of numbers"),
    ],
)
def test_mistakes_in_lists(columns, message, tmp_path):
    import pyarrow.parquet as pq

    pq.write_table(lists(**columns), tmp_path / "a.parquet")
    with pytest.raises((EccentricError, UsageError), match=message) as caught:
        load_all(tmp_path / "a.parquet", item_kind="sequence")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",x,z\n0,1,2\n", "has other columns than the first file"),
        (",x,y\n0,1,oops\n", "train-1.csv: 1 column holds no numbers: 'y'"),
        (",x,y\n", "has no rows"),
        (",x,y\n0,1,\n", "train-1.csv: column 'y' is empty in row 0"),
    ],
)
def test_mistakes_in_a_folder(text, message, tmp_path):
    write_folder(tmp_path)
    (tmp_path / "train" / "walk" / "train-1.csv").write_text(text)
    with pytest.raises((EccentricError, UsageError), match=message) as caught:
        load(tmp_path, item_kind="sequence")
    assert "\n" not in str(caught.value)
