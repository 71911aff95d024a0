"""Measurements that are kept on the disk and used again while what they depend on is the same."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from eccentric.errors import EccentricError
from eccentric.files import read_json, write_json
from eccentric.runs.names import CHECKSUMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eccentric.runs import Run

__all__ = ["Cache", "identity"]

VERSION = 1
"""Raise it when a measurement changes, so that kept ones are not used any more."""


class Cache:
    """Values in JSON files, each beside a digest of what it depends on.

    Args:
        folder: of the files, made when the first is written.
        shared: what all values depend on; anything that JSON can hold.
    """

    def __init__(self, folder: Path, shared: Any) -> None:
        self._folder, self._shared = folder, shared

    def get(self, name: str, depends: Any, compute: Callable[[], Any]) -> Any:
        """The kept value of that name if it depends on the same, else a new one.

        Args:
            name: of the file, without its ending; may have slashes.
            depends: what else the value depends on; anything that JSON can hold.
            compute: gives the value, which JSON must be able to hold.
        """
        path = self._folder / f"{name}.json"
        text = json.dumps([VERSION, self._shared, depends], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        try:
            kept = read_json(path)
            if kept["key"] == key:
                return kept["value"]
        except (EccentricError, KeyError, TypeError):  # none, or damaged
            pass
        value = compute()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EccentricError(f"cannot write to the folder {path.parent}: {error.strerror}") from None
        write_json(path, {"key": key, "value": value})
        return value


def identity(run: Run) -> str:
    """A digest of the results of a run."""
    return hashlib.sha256((run.path / CHECKSUMS).read_bytes()).hexdigest()
