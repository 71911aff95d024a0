"""Access to a run folder: what may be written where, and one process at a time."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eccentric.errors import EccentricError, UsageError
from eccentric.runs import names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def check_folder(path: Path, overwrite: bool = False, resume: bool = False) -> None:
    """Check that a run may be written to a folder, before any work is done. Nothing is changed.

    Raises:
        UsageError: the folder holds something other than a run, a run that may be neither overwritten nor resumed, or
            a link in the place of one of the run's subfolders.
    """
    if overwrite and resume:
        raise UsageError("--overwrite starts the run again and --resume continues it; pass one of them")
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file; choose another folder with --out")
    for name in (names.CHECKPOINTS, names.FIGURES, names.LOGS):
        check_no_link(path / name)
    if not path.is_dir() or all(_is_left_over(file) for file in path.iterdir()):
        return
    if not holds_run(path):
        raise UsageError(f"{path} is not empty and holds no run; choose another folder with --out")
    if not overwrite and not resume:
        raise UsageError(
            f"{path} already holds a run; choose another folder with --out, or pass --resume to continue it "
            "or --overwrite to replace it"
        )


def check_no_link(folder: Path) -> None:
    """Raise `UsageError` if a subfolder of a run is a link: files of another folder would be replaced and removed."""
    if folder.is_symlink():
        raise UsageError(f"{folder} is a link to another folder; remove the link, or choose another folder for the run")


def holds_run(path: Path) -> bool:
    """Whether the folder's config.json is that of a run; models of other programs have a file of that name, too."""
    try:
        config = json.loads((path / names.CONFIG).read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, ValueError):  # damaged: for those to say who read it
        return True
    return isinstance(config, dict) and "train" in config


def _is_left_over(file: Path) -> bool:
    """Whether a process that was killed before it wrote config.json, or after it removed it, left this."""
    if file.name == names.CHECKPOINTS:
        return file.is_dir() and not any(file.iterdir())
    return file.name == names.LOCK or names.is_temporary(file.name)


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
        for leftover in names.temporaries(path):
            leftover.unlink()
        yield
    finally:
        lock.release()


def clear_folder(path: Path) -> None:
    """Remove the run in a folder. Files of names that the program does not write stay, and links are not followed.

    Raises:
        EccentricError: a file cannot be removed.
    """
    try:
        for file in names.written(path):  # config.json last: until then the folder holds a run
            file.unlink()
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {path}: {error.strerror}; choose another") from None
