"""`python -m eccentric` and the `eccentric` script."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    # The imports take seconds, and libraries catch or wrap a KeyboardInterrupt inside them. As there is nothing to
    # clean up yet, the process ends at once.
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    try:
        from eccentric.cli import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "eccentric":
            raise
        print(f"error: the command line needs {error.name}; install eccentric with the extra 'train'", file=sys.stderr)
        sys.exit(1)
    if interruptible:
        signal.signal(signal.SIGINT, interrupt)
    try:
        run()
    except Exception:
        if not interrupted:
            raise
        sys.exit(130)  # a library made another exception of the KeyboardInterrupt


if __name__ == "__main__":
    # `python -m` searches the working directory first, which may contain a typer.py.
    if not sys.flags.safe_path:
        del sys.path[0]
    main()
