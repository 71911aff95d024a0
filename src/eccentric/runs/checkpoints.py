"""Checkpoints that a power cut cannot hurt: written beside and renamed, checksummed, two kept, no code in them."""

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
    """The folder `checkpoint/` of a run: `step-000000600.pt`, each with its `.sha256` (as `sha256sum -c` reads it).

    A checkpoint counts once its checksum lies beside it, which is written last.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unusable: list[Path] = []  # found by load, and none of those to keep

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write the state after `step` steps, and remove what is older than the newest two or is of a later step.

        Raises:
            EccentricError: the state is not finite, or the disk is full or read-only. Older checkpoints stay.
        """
        for name, tensor in state["model"].items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise EccentricError(f"{name} is no longer finite after step {step}; lower the learning rate")
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, **state}, buffer)
        data = buffer.getvalue()  # no copy; a view would crash Python 3.12.1's garbage collector after a failed write
        path = self._folder / f"step-{step:09d}.pt"
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise EccentricError(f"cannot write {path}: {error.strerror}") from None
        for later in (other for other in self._paths() if other.name > path.name):  # found unusable, or of another life
            self._remove(later)
        with atomic(path) as temporary:
            temporary.write_bytes(data)
        with atomic(_checksum_of(path)) as temporary:
            temporary.write_text(f"{hashlib.sha256(data).hexdigest()}  {path.name}\n", encoding="ascii")
        for old in (*self._unusable, *[path for path in self._paths() if path not in self._unusable][KEPT:]):
            self._remove(old)
        self._unusable.clear()

    def load(self) -> tuple[dict[str, Any] | None, list[str]]:
        """The newest state that is whole, or None, and what is wrong with each newer one."""
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
        """From the newest to the oldest."""
        paths = self._folder.iterdir() if self._folder.is_dir() else ()
        return sorted((path for path in paths if is_checkpoint(path.name)), reverse=True)


class _UnusableError(Exception):
    """What is wrong with a checkpoint, as the rest of a sentence."""


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        expected = _checksum_of(path).read_text(encoding="ascii").split()[:1]
    except FileNotFoundError:
        raise _UnusableError("has no checksum, its writing was cut short") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _UnusableError(f"cannot be read ({error})") from None
    if [hashlib.sha256(content).hexdigest()] != expected:
        raise _UnusableError("does not match its checksum")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what foreign bytes may be
            state: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # what torch.load raises on foreign bytes is not specified
        raise _UnusableError(f"is no checkpoint of eccentric ({str(error).splitlines()[0]})") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise _UnusableError("was written by another version of eccentric, or by another program")
    return state


def _checksum_of(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
