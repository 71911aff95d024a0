"""Images of more than 8 bits -> 8 bits, by one range for the whole data set."""

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
    """The values that become 0 and 255; those between are scaled linearly, those outside are clipped."""

    low: int
    high: int

    def to_bytes(self, x: np.ndarray) -> np.ndarray:
        scaled = (x.astype(np.float64) - self.low) * (255 / max(self.high - self.low, 1))
        return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def find_range(
    headers: Sequence[Header], source: str, given: tuple[int, int] | None = None
) -> tuple[PixelRange | None, list[str]]:
    """The range by which images of more than 8 bits are scaled, None if there are none, and notes.

    Values that all lie in 0..255 are kept, and those that are all multiples of 257 are 8 bits stretched to 16.
    Otherwise the lowest and highest value of all images become 0 and 255.

    Args:
        headers: of all images.
        source: for errors.
        given: the range by which the images of a training run were scaled.

    Raises:
        EccentricError: images of 8 bits and of more are mixed, so that no scale is right for both; or none has more
            than 8 bits, but those of the run had.
    """
    values = [header.values for header in headers if header.values is not None]
    if not values:
        if given is not None:
            raise EccentricError(
                f"{source} holds images of 8 bits, but the run was trained on values from {given[0]} to {given[1]}; "
                "give images of the same depth"
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
            f"{source} holds images of 8 bits and of more, with values from {low} to {high}; save all with one depth"
        )
    how = f"{count_of(len(values), 'image')} of more than 8 bits, with values from {low} to {high}: "
    if (chosen.low, chosen.high) == (0, 255):
        return chosen, [how + "taken as they are"]
    scaled = f"{chosen.low} to {chosen.high} scaled to 0 to 255"
    clipped = ", values outside clipped" if low < chosen.low or high > chosen.high else ""
    return chosen, [how + scaled + clipped]
