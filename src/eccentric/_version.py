"""Versions of this library, PyTorch and Python."""

from __future__ import annotations

__version__ = "0.1.0"


def versions() -> dict[str, str]:
    """Versions to record with a result."""
    import platform

    import torch

    return {"eccentric": __version__, "torch": torch.__version__, "python": platform.python_version()}
