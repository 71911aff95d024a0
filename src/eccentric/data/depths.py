"""Conversion of images with more than 8 bits to 8 bits, with one range for the whole data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eccentric.data.walking import count_of
from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eccentric.data.decoding import Header

__all__ = ["PixelRange", "find_range"]


@dataclass(frozen=True)
class PixelRange:
    """Values that are mapped to 0 and 255. Values between them are scaled linearly, other values are clipped."""

    low: int
    high: int

    def to_bytes(self, x: np.ndarray) -> np.ndarray:
        scaled = (x.astype(np.float64) - self.low) * (255 / max(self.high - self.low, 1))
        return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def find_range(
    headers: Sequence[Header], source: str, given: tuple[int, int] | None = None
) -> tuple[PixelRange | None, list[str]]:
    """Find the range for images with more than 8 bits (None if there are no such images), and notes.

    If all values lie in 0..255, they are kept. If all are multiples of 257, they are 8 bits stretched to 16. Otherwise
    the lowest and highest value of all images are mapped to 0 and 255.

    Args:
        headers: headers of all images.
        source: name of the source, for error messages.
        given: range that was used for the images of a training run.

    Raises:
        EccentricError: images with 8 bits and with more bits are mixed, so that no range fits both; or no image has
            more than 8 bits, but the images of the run had.
    """
    values = [header.values for header in headers if header.values is not None]
    if not values:
        if given is not None:
            raise EccentricError(
                f"{source} contains images of 8 bits, but the run was trained on values from {given[0]} to "
                f"{given[1]}; use images of the same depth"
            )
        return None, []
    low, high = min(v[0] for v in values), max(v[1] for v in values)
    stretched = all(v[2] for v in values) and low >= 0 and 255 < high <= 65535
    if given is not None:
        chosen = PixelRange(*given)
    elif stretched:
        chosen = PixelRange(0, 65535)
    elif low >= 0 and high <= 255:
        chosen = PixelRange(0, 255)
    else:
        chosen = PixelRange(low, high)
    if len(values) < len(headers) and (chosen.low, chosen.high) not in ((0, 255), (0, 65535)):
        raise EccentricError(
            f"{source} mixes images of 8 bits with images of more bits and values from {low} to {high}; save all "
            "with the same depth"
        )
    how = f"{count_of(len(values), 'image')} of more than 8 bits, with values from {low} to {high}: "
    if (chosen.low, chosen.high) == (0, 255):
        return chosen, [how + "taken as they are"]
    scaled = f"{chosen.low} to {chosen.high} scaled to 0 to 255"
    clipped = ", values outside clipped" if low < chosen.low or high > chosen.high else ""
    return chosen, [how + scaled + clipped]
