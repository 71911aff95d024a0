"""Checkpoints: atomic writes, checksums, no executable content; the newest two are kept."""

from __future__ import annotations

import hashlib
import io
import warnings
from typing import TYPE_CHECKING, Any

import torch

from eccentric.errors import EccentricError
from eccentric.files import atomic
from eccentric.runs.names import is_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

KEPT = 2
FORMAT = 1


class Checkpoints:
    """The folder `checkpoint/` of a run: `step-000000600.pt`, each with a `.sha256` file (readable by `sha256sum -c`).

    A checkpoint is valid once its checksum exists, which is written last.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unusable: list[Path] = []  # found by load, and not to be kept

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write the state after `step` steps, and remove checkpoints of later steps and all but the newest two.

        Raises:
            EccentricError: the state is not finite, or the disk is full or read-only. Older checkpoints are kept.
        """
        for name, tensor in state["model"].items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise EccentricError(f"{name} is no longer finite after step {step}; lower the learning rate")
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, **state}, buffer)
        # not a copy; a view would crash the garbage collector of Python 3.12.1 after a failed write
        data = buffer.getvalue()
        path = self._folder / f"step-{step:09d}.pt"
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise EccentricError(f"cannot write {path}: {error.strerror}") from None
        # unusable, or of an earlier training
        for later in (other for other in self._paths() if other.name > path.name):
            self._remove(later)
        with atomic(path) as temporary:
            temporary.write_bytes(data)
        with atomic(_checksum_of(path)) as temporary:
            temporary.write_text(f"{hashlib.sha256(data).hexdigest()}  {path.name}\n", encoding="ascii")
        for old in (*self._unusable, *[path for path in self._paths() if path not in self._unusable][KEPT:]):
            self._remove(old)
        self._unusable.clear()

    def load(self) -> tuple[dict[str, Any] | None, list[str]]:
        """The newest intact state, or None, and the problem of each newer checkpoint."""
        notes: list[str] = []
        for path in self._paths():
            try:
                return _read(path), notes
            except _UnusableError as error:
                self._unusable.append(path)
                notes.append(f"checkpoint {path.name} {error}")
        return None, notes

    def newest(self) -> str | None:
        """The name of the newest checkpoint, for messages."""
        return next((path.name for path in self._paths()), None)

    def _remove(self, path: Path) -> None:
        _checksum_of(path).unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        """Paths of the checkpoints, newest first."""
        paths = self._folder.iterdir() if self._folder.is_dir() else ()
        return sorted((path for path in paths if is_checkpoint(path.name)), reverse=True)


class _UnusableError(Exception):
    """The problem of a checkpoint, as the end of a sentence."""


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        expected = _checksum_of(path).read_text(encoding="ascii").split()[:1]
    except FileNotFoundError:
        raise _UnusableError("has no checksum, because writing it was interrupted") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _UnusableError(f"cannot be read ({error})") from None
    if [hashlib.sha256(content).hexdigest()] != expected:
        raise _UnusableError("does not match its checksum")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings about invalid files
            state: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # the errors that torch.load raises for invalid files are not specified
        raise _UnusableError(f"is not a checkpoint of eccentric ({str(error).splitlines()[0]})") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise _UnusableError("was written by another version of eccentric, or by another program")
    return state


def _checksum_of(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
