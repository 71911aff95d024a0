"""A cache of measurements on disk. A value is reused as long as its dependencies are the same."""

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
"""Increase this number when a measurement changes, so that stored values are not reused."""


class Cache:
    """Values in JSON files, each stored with a digest of its dependencies.

    Args:
        folder: folder of the files; created when the first value is written.
        shared: dependencies of all values, as JSON values.
    """

    def __init__(self, folder: Path, shared: Any) -> None:
        self._folder, self._shared = folder, shared

    def get(self, name: str, depends: Any, compute: Callable[[], Any]) -> Any:
        """Return the stored value if its dependencies are the same; otherwise compute and store it.

        Args:
            name: name of the file without its suffix; may contain slashes.
            depends: further dependencies of the value, as JSON values.
            compute: function that returns the value, which must be a JSON value.
        """
        path = self._folder / f"{name}.json"
        text = json.dumps([VERSION, self._shared, depends], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        try:
            kept = read_json(path)
            if kept["key"] == key:
                return kept["value"]
        except (EccentricError, KeyError, TypeError):  # the file is missing or damaged
            pass
        value = compute()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EccentricError(f"cannot write to the folder {path.parent}: {error.strerror}") from None
        write_json(path, {"key": key, "value": value})
        return value


def identity(run: Run) -> str:
    """Digest of the results of a run."""
    return hashlib.sha256((run.path / CHECKSUMS).read_bytes()).hexdigest()
