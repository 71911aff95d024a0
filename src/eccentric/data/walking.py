"""Listing of the files of a folder."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eccentric.data.splits import TEST, TRAIN, VALIDATION
from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Contents", "count_of", "holds_run", "left_out", "shown_paths", "split_word", "walk"]

MOST_VISITS = 16
"""Maximum number of visits to a folder through links, to detect cycles of links."""


@dataclass
class Contents:
    """Content of a folder.

    Attributes:
        files: regular files, sorted by path; hidden ones are not listed.
        notes: notes on what else was left out, one sentence each.
    """

    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def walk(folder: Path) -> Contents:
    """List a folder and its subfolders, following links.

    The following are left out: names that begin with a dot, `__MACOSX`, folders of training runs, links to a parent
    folder, broken links, and anything that is neither a file nor a folder. All except the first two are mentioned in
    the notes.

    Raises:
        EccentricError: a folder cannot be read, or links form a cycle.
    """
    found = Contents()
    runs: list[Path] = []
    broken: list[Path] = []
    loops: list[Path] = []
    visits: Counter[Path] = Counter()

    waiting: list[tuple[Path, tuple[Path, ...]]] = [(folder, ())]
    while waiting:
        here, above = waiting.pop()
        real = here.resolve()
        visits[real] += 1
        if visits[real] > MOST_VISITS:
            raise EccentricError(f"folder {folder}: links reach {here} more than {MOST_VISITS} times; remove them")
        if not os.access(here, os.R_OK | os.X_OK):  # without this check, it would appear empty
            raise EccentricError(f"folder {here}: permission denied; change its permissions")
        with os.scandir(here) as entries:
            inside = sorted(entries, key=lambda entry: entry.name)
        for entry in inside:
            path = here / entry.name
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if entry.is_file():
                found.files.append(path)
            elif not entry.is_dir():
                broken.append(path)
            elif path.resolve() in (real, *above):
                loops.append(path)
            elif holds_run(path):
                runs.append(path)
            else:
                waiting.append((path, (real, *above)))

    found.files.sort()
    for paths, noun, why in (
        (runs, "folder", "written by a training run"),
        (loops, "link", "link to a parent folder"),
        (broken, "entry", "neither file nor folder"),
    ):
        if paths:
            found.notes.append(left_out(folder, paths, noun, why))
    return found


def left_out(folder: Path, paths: Sequence[Path], noun: str, why: str) -> str:
    """A note such as "5 links left out, why: a, b, c and 2 more"."""
    return f"{count_of(len(paths), noun)} left out, {why}: {shown_paths(folder, paths)}"


def shown_paths(folder: Path, paths: Sequence[Path]) -> str:
    """Paths within a folder as text, such as "a, b, c and 2 more"."""
    every = [str(p.relative_to(folder)).encode(errors="backslashreplace").decode() for p in paths]
    return ", ".join(every[:3]) + (f" and {len(every) - 3:,} more" if len(every) > 3 else "")


def count_of(n: int, noun: str) -> str:
    return f"{n:,} {noun if n == 1 else _plural(noun)}"


def _plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def split_word(name: str) -> str | None:
    """The split that a name contains as a word: train, test or validation.

    Words are runs of letters: `seg_train`, `train2017` and `train-00000-of-00002` contain train, `contest` contains
    none. The result is None if a name contains two of these words.
    """
    words = {word for word in re.findall(r"[^\W\d_]+", name.lower()) if word in {*TRAIN, *TEST, *VALIDATION}}
    return words.pop() if len(words) == 1 else None


def holds_run(folder: Path) -> bool:
    """Whether a folder was written by `eccentric train`; its figures and tables are not data."""
    config = folder / "config.json"
    if not config.is_file() or config.stat().st_size > 1 << 24:
        return False
    try:
        found = json.loads(config.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "train" in found and "feature_names" in found
