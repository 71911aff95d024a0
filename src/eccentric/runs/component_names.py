"""Names that a user gives to the components of a run, kept in its folder as names.json."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eccentric.errors import EccentricError
from eccentric.files import read_json, write_json
from eccentric.runs.names import COMPONENT_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["LONGEST", "clean", "read_names", "write_names"]

LONGEST = 60  # characters


def read_names(folder: Path, dim: int) -> list[str]:
    """One name per component; an empty text where a component has none. A file that is not whole counts as none."""
    try:
        content: Any = read_json(folder / COMPONENT_NAMES)
    except EccentricError:
        return [""] * dim
    known = content.get("components") if isinstance(content, dict) else None
    known = known if isinstance(known, list) else []
    return [clean(name) if isinstance(name, str) else "" for name in known[:dim]] + [""] * (dim - len(known))


def write_names(folder: Path, names: Sequence[str]) -> None:
    """Keep the names.

    Raises:
        EccentricError: the folder cannot be written.
    """
    write_json(folder / COMPONENT_NAMES, {"schema": 1, "components": [clean(name) for name in names]})


def clean(name: str) -> str:
    """The name on one line, without control characters and surrounding blanks, at most `LONGEST` characters."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+", " ", name).strip()[:LONGEST].strip()
