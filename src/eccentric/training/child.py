"""`eccentric train` as the child of another process; it ends when the parent ends for any reason.

    python -m eccentric.training.child PARENT ARGUMENTS...

PARENT is the process id of the parent, ARGUMENTS are those of `eccentric`. Standard input is a pipe that the parent
holds open.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1  # from Linux's prctl.h


def end_with(parent: int) -> None:
    """Send SIGTERM to this process when its parent ends, which stops the training in the usual way."""
    if not _linux_tells_us():
        threading.Thread(target=_terminate_at_end_of_input, daemon=True).start()
    if os.getppid() != parent:  # the parent ended before the request
        os.kill(os.getpid(), signal.SIGTERM)


def _linux_tells_us() -> bool:
    """Ask the kernel to send SIGTERM when the parent ends, even if it is killed. Returns False on other systems."""
    if sys.platform != "linux":
        return False
    with contextlib.suppress(OSError, AttributeError, ImportError):
        import ctypes

        return ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) == 0
    return False


def _terminate_at_end_of_input() -> None:
    """Wait until the parent's end of the pipe is closed, which the system does when the parent ends."""
    # os.read, since a thread that waits for sys.stdin holds a lock that the interpreter needs at exit.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    sys.argv = ["eccentric", *sys.argv[2:]]
    from eccentric.__main__ import main

    main()
