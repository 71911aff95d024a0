"""The entries of config.json that describe the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eccentric.padding import lengths_of
from eccentric.runs.digests import digests, fingerprint

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from eccentric.data import Data


def describe_data(data: Data, source: dict[str, Any] | None = None) -> dict[str, Any]:
    """The entries "data", "item", "items", "feature_names" and "label_names".

    Args:
        data: the data, all of which are read for the digests.
        source: description of how the data were loaded.
    """
    return {
        "data": {
            "name": data.name,
            "split": data.split,
            "notes": list(data.notes),
            "fingerprint": fingerprint(data.train.x),
            **({} if data.label is None else {"label_column": data.label}),
            **({} if data.pixel_range is None else {"pixel_range": list(data.pixel_range)}),
            **({"lengths": describe_lengths(data.train.x)} if data.spec.is_sequence else {}),
            "digests": digests(data),
            **(source or {}),
        },
        "item": data.spec.to_json(),
        "items": {"train": len(data.train.x), "test": len(data.test.x)},
        "feature_names": list(data.feature_names),
        "label_names": list(data.label_names),
    }


def describe_lengths(x: Float[Tensor, "n t f"]) -> dict[str, int]:
    """Number of steps of the shortest, the median and the longest sequence."""
    lengths = lengths_of(x)
    return {"shortest": int(lengths.min()), "median": int(lengths.median()), "longest": int(lengths.max())}
