"""Atomic file writes, and formats that execute no code when they are read."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor


def check_name(path: Path) -> None:
    """Raise `UsageError` if a path is not text in UTF-8: libraries that read and write files do not take it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UsageError(f"the path {str(path)!r} is not text in UTF-8; rename it, or link to it") from None


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path that replaces `path` when the block succeeds and is removed when it fails.

    If `path` is a symbolic link, the file that it points to is replaced.
    """
    if path.is_symlink():
        path = path.resolve()
    try:
        if path.exists() and not path.is_file():
            raise EccentricError(f"cannot write {path}: it is no regular file; choose another place")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    except OSError as error:
        raise EccentricError(f"cannot write {path}: {error.strerror}; choose another place") from None
    os.close(handle)
    temporary = Path(name)
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
