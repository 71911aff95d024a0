"""Tables are converted in blocks of rows and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eccentric.data import load, load_all, tables

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BLOCK", 21)
    monkeypatch.setattr(tables, "COLUMNS", 3)
    x = np.random.default_rng(0).normal(size=(50, 8))
    x[:, 5] = 1e6 + 1e-3 * x[:, 5]  # float32 keeps nothing of it
    chunks = [pa.table({f"c{j}": part[:, j] for j in range(8)}) for part in np.split(x, [3, 11, 30])]
    pq.write_table(pa.concat_tables(chunks), tmp_path / "x.parquet", row_group_size=9)
    data = load(tmp_path / "x.parquet")
    assert np.array_equal(data.train.x, x[data.train.rows].astype(np.float32))
    assert np.array_equal(data.test.x, x[data.test.rows].astype(np.float32))
    assert [note for note in data.notes if "'c5'" in note] == data.notes


def test_types_of_columns(tmp_path: Path) -> None:
    table = pa.table(
        {"a": [True, False], "b": pa.array([1, -2], pa.int8()), "c": pa.array([1.5, 2], pa.float16()), "d": [0.1, 0.2]}
    )
    pq.write_table(table.append_column("e", pa.array([1, 2]).cast(pa.decimal128(30, 2))), tmp_path / "x.parquet")
    found = load_all(tmp_path / "x.parquet").splits["all"].x
    assert np.allclose(found, [[1, 1, 1.5, 0.1, 1], [0, -2, 2, 0.2, 2]])


def test_lines_longer_than_a_block_of_the_parser(tmp_path: Path) -> None:
    names = [f"{j}{'x' * 30_000}" for j in range(40)]
    (tmp_path / "x.csv").write_text(",".join(names) + "\n" + (",".join("1" * 40) + "\n") * 3)
    assert load_all(tmp_path / "x.csv").splits["all"].x.shape == (3, 40)
