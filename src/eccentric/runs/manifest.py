"""config.json, the description of a run, with a schema version, one writer and one reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eccentric.data.items import ItemSpec
from eccentric.errors import EccentricError, UsageError
from eccentric.files import read_json, write_json
from eccentric.methods.registry import METHODS, check_settings, known_settings
from eccentric.runs.names import CONFIG
from eccentric.runs.schema import Config, check
from eccentric.runs.upgrade import SCHEMA, upgraded

if TYPE_CHECKING:
    from pathlib import Path


def write_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Write config.json.

    Args:
        folder: run folder.
        content: entries of `schema.Config`, without "schema".
    """
    write_json(folder / CONFIG, upgraded(content))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read config.json in the form that this version writes. Unknown entries are kept.

    Raises:
        EccentricError: the file cannot be read, an entry is missing or has the wrong type, or the folder was written by
            a newer version.
    """
    path = folder / CONFIG
    content = read_json(path)
    if isinstance(content, dict):
        _check_version(content, path)
        content = upgraded(content)
    check(content, Config, path)
    _check_values(content, path)
    manifest: dict[str, Any] = content
    return manifest


def _check_values(content: dict[str, Any], path: Path) -> None:
    """Check what the types do not express: the shape of an item, the method, and its settings."""
    name, settings = content["method"]["name"], content["method"]["settings"]
    if name not in METHODS:
        raise EccentricError(f"{path} has the unknown method {name!r}; register your own methods before opening runs")
    try:
        ItemSpec.from_json(content)
        check_settings(name, known_settings(name, settings), content["train"]["dim"])
    except (ValueError, UsageError) as error:
        raise EccentricError(f"{path}: {error}; the file is damaged") from None


def _check_version(content: dict[str, Any], path: Path) -> None:
    from eccentric import __version__

    schema = content.get("schema", 0)
    if isinstance(schema, int) and schema > SCHEMA:
        versions = content.get("versions")
        theirs = versions.get("eccentric", "a newer version") if isinstance(versions, dict) else "a newer version"
        raise EccentricError(
            f"{path} was written by eccentric {theirs} with schema {schema}, and this is eccentric {__version__}, "
            f"which reads schemas up to {SCHEMA}; upgrade eccentric"
        )
