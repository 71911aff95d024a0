"""NumPy's files: which arrays are taken, and what is said of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eccentric.data import load, load_all
from eccentric.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("names", [("x", "X"), ("x", "x_train"), ("x_train", "data_train", "x_test"), ("x", "x_val")])
def test_two_arrays_that_could_be_the_data(tmp_path: Path, names: tuple[str, ...]) -> None:
    np.savez(tmp_path / "a.npz", **{name: np.eye(3) for name in names})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"each of 'x.* could be the data; keep one in the file, or rename them"):
        load(tmp_path / "a.npz")


def test_validation_arrays_are_a_split(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.eye(3), y_train=[0, 1, 1], x_val=np.eye(3)[:2], y_val=[1, 0])
    data = load(tmp_path / "a.npz")
    assert data.split == "the data set's own splits, 'val' as the test set"
    assert data.label == "y"
    assert data.test.labels is not None
    assert data.test.labels.tolist() == [1, 0]
    np.savez(tmp_path / "a.npz", x_train=np.eye(3), x_val=np.eye(3)[:2], x_test=np.eye(3))
    assert load(tmp_path / "a.npz").notes == ["split 'val' (2 rows) left unused"]


def test_other_arrays_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.eye(3), y=np.arange(3), labels=np.arange(3), names=np.array(["a", "b", "c"]))
    assert load(tmp_path / "a.npz").notes == ["arrays left out: 'labels', 'names'"]
    assert load(tmp_path / "a.npz", label="").notes == ["array left out: 'names'"]


def test_a_preferred_label_is_taken_where_there_is_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.eye(3), y=np.arange(3), kind=np.array(["a", "b", "a"]))
    path = tmp_path / "a.npz"
    assert load_all(path, preferred_label="kind").label_names == ["a", "b"]
    assert load_all(path, preferred_label="gone").label_names == ["0", "1", "2"]
    assert load_all(path, preferred_label="").label_names == []
    assert load_all(path, label="y", preferred_label="kind").label_names == ["0", "1", "2"]
