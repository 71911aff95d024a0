"""A request to stop with a time limit."""

from __future__ import annotations

import time

from eccentric.training.stopping import Stop

__all__ = ["StopAfter"]


class StopAfter(Stop):
    """Requests a stop when another request does, or when a time limit has passed.

    Args:
        stop: the other request, such as that of a signal handler.
        seconds: time limit from now on; None for no limit.
    """

    def __init__(self, stop: Stop, seconds: float | None) -> None:
        self._stop, self._end = stop, None if seconds is None else time.monotonic() + seconds

    @property
    def asked(self) -> bool:  # type: ignore[override]
        return self._stop.asked or (self._end is not None and time.monotonic() >= self._end)

    @property
    def signum(self) -> int:  # type: ignore[override]
        return self._stop.signum
