"""Where the tests marked `realdata` find their data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = os.environ.get("ECCENTRIC_DATA") or os.devnull  # as it was before a test changes it


def real(name: str) -> Path:
    """The folder of a real data set, or a skip."""
    folder = Path(DATA) / name
    if not folder.is_dir():
        pytest.skip(f"no folder {name} in $ECCENTRIC_DATA")
    return folder
