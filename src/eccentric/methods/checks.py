"""Checks of settings that several methods share; each raises `UsageError` with one line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from eccentric.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_choice", "check_count", "check_factor", "check_positive"]


def check_factor(name: str, value: float) -> None:
    """Check for zero or a positive, finite number, such as the weight of a term."""
    if not 0 <= value < math.inf:
        raise UsageError(f"{name} must be zero or a positive number, not {value}")


def check_positive(name: str, value: float) -> None:
    """Check for a positive, finite number."""
    if not 0 < value < math.inf:
        raise UsageError(f"{name} must be a positive number, not {value}")


def check_count(name: str, value: int, least: int = 1) -> None:
    """Check for a whole number of at least `least`."""
    if value < least:
        raise UsageError(f"{name} must be {least} or more, not {value}")


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Check for one of a few values."""
    if value not in choices:
        raise UsageError(f"{name} must be one of {', '.join(map(str, choices))}, not {value}")
