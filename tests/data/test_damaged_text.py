"""Text in Parquet that is not UTF-8, as a damaged file has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eccentric.data import load_all
from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_label_that_is_not_utf8_is_refused_in_one_line(tmp_path: Path) -> None:
    table = pa.table({"a": [1.0, 2.0, 3.0], "label": ["cat", "dog", "cat"]})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, compression="none")
    path.write_bytes(path.read_bytes().replace(b"cat", b"\xffat"))
    with pytest.raises(EccentricError, match=r"label 'label' contains text that is not UTF-8; write the file again"):
        load_all(path)


def test_a_value_too_long_to_check_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b\n1,2\n3,"' + "x" * 140_000 + '"\n')
    with pytest.raises(EccentricError, match=r"the value from line 3 on has more than 131,072 characters; shorten it"):
        load_all(tmp_path / "a.csv")
