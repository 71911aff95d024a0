"""Standard output and standard error that tolerate closed pipes, closed terminals and full disks."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, TextIO

__all__ = ["tolerate_lost_output"]


class TolerantStream:
    """A text stream that discards text that cannot be written instead of raising an error."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self.lost: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._lose(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        if self.lost is not None:
            return
        self.lost = error
        with contextlib.suppress(OSError, ValueError):
            # The stream writes the remaining text again when it is closed, which must succeed.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)
        if self._name == "output" and "--help" not in sys.argv:  # a closed pager ends the help
            print(
                f"note: standard output is lost ({error.strerror}); continuing without it", file=sys.stderr, flush=True
            )


def tolerate_lost_output() -> None:
    """Continue if the output cannot be written; characters that a terminal cannot show are written as escapes."""
    for name, attribute in (("output", "stdout"), ("errors", "stderr")):
        stream = getattr(sys, attribute)
        if stream is None or isinstance(stream, TolerantStream):
            continue
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, attribute, TolerantStream(stream, name))
