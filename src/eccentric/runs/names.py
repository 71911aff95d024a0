"""Names of all files that the program writes to a run folder. It removes no other files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONFIG, METRICS, MODEL = "config.json", "metrics.csv", "model.safetensors"
COMPONENTS, LATENTS, EVALUATION = "components.safetensors", "latents.parquet", "evaluation.json"
EXAMPLES, REPORT, LOCK = "examples.safetensors", "report.html", ".lock"
COMPONENT_NAMES = "names.json"
CHECKPOINTS, FIGURES, LOGS = "checkpoint", "figures", "logs"

RESULTS = (MODEL, COMPONENTS, LATENTS, EXAMPLES, EVALUATION)
"""Result files of a trained model."""
CHECKSUMS = "checksums.sha256"
"""SHA-256 of each of `RESULTS`, in the format of `sha256sum --check`."""
PICTURES = (
    "curves",
    "spectrum",
    "scatter",
    "eigenpairs",
    "reconstructions",
    "samples",
    "grid",
    "effects",
    "feature-errors",
)
"""Figures of the report: figures/NAME.png, and on request .svg or .pdf."""

_AT_TOP = (METRICS, CHECKSUMS, *RESULTS, REPORT, COMPONENT_NAMES, CONFIG)
_IN_FOLDERS = {
    CHECKPOINTS: re.compile(r"step-\d{9}\.pt(\.sha256)?"),
    FIGURES: re.compile(rf"({'|'.join(map(re.escape, PICTURES))})\.(png|svg|pdf)"),
    LOGS: re.compile(r"events\.out\.tfevents\.\d+\..+"),  # written by TensorBoard
}
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}(?P<suffix>\.[a-z0-9]+)")  # created by `files.atomic`


def is_checkpoint(name: str) -> bool:
    """Whether a file in checkpoint/ is a checkpoint and not a checksum."""
    return name.endswith(".pt") and _IN_FOLDERS[CHECKPOINTS].fullmatch(name) is not None


def is_temporary(name: str) -> bool:
    """Whether a name is that of a file left by a process that was killed while it wrote a file of a run."""
    found = _TEMPORARY.fullmatch(name)
    if not found or not found["name"].endswith(found["suffix"]):
        return False
    return found["name"] in _AT_TOP or any(known.fullmatch(found["name"]) for known in _IN_FOLDERS.values())


def written(folder: Path) -> Iterator[Path]:
    """Files of the run in a folder, config.json last. Subfolders that are links are skipped."""
    for name, known in _IN_FOLDERS.items():
        yield from _files(folder / name, known.fullmatch)
    for name in _AT_TOP:
        if (folder / name).is_file() or (folder / name).is_symlink():
            yield folder / name


def temporaries(folder: Path) -> Iterator[Path]:
    """Incomplete files left by a process that was killed."""
    for place in (folder, *(folder / name for name in _IN_FOLDERS)):
        yield from _files(place, is_temporary, link=place == folder)


def _files(folder: Path, chosen: Callable[[str], object], link: bool = False) -> list[Path]:
    if not folder.is_dir() or (folder.is_symlink() and not link):
        return []
    return [path for path in folder.iterdir() if chosen(path.name) and path.is_file()]
