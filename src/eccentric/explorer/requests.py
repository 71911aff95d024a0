"""Validation of the requests of the page, before anything is computed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.explorer.states import FARTHEST, is_number

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["MOST_BYTES", "BadRequest", "read_object", "read_place", "read_places", "read_state"]

MOST_BYTES = 256 * 1024
"""Maximum size of a request. A state of 4,096 components takes less than 100 kB."""


class BadRequest(ValueError):
    """An invalid request. The message is one line for its sender."""


def read_object(body: bytes | str) -> dict[str, Any]:
    """The JSON object in the body of a request or in a message."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(content, dict):
        raise BadRequest("the body is not a JSON object")
    return content


def read_state(content: dict[str, Any], dim: int) -> Float[np.ndarray, " d"]:
    """The entry "state": one number per component, in standard deviations."""
    state = content.get("state")
    if not isinstance(state, list) or len(state) != dim:
        raise BadRequest(f"state must be a list of {dim} numbers")
    if not all(is_number(value) for value in state):
        raise BadRequest(f"state must hold finite numbers from {-FARTHEST:g} to {FARTHEST:g}")
    return np.array(state, np.float64)


def read_place(text: str | None, count: int, what: str) -> int:
    """An index from 0 to count - 1, in a path or a query."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) >= count:
        raise BadRequest(f"{what} must be an integer from 0 to {count - 1}")
    return int(text)


def read_places(content: dict[str, Any], key: str, count: int, most: int) -> list[int]:
    """The entry `key`: a list of at most `most` different indices from 0 to count - 1."""
    places = content.get(key)
    if not isinstance(places, list) or len(places) > most:
        raise BadRequest(f"{key} must be a list of at most {most} integers")
    if not all(isinstance(place, int) and not isinstance(place, bool) and 0 <= place < count for place in places):
        raise BadRequest(f"{key} must hold integers from 0 to {count - 1}")
    if len(set(places)) < len(places):
        raise BadRequest(f"{key} holds a place twice")
    return places
