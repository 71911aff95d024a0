"""Atomic file writes, and formats that execute no code when they are read."""

from __future__ import annotations

import json
import os
import re
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be replaced
    fcntl = None  # type: ignore[assignment]


def check_name(path: Path) -> None:
    """Raise `UsageError` if a path is not text in UTF-8: libraries that read and write files do not take it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UsageError(f"the path {str(path)!r} is not text in UTF-8; rename it, or link to it") from None


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path that replaces `path` when the block succeeds and is removed when it fails.

    If `path` is a symbolic link, the file that it points to is replaced. Temporary files of this path that were left by
    killed processes are removed.
    """
    if path.is_symlink():
        path = path.resolve()
    try:
        if path.exists() and not path.is_file():
            raise EccentricError(f"cannot write {path}: it is no regular file; choose another place")
        _remove_abandoned(path)
        handle, temporary = _locked_temporary(path)
    except OSError as error:
        raise EccentricError(f"cannot write {path}: {error.strerror}; choose another place") from None
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp's files are private
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise EccentricError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)
        if fcntl is not None:
            os.close(handle)


def _locked_temporary(path: Path) -> tuple[int, Path]:
    """A new file beside `path`, locked until the handle is closed, which the system does if the process is killed."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        if fcntl is None:
            os.close(handle)
            return handle, Path(name)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if Path(name).exists():
            return handle, Path(name)
        os.close(handle)  # another process removed the file before it was locked


def _remove_abandoned(path: Path) -> None:
    """Remove temporary files of `path` that no process has locked."""
    if fcntl is None or not path.suffix:  # without a suffix, names of other files could look alike
        return
    name = re.compile(re.escape(f".{path.name}.") + "[a-z0-9_]{8}" + re.escape(path.suffix))
    for left in path.parent.iterdir():
        if name.fullmatch(left.name) and left.is_file() and not left.is_symlink():
            with suppress(OSError), left.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()


def _sync_folder(folder: Path) -> None:
    """Flush the folder entry to disk, on systems that can open folders."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path, value: Any) -> None:
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EccentricError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise EccentricError(f"{path} is not JSON ({error}); the file is damaged") from None


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a .safetensors file. Requires safetensors, which is part of the `train` extra."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with atomic(path) as temporary:
        try:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)
        except SafetensorError as error:  # also raised if the disk is full
            raise EccentricError(f"cannot write {path}: {error}") from None


def read_tensors(path: Path, expected: Iterable[str] = ()) -> dict[str, Tensor]:
    """Read a .safetensors file and check that it contains the `expected` tensors."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except FileNotFoundError:
        raise EccentricError(f"there is no file {path}") from None
    except (OSError, SafetensorError) as error:
        raise EccentricError(f"cannot read {path} as safetensors ({error}); the file is damaged") from None
    missing = [name for name in expected if name not in tensors]
    if missing:
        raise EccentricError(f"{path} lacks {', '.join(missing)}; the file is damaged or was not written by eccentric")
    return tensors


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one atomic step, on Linux; False if the system or file system cannot."""
    import ctypes

    at_fdcwd, exchanging = -100, 2  # of fcntl.h and linux/fs.h
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # another system, or a C library without it
        return False
    return bool(rename(at_fdcwd, os.fsencode(one), at_fdcwd, os.fsencode(other), exchanging) == 0)
