"""The width of a network: one factor on the channels of its hidden layers."""

from __future__ import annotations

from eccentric.errors import UsageError

MOST = 2**31
"""Maximum number of channels of a layer; PyTorch's own error for larger numbers is a traceback."""


def scaled(channels: int, width: float) -> int:
    """`channels` times the factor `width`, rounded to the nearest whole number; at least 1.

    Raises:
        UsageError: the result is not a possible number of channels.
    """
    if not 0 <= channels * width < MOST:
        raise UsageError(f"width {width:g} is out of range; a layer would have {channels * width:g} channels")
    return max(1, round(channels * width))
