"""Checksums of the results in a run folder, which detect damage when a file is read."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from eccentric.errors import EccentricError
from eccentric.files import atomic
from eccentric.runs.names import CHECKSUMS, COMPONENTS, RESULTS

if TYPE_CHECKING:
    from pathlib import Path


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every result, in the format of `sha256sum --check`. Called after the results are written."""
    # Methods without principal components have no file of components.
    written = [name for name in RESULTS if name != COMPONENTS or (folder / name).exists()]
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in written]
    with atomic(folder / CHECKSUMS) as temporary:
        temporary.write_text("".join(lines), encoding="ascii")


def verify(path: Path) -> None:
    """Compare a result with its checksum. Folders of version 0.1.0 have no checksums and are not checked.

    Raises:
        EccentricError: the file does not match its checksum, or cannot be read.
    """
    expected = _recorded(path.parent / CHECKSUMS).get(path.name)
    if expected is None:
        return
    try:
        found = _sha256(path)
    except FileNotFoundError:
        raise EccentricError(f"there is no file {path}") from None
    except OSError as error:
        raise EccentricError(f"cannot read {path}: {error.strerror}") from None
    if found != expected:
        raise EccentricError(
            f"{path} does not match its checksum in {CHECKSUMS}; restore the file from a copy or train the run again "
            f"(if you changed the file yourself, remove its line from {CHECKSUMS})"
        )


def _recorded(path: Path) -> dict[str, str]:
    """Checksums by file name."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise EccentricError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise EccentricError(f"{path} is not text; the file is damaged") from None
    parts = [line.split(maxsplit=1) for line in lines if line.strip()]
    return {pair[1].removeprefix("*"): pair[0].lower() for pair in parts if len(pair) == 2}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
