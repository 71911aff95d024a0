"""A request to end training, as a signal makes it."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Stop:
    """A request to end training after the step in hand, and the signal that made it (0 if none did)."""

    def __init__(self) -> None:
        self.asked = False
        self.signum = 0


@contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """A request that the first Ctrl-C, termination or closed terminal makes; a second ends the program at once."""
    stop = Stop()
    received = 0

    def ask(signum: int, _: FrameType | None) -> None:
        nonlocal received
        if received and signum == signal.SIGINT:  # not stop.asked, which another rank may have made true
            raise KeyboardInterrupt
        if received:
            raise SystemExit(128 + signum)
        received = signum
        stop.asked, stop.signum = True, signum

    # Python allows signal handlers in the main thread only.
    known = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    signals = known if threading.current_thread() is threading.main_thread() else []
    previous = {number: signal.signal(number, ask) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
