"""`python -m eccentric` and the `eccentric` script."""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from eccentric.cli import run
    except KeyboardInterrupt:  # Ctrl-C during the imports
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "eccentric":
            raise
        print(f"error: the command line needs {error.name}; install eccentric with the extra 'train'", file=sys.stderr)
        sys.exit(1)
    run()


if __name__ == "__main__":
    # `python -m` searches the working directory first, which may contain a typer.py.
    if not sys.flags.safe_path:
        del sys.path[0]
    main()
