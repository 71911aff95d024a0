"""Binary attributes of a data source, such as the forty of CelebA, aligned with its training and test items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eccentric.data import sources
from eccentric.data.splits import divide
from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from jaxtyping import Bool

    from eccentric.data.splits import Part

__all__ = ["Attributes", "load_attributes"]


@dataclass(frozen=True)
class Attributes:
    """Binary attributes of each item.

    Attributes:
        names: (a,) names of the columns, in the order of the source.
        train: (n, a), attributes of the items of `Data.train`, in the same order.
        test: (m, a), attributes of the items of `Data.test`.
    """

    names: list[str]
    train: Bool[np.ndarray, "n a"]
    test: Bool[np.ndarray, "m a"]


def load_attributes(source: str | Path, *, test_fraction: float = 0.2, seed: int = 0) -> Attributes:
    """Read all boolean columns of a source, split into training and test rows as by `load`.

    Args:
        source: as for `eccentric.data.load`, like `test_fraction` and `seed`. With the same values, row i belongs to
            item i of the loaded split, and to row i of a run's `latents` of that split.

    Raises:
        EccentricError: there are no boolean columns, or a value is missing. Other errors as for `load`.
    """
    found = sources.read(source)
    first = next(iter(found.tables.values()), None)
    names = [] if first is None else [field.name for field in first.schema if _is_bool(field)]
    if not names:
        raise EccentricError(f"{found.where} has no attributes: none of its columns contains bools")
    sizes = {key: table.num_rows for key, table in found.tables.items()}
    division = divide(sizes, name=found.where, test_fraction=test_fraction, seed=seed)
    train, test = (_values(found.tables[part.key], names, part, found.where) for part in division.parts)
    return Attributes(names, train, test)


def _is_bool(field: pa.Field) -> bool:
    import pyarrow.types

    return bool(pyarrow.types.is_boolean(field.type))


def _values(table: pa.Table, names: list[str], part: Part, where: str) -> Bool[np.ndarray, "n a"]:
    values = np.empty((len(part.rows), len(names)), dtype=bool)
    for j, name in enumerate(names):
        if name not in table.column_names or table[name].type != "bool":
            raise EccentricError(
                f"{where}: column {name!r} contains bools in one split only; use the same type in all splits"
            )
        column = table[name].to_numpy()[part.rows]
        missing = [i for i, value in enumerate(column) if value is None] if column.dtype == object else []
        if missing:
            raise EccentricError(f"{where}: {name!r} is missing in {part.where(missing[0])}; fill it")
        values[:, j] = column
    return values
