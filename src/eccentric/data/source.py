"""What a name, path or hub id leads to, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pyarrow as pa
    from scipy import sparse

__all__ = ["Arrays", "Source"]


@dataclass(frozen=True)
class Arrays:
    """Items that are numbers already: (n, f), images or (n, steps, features), and maybe (n,) labels."""

    x: np.ndarray | sparse.csr_array
    labels: np.ndarray | None = None
    label: str | None = None  # what the labels are called
    feature_names: list[str] | None = None
    lengths: np.ndarray | None = None  # (n,) steps of each sequence; what lies beyond is padding


@dataclass(frozen=True)
class Source:
    """One table, or one set of arrays, for each of the source's own splits."""

    title: str  # for pictures
    where: str  # for errors
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    arrays: Mapping[str, Arrays] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    files: Mapping[str, list[str]] | None = None
    """For each row, the path of its file within the folder; None where items do not lie in files of their own."""
    # How a data set that has a short name here is usually taken:
    image: str | None = None
    label: str | None = None
    size: tuple[int, int] | None = None
    crop: int | None = None
