"""The version of this library, and of what it runs on."""

from __future__ import annotations

import platform

__version__ = "0.1.0"


def versions() -> dict[str, str]:
    """What a result was made with, for its record."""
    import torch

    return {"eccentric": __version__, "torch": torch.__version__, "python": platform.python_version()}
