"""Durations as options of the command line."""

from __future__ import annotations

from eccentric.errors import UsageError


def parse_duration(text: str, option: str, *, zero: bool = False) -> float:
    """Parse a time, written as H:MM:SS, MM:SS or seconds; returns seconds.

    Args:
        text: as given.
        option: its name, for the message.
        zero: whether no time at all makes sense.

    Raises:
        UsageError: the text is no such time.
    """
    try:
        parts = [int(part) for part in text.split(":")]
        if not 1 <= len(parts) <= 3 or min(parts) < 0 or not (zero or any(parts)):
            raise ValueError
    except ValueError:
        raise UsageError(f"{option} {text}: write the time as H:MM:SS, such as 2:30:00") from None
    return float(sum(part * 60**k for k, part in enumerate(reversed(parts))))
