"""Who may write to a run folder: nobody over another's files, and one process at a time."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eccentric.errors import EccentricError, UsageError
from eccentric.runs import names
from eccentric.runs.checkpoints import Checkpoints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def check_folder(path: Path, overwrite: bool = False, resume: bool = False) -> None:
    """See whether a run may be written there, before anything is done for it or to it.

    Raises:
        UsageError: something lies there that is not a run, or a run that may be neither overwritten nor resumed.
    """
    if overwrite and resume:
        raise UsageError("--overwrite begins a run anew, --resume goes on with it; pass one of them")
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file; choose another folder with --out")
    if not path.is_dir() or all(_is_left_over(file) for file in path.iterdir()):
        return
    if not holds_run(path):
        raise UsageError(f"{path} is not empty and holds no run; choose another folder with --out")
    if not overwrite and not resume:
        raise UsageError(
            f"{path} already holds a run; choose another folder with --out, or pass --resume to go on with it, "
            "or --overwrite"
        )


def holds_run(path: Path) -> bool:
    """Whether the folder's config.json is that of a run; other programs' models have a file of that name, too."""
    try:
        config = json.loads((path / names.CONFIG).read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, ValueError):  # damaged: for those to say who read it
        return True
    return isinstance(config, dict) and "train" in config


def _is_left_over(file: Path) -> bool:
    """Whether it is what a process that was killed leaves where there is no run yet, or none any more."""
    if file.name == names.CHECKPOINTS:
        return file.is_dir() and not any(file.iterdir())
    return file.name == names.LOCK or file.name.startswith(f".{names.CONFIG}.")


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Make the folder and keep other processes out of it. The lock dies with the process that holds it.

    Raises:
        EccentricError: another process holds it, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path / names.LOCK)
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise EccentricError(f"another process is training in {path}; wait for it, or choose another --out") from None
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {path}: {error.strerror}; choose another") from None
    try:
        for folder in (path, path / names.CHECKPOINTS):
            for leftover in folder.glob(".*.*.*"):  # half-written by a process that was killed
                if leftover.is_file():
                    leftover.unlink()
        yield
    finally:
        lock.release()


def clear_folder(path: Path) -> None:
    """Remove the run that may lie there; what else lies there stays.

    Raises:
        EccentricError: a file cannot be removed.
    """
    files = (names.METRICS, names.MODEL, names.COMPONENTS, names.LATENTS, names.EVALUATION, names.EXAMPLES)
    try:
        Checkpoints(path / names.CHECKPOINTS).clear()
        for made in (*(path / "figures").glob("*.png"), *(path / "logs").glob("events.out.tfevents.*")):
            made.unlink()
        for name in (*files, names.REPORT, names.CONFIG):  # last what says that a run lies there
            (path / name).unlink(missing_ok=True)
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {path}: {error.strerror}; choose another") from None
