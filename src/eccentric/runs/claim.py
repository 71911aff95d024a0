"""Access to a run folder: checks before writing, and a lock for one process at a time."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eccentric.errors import EccentricError, UsageError
from eccentric.files import check_name
from eccentric.runs import names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def check_folder(path: Path, overwrite: bool = False, resume: bool = False) -> None:
    """Check whether a run may be written to a folder, without changing anything.

    Raises:
        UsageError: the folder contains other files, a run that may be neither overwritten nor resumed, or a link
            instead of a subfolder of the run.
    """
    if overwrite and resume:
        raise UsageError("--overwrite starts the run again and --resume continues it; pass one of them")
    check_name(path)
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
            f"{path} already holds a run; choose another folder with --out, or pass --resume to continue it or "
            "--overwrite to replace it (in Python, resume=True or overwrite=True)"
        )


def check_no_link(folder: Path) -> None:
    """Raise `UsageError` if a subfolder of a run is a link, because files of another folder would be changed."""
    if folder.is_symlink():
        raise UsageError(f"{folder} is a link to another folder; remove the link, or choose another folder for the run")


def holds_run(path: Path) -> bool:
    """Whether the folder has the config.json of a run; models of other programs also have a file of that name."""
    if (path / names.CONFIG).is_fifo():  # reading it would wait forever for its writer
        return True
    try:
        config = json.loads((path / names.CONFIG).read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, ValueError):  # damaged, which is reported when the file is read
        return True
    return isinstance(config, dict) and "train" in config


def _is_left_over(file: Path) -> bool:
    """Whether the file was left by a process that was killed before it wrote or after it removed config.json."""
    if file.name == names.CHECKPOINTS:
        return file.is_dir() and not any(file.iterdir())
    return file.name == names.LOCK or names.is_temporary(file.name)


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Create the folder and lock it for other processes. The lock is released when the process ends.

    Raises:
        EccentricError: another process has locked the folder, or it cannot be written.
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
    """Remove the run in a folder. Files that the program does not write are kept, and links are not followed.

    Raises:
        EccentricError: a file cannot be removed.
    """
    try:
        for file in names.written(path):  # config.json last: until then the folder contains a run
            file.unlink()
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {path}: {error.strerror}; choose another") from None
