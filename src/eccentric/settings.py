"""Settings: frozen dataclasses with a help text for each field, created from names, text and JSON."""

from __future__ import annotations

import difflib
from dataclasses import field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from eccentric.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed import DataclassInstance

    S = TypeVar("S", bound=DataclassInstance)

__all__ = ["help_texts", "make", "nearest", "parse_pairs", "setting"]


def setting(default: Any, help: str) -> Any:
    """A dataclass field with a default and a help text, which the command line and the documentation show."""
    return field(default=default, metadata={"help": help})


def help_texts(table: type[DataclassInstance] | DataclassInstance) -> dict[str, str]:
    """Help texts by field name, of the fields that have one."""
    return {field.name: field.metadata["help"] for field in fields(table) if "help" in field.metadata}


def make(table: type[S], values: Mapping[str, Any], owner: str) -> S:
    """Create an instance of a settings dataclass.

    Text is converted to the type of the field's default, so that `--set name=value` and Python give the same.

    Args:
        table: a dataclass.
        values: values by field name; other fields keep their defaults.
        owner: owner of the settings, for error messages.

    Raises:
        UsageError: a name is unknown, or a value has the wrong type or is out of range.
    """
    defaults = {field.name: field.default for field in fields(table)}
    for name in values:
        if name not in defaults:
            have = f"it has {', '.join(defaults)}" if defaults else "it has none"
            raise UsageError(f"{owner} has no setting {name!r}{nearest(name, defaults)}; {have}")
    converted = {name: _convert(value, defaults[name], f"{owner}: {name}") for name, value in values.items()}
    return table(**converted)


def parse_pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Parse the values of a repeated `name=value` option.

    Raises:
        UsageError: a text has no "=".
    """
    pairs = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise UsageError(f"{option} {text}: write name=value")
        pairs[name.strip()] = value.strip()
    return pairs


def nearest(name: str, known: Iterable[str]) -> str:
    """A suggestion for a mistyped name, to be inserted into a message; empty if no known name is similar."""
    found = difflib.get_close_matches(str(name), list(known), n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _convert(value: Any, default: Any, where: str) -> Any:
    """Convert a value to the type of its default: text is parsed, and integers are accepted for floats."""
    if isinstance(default, bool):
        words = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
        found = words.get(value.lower()) if isinstance(value, str) else value
        if not isinstance(found, bool):
            raise UsageError(f"{where} must be true or false, not {value!r}")
        return found
    if isinstance(default, int):
        return _number(int, value, where, "a whole number")
    if isinstance(default, float):
        return _number(float, value, where, "a number")
    if isinstance(value, str):  # a default such as "auto" or "paper" may be replaced by a number
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _number(kind: type[int] | type[float], value: Any, where: str, wanted: str) -> Any:
    try:
        found = kind(value)
        if isinstance(value, bool) or (not isinstance(value, str) and found != value and value == value):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{where} must be {wanted}, not {value!r}") from None
    return found
