"""Labels in text tables, which are read as numbers only if this changes no label and merges no two labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccentric.data.labels import is_category

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["as_labels"]

LEADING_ZERO = r"^[-+]?0[0-9]"


def as_labels(values: pa.ChunkedArray, text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Choose between `values`, a column of labels with the types that the parser found, and `text`, the column as
    written.

    Text is kept if "007" would become 7, if two spellings would become one number ("1.1" and "1.10", or whole numbers
    beyond 64 bits), and for dates and times. Measurements remain numbers. A column with missing values also remains
    numeric; the missing row is reported later.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if values.null_count or pa.types.is_boolean(kind) or not pa.types.is_string(text.type):
        return values
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return text
    written = pc.utf8_trim_whitespace(text)
    if pa.types.is_floating(kind) and not is_category(np.asarray(values).tolist()):
        return values
    altered = pa.types.is_integer(kind) and pc.any(pc.match_substring_regex(written, LEADING_ZERO)).as_py()
    merged = pc.count_distinct(written).as_py() > pc.count_distinct(values).as_py()
    return text if altered or merged else values
