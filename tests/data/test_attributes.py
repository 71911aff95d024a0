from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eccentric.data import load
from eccentric.data.attributes import load_attributes
from eccentric.errors import EccentricError, UsageError
from tests.realdata import real

if TYPE_CHECKING:
    from pathlib import Path


def table(n: int, seed: int = 0, **more: object) -> pa.Table:
    draw = np.random.default_rng(seed)
    number = draw.permutation(n)
    return pa.table({"number": number, "Even": number % 2 == 0, "Large": number >= n / 2, **more})


def test_attributes_are_those_of_the_items_loaded(tmp_path: Path):
    pq.write_table(table(50), tmp_path / "a.parquet")
    for options in ({}, {"seed": 3}, {"test_fraction": 0.5}):
        found, data = load_attributes(tmp_path / "a.parquet", **options), load(tmp_path / "a.parquet", **options)
        assert found.names == ["Even", "Large"]
        for split, values in ((data.train, found.train), (data.test, found.test)):
            number = split.x[:, data.feature_names.index("number")].numpy()
            assert values.dtype == bool
            assert (values == np.stack([number % 2 == 0, number >= 25], 1)).all()


def test_a_source_with_splits_of_its_own(tmp_path: Path):
    for k, (name, n) in enumerate({"train": 30, "valid": 10, "test": 20}.items()):
        pq.write_table(table(n, seed=k), tmp_path / f"{name}-0.parquet")
    found, data = load_attributes(tmp_path), load(tmp_path)
    assert (found.train.shape, found.test.shape) == ((30, 2), (20, 2))
    assert (found.test[:, 0] == (data.test.x[:, 0].numpy() % 2 == 0)).all()


def test_no_attributes(tmp_path: Path):
    pq.write_table(pa.table({"number": [1, 2, 3]}), tmp_path / "a.parquet")
    for source in (tmp_path / "a.parquet", "digits"):
        with pytest.raises(EccentricError, match="has no attributes: none of its columns contains bools"):
            load_attributes(source)
    with pytest.raises(UsageError, match="neither an existing path"):
        load_attributes("nowhere")


def test_a_missing_value(tmp_path: Path):
    pq.write_table(table(9, Known=[True] * 4 + [None] + [False] * 4), tmp_path / "a.parquet")
    with pytest.raises(EccentricError, match="'Known' is missing in row 4; fill it"):
        load_attributes(tmp_path / "a.parquet")


def test_columns_that_differ_between_splits(tmp_path: Path):
    from eccentric.data import sources
    from eccentric.data.source import Source

    splits = {"train": table(9), "test": table(9).drop_columns("Large")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "read", lambda _: Source("a", "a", tables=splits))
        with pytest.raises(EccentricError, match="column 'Large' contains bools in one split only"):
            load_attributes("a")


@pytest.mark.realdata
def test_real_celeba(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ECCENTRIC_DATA", str(real("celeba").parent))
    found = load_attributes("celeba")
    assert (len(found.names), found.names[0], found.names[20], found.names[39]) == (
        40,
        "5_o_Clock_Shadow",
        "Male",
        "Young",
    )
    assert len(found.train) == 8052
    assert len(found.test) == 945
