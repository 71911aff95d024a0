"""The entries of config.json that describe the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eccentric.runs.digests import digests, fingerprint

if TYPE_CHECKING:
    from eccentric.data import Data


def describe_data(data: Data, source: dict[str, Any] | None = None) -> dict[str, Any]:
    """The entries "data", "item", "items", "feature_names" and "label_names".

    Args:
        data: all of it is read, for its digests.
        source: how the data were loaded.
    """
    return {
        "data": {
            "name": data.name,
            "split": data.split,
            "notes": list(data.notes),
            "fingerprint": fingerprint(data.train.x),
            **({} if data.pixel_range is None else {"pixel_range": list(data.pixel_range)}),
            "digests": digests(data),
            **(source or {}),
        },
        "item": data.spec.to_json(),
        "items": {"train": len(data.train.x), "test": len(data.test.x)},
        "feature_names": list(data.feature_names),
        "label_names": list(data.label_names),
    }
