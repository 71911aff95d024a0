"""Labels that are text: one rule for tables as text, folders, cards of data sets, Parquet and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from eccentric.data import from_arrays, load_all
from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from pathlib import Path

CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: "parts/*.csv"
  - split: test
    path: "test.csv"
---
"""


def write(path: Path, labels: list[str]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("x,label\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels)))


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (["1", "2"], ["x", "y"], ["1", "2", "x", "y"]),
        (["7", "8"], ["007", "8"], ["007", "7", "8"]),
        (["1.1", "2.5"], ["1.10", "2.5"], ["1.1", "1.10", "2.5"]),
        (["1", "2"], ["1.0", "2"], ["1", "1.0", "2"]),
        (["true", "false"], ["yes", "no"], ["false", "no", "true", "yes"]),
        (["2020-01-01", "2020-01-02"], ["5", "6"], ["2020-01-01", "2020-01-02", "5", "6"]),
        (["a", " b"], ["b ", "c"], ["a", "b", "c"]),
        (["3", "1"], ["2", "10"], ["1", "2", "3", "10"]),
    ],
)
def test_kinds_of_labels_that_differ_between_files(
    tmp_path: Path, first: list[str], second: list[str], names: list[str]
) -> None:
    """Below one another, and as splits."""
    for one, other in (("a.csv", "b.csv"), ("train.csv", "valid.csv")):
        write(tmp_path / one, first)
        write(tmp_path / other, second)
        data = load_all(tmp_path)
        assert data.label_names == names
        codes = np.concatenate([np.asarray(split.labels) for split in data.splits.values()])
        assert [names[code] for code in codes.tolist()] == [label.strip() for label in first + second]
        (tmp_path / one).unlink()
        (tmp_path / other).unlink()


def test_a_missing_label_in_one_of_several_files(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ["1", "2"])
    write(tmp_path / "b.csv", ["x", ""])
    with pytest.raises(EccentricError, match=r"label 'label' is missing in row 3; fill it"):
        load_all(tmp_path)


def test_tables_as_text_named_in_a_card(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(CARD)
    write(tmp_path / "parts" / "1.csv", ["007", " 7"])
    write(tmp_path / "parts" / "2.csv", ["7", "café"])
    write(tmp_path / "test.csv", ["7", "007"])
    data = load_all(tmp_path)
    assert data.label_names == ["007", "7", "café"]
    assert [np.asarray(split.labels).tolist() for split in data.splits.values()] == [[0, 1, 1, 2], [1, 0]]
    (tmp_path / "test.csv").write_bytes("x,label\n1,café\n".encode("latin-1"))
    with pytest.raises(EccentricError, match=r"test.csv is not text in UTF-8 \(line 2"):
        load_all(tmp_path)


def test_blanks_around_labels_count_nowhere(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1.0, 2, 3], "label": ["cat", " cat", "dog "]}), tmp_path / "a.parquet")
    assert load_all(tmp_path / "a.parquet").label_names == ["cat", "dog"]
    assert from_arrays(np.eye(4), ["cat", " cat", "dog ", "dog"]).label_names == ["cat", "dog"]


def test_names_of_declared_classes(tmp_path: Path) -> None:
    def written(names: list[str]) -> Path:
        features = Features({"x": Value("float32"), "label": ClassLabel(names=names)})
        Dataset.from_dict({"x": [1.0, 2.0], "label": [0, 1]}, features).to_parquet(tmp_path / "a.parquet")
        return tmp_path / "a.parquet"

    assert load_all(written(["cat ", "dog"])).label_names == ["cat", "dog"]
    for names in (["cat", " "], ["cat", "cat "]):
        with pytest.raises(EccentricError, match=r"declares the classes 'cat', .*; give each class a name of its own"):
            load_all(written(names))
