"""Requests to stop training, made by signals."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Stop:
    """A request to stop training after the current step, and the signal that made it (0 if none)."""

    def __init__(self) -> None:
        self.asked = False
        self.signum = 0
        self.interrupts = False

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in this block at the first signal, for work that does not look at `asked`."""
        if self.asked:
            raise KeyboardInterrupt
        self.interrupts = True
        try:
            yield
        finally:
            self.interrupts = False


@contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """Stop training at the first Ctrl-C or termination signal; a second one ends the program at once.

    Closing the terminal does not stop training.
    """
    stop = Stop()
    received = 0

    def ask(signum: int, _: FrameType | None) -> None:
        nonlocal received
        if received and signum == signal.SIGINT:  # not stop.asked, which another rank may have set
            raise KeyboardInterrupt
        if received:
            raise SystemExit(128 + signum)
        received = signum
        stop.asked, stop.signum = True, signum
        if stop.interrupts:
            raise KeyboardInterrupt

    with _handling({signal.SIGINT: ask, signal.SIGTERM: ask}), outlive_terminal():
        yield stop


@contextmanager
def outlive_terminal() -> Iterator[None]:
    """Continue when the terminal is closed."""

    def go_on(signum: int, _: FrameType | None) -> None:
        with suppress(Exception):  # the note has nowhere to go, or another is being written
            print("note: the terminal is closed; continuing without it", file=sys.stderr, flush=True)

    with _handling({signal.SIGHUP: go_on} if hasattr(signal, "SIGHUP") else {}):
        yield


@contextmanager
def _handling(handlers: dict[int, Any]) -> Iterator[None]:
    """Handle signals, in the main thread, where Python allows it."""
    if threading.current_thread() is not threading.main_thread():
        handlers = {}
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
