"""Kinds of items: images, rows of a table, and sequences. The kind is determined once, when data are read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from eccentric.errors import UsageError

__all__ = ["KINDS", "ItemKind", "ItemSpec", "OtherKind"]

Kind = Literal["image", "table", "sequence"]
ItemKind = Literal["auto", "image", "table", "sequence"]
KINDS: tuple[str, ...] = get_args(Kind)
RANKS = {"image": 3, "table": 1, "sequence": 2}
AXES = {"image": "(channels, height, width)", "table": "(features,)", "sequence": "(steps, features)"}


class OtherKind(UsageError):
    """A source holds items of another kind than the one asked for."""


@dataclass(frozen=True)
class ItemSpec:
    """Kind, shape and type of one item, as passed to the networks.

    >>> spec = ItemSpec("image", (1, 28, 28), "uint8")
    >>> str(spec), spec.size
    ('1x28x28 images', 784)

    Args:
        kind: "image", "table" or "sequence".
        shape: (channels, height, width) of an image, (features,) of a row of a table, (steps, features) of a sequence.
        dtype: PyTorch's name of the data type: "uint8" (images from 0 to 255) or "float32".

    Raises:
        ValueError: the kind is unknown, or the shape does not match it.
    """

    kind: Kind
    shape: tuple[int, ...]
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of items {self.kind!r}; choose one of {', '.join(KINDS)}")
        if len(self.shape) != RANKS[self.kind]:
            raise ValueError(f"items of kind {self.kind} have the shape {AXES[self.kind]}, not {self.shape}")

    @property
    def is_image(self) -> bool:
        return self.kind == "image"

    @property
    def is_table(self) -> bool:
        return self.kind == "table"

    @property
    def is_sequence(self) -> bool:
        return self.kind == "sequence"

    @property
    def size(self) -> int:
        """Number of values in one item."""
        return math.prod(self.shape)

    @property
    def channels(self) -> int | None:
        """Number of channels of an image; None for other kinds."""
        return self.shape[0] if self.is_image else None

    @property
    def image_size(self) -> tuple[int, int] | None:
        """(height, width) of an image; None for other kinds."""
        return (self.shape[1], self.shape[2]) if self.is_image else None

    @property
    def noun(self) -> str:
        """Plural noun for the items: "images", "rows of a table", "sequences"."""
        return {"image": "images", "table": "rows of a table", "sequence": "sequences"}[self.kind]

    def __str__(self) -> str:
        """Description such as "1x28x28 images", "12 columns" or "50x6 sequences"."""
        plural = {"image": "images", "table": "columns", "sequence": "sequences"}[self.kind]
        return f"{'x'.join(map(str, self.shape))} {plural}"

    def to_json(self) -> dict[str, Any]:
        """The value of "item" in config.json."""
        return {"kind": self.kind, "shape": list(self.shape), "dtype": self.dtype}

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> ItemSpec:
        """Read the specification from the content of config.json.

        Raises:
            ValueError: an entry is missing, has the wrong type, or contradicts the others.
        """
        item = config.get("item")
        if not isinstance(item, Mapping):
            raise ValueError(f"item is {item!r}, not an object")
        dtype = item.get("dtype", "float32")
        if not isinstance(dtype, str):
            raise ValueError(f"item.dtype is {dtype!r}, not a text")
        return cls(item.get("kind", "none given"), _shape("item.shape", item.get("shape")), dtype)


def _shape(name: str, value: Any) -> tuple[int, ...]:
    whole = isinstance(value, list | tuple) and all(isinstance(n, int) and not isinstance(n, bool) for n in value)
    if not whole or not value or min(value) < 1:
        raise ValueError(f"{name} is {value!r}, not a list of positive whole numbers")
    return tuple(value)
