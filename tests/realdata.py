"""Where the tests marked `realdata` find their data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def real(name: str) -> Path:
    """The folder of a real data set, or a skip."""
    root = Path(os.environ.get("ECCENTRIC_DATA") or Path(__file__).resolve().parents[2] / "shared" / "datasets")
    if not (root / name).is_dir():
        pytest.skip(f"no folder {name} in $ECCENTRIC_DATA or ../shared/datasets")
    return root / name
