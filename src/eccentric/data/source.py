"""A data source before decoding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pyarrow as pa

    from eccentric.data.sparse_rows import Matrix

__all__ = ["Arrays", "Source"]


@dataclass(frozen=True)
class Arrays:
    """Items that are numbers already: (n, f), images or (n, steps, features), and maybe (n,) labels."""

    x: np.ndarray
    labels: np.ndarray | None = None
    label: str | None = None  # name of the labels
    feature_names: list[str] | None = None
    lengths: np.ndarray | None = None  # (n,) steps of each sequence; what lies beyond is padding


@dataclass(frozen=True)
class Source:
    """One table, or one set of arrays, for each split of the source.

    `matrices` has the sparse columns of a table, by the key of its split, in addition to the columns in `tables`.
    """

    title: str  # for titles
    where: str  # for error messages
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    arrays: Mapping[str, Arrays] = field(default_factory=dict)
    matrices: Mapping[str, Matrix] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    files: Mapping[str, list[str]] | None = None
    """For each row, the path of its file within the folder; None where items do not lie in files of their own."""
    # The usual preparation of a data set with a short name:
    image: str | None = None
    label: str | None = None
    size: tuple[int, int] | None = None
    crop: int | None = None
