"""Folders -> Arrow tables: those that `datasets` reads, and those that hold images."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from typing import TYPE_CHECKING, Any

from eccentric.data.files import IMAGE_SUFFIXES, Source, first_line
from eccentric.data.splits import TEST, TRAIN, VALIDATION
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

__all__ = ["arrow_tables", "quiet", "read_folder"]

DATA_SUFFIXES = {".parquet", ".csv", ".tsv", ".json", ".jsonl", ".arrow", ".tar"}


def read_folder(folder: Path, config: str | None = None) -> Source:
    """A folder with data files or a card goes to `datasets`, any other is searched for images."""
    found = [p for p in sorted(folder.rglob("*")) if not _hidden(p, folder)]
    closed = next((p for p in (folder, *found) if p.is_dir() and not os.access(p, os.R_OK | os.X_OK)), None)
    if closed is not None:  # searching, it would look empty
        raise EccentricError(f"folder {closed} may not be read; change its permissions")
    files = [p for p in found if p.is_file()]
    readme = folder / "README.md"
    card = readme.is_file() and re.search(r"^configs:", readme.read_text(errors="replace"), re.MULTILINE)
    if card or any(p.suffix.lower() in DATA_SUFFIXES for p in files):
        return _dataset_folder(folder, config)
    images = [p for p in files if p.suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        what = "holds neither images nor data files (.parquet, .csv, .json)" if files else "is empty"
        raise EccentricError(f"folder {folder} {what}")
    if config is not None:
        raise UsageError(f"folder {folder} holds images only, so there is no configuration {config!r}")
    return _image_folder(folder, images, others=len(files) - len(images))


def arrow_tables(loaded: Any) -> dict[str, pa.Table]:
    """The splits that `load_dataset` returned."""
    return {str(key): split.data.table for key, split in loaded.items()}


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.relative_to(folder).parts)


def _dataset_folder(folder: Path, config: str | None) -> Source:
    import datasets

    if signs := sorted(set("*?[]") & set(str(folder.resolve()))):
        raise UsageError(
            f"folder {folder} has {' '.join(signs)} in its path, which the reader of data sets takes for a pattern; "
            "rename it, or link to it under another name"
        )
    # The Arrow files that `datasets` makes go where they vanish with the process, neither into the user's folder nor,
    # as a second copy that stays, into the home folder. What is mapped into memory outlives its name on disk.
    with tempfile.TemporaryDirectory(prefix="eccentric-", ignore_cleanup_errors=True) as cache, quiet(bars=False):
        try:
            # Resolved, because a bare "csv" or "json" is the name of a builder to it.
            loaded = datasets.load_dataset(str(folder.resolve()), config, cache_dir=cache)
        except Exception as error:
            broken = _broken_parquet(folder)
            if broken is not None:
                raise EccentricError(f"{broken} is not a readable Parquet file; replace it") from error
            reason = first_line(error)
            if "must have the same columns" in str(error) or "Schema at index" in reason:
                reason = "its files do not have the same columns"
            if "onfig" in reason:  # an unknown configuration, or several and none chosen
                reason += f"; write {folder}:NAME"
            raise EccentricError(f"folder {folder} could not be read ({reason})") from error
        tables = arrow_tables(loaded)
    return Source(folder.resolve().name, str(folder), tables=tables)


@contextlib.contextmanager
def quiet(*, bars: bool) -> Iterator[None]:
    """No log lines beside our own error line; no progress bars, unless wanted for a long download."""
    import datasets
    import huggingface_hub.utils.logging as hub_logging

    loggers = datasets.logging, hub_logging
    before = [logger.get_verbosity() for logger in loggers]
    hide = not bars and not datasets.are_progress_bars_disabled()
    for logger in loggers:
        logger.set_verbosity(datasets.logging.CRITICAL)
    if hide:
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        for logger, verbosity in zip(loggers, before, strict=True):
            logger.set_verbosity(verbosity)
        if hide:
            datasets.enable_progress_bars()


def _broken_parquet(folder: Path) -> Path | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in sorted(folder.rglob("*.parquet")):
        try:
            pq.read_metadata(path)
        except (pa.ArrowException, OSError):
            return path
    return None


def _image_folder(folder: Path, images: list[Path], others: int) -> Source:
    """Images in the folder itself, or in one folder per class, maybe under train/ and test/.

    Not `datasets`' builder, which takes any file with "test" in its name for a test image.
    """
    import pyarrow as pa

    notes = [f"{others:,} file{'s' * (others != 1)} left out, not images by their names"] if others else []
    by_top: dict[str, list[Path]] = {}
    for path in images:
        parts = path.relative_to(folder).parts
        by_top.setdefault(parts[0] if len(parts) > 1 else "", []).append(path)
    known = {*TRAIN, *TEST, *VALIDATION}
    if {top.lower() for top in by_top} <= known and any(top.lower() in TRAIN for top in by_top):
        groups = {top: (folder / top, paths) for top, paths in by_top.items()}
    else:
        groups = {"all": (folder, images)}

    classes = {}
    for key, (root, paths) in groups.items():
        parents = [p.relative_to(root).parts[:-1] for p in paths]
        if all(parents) and len({p[0] for p in parents}) > 1:
            classes[key] = [p[0] for p in parents]
        elif any(parents):
            notes.append(f"no labels: the images of {root} do not lie in one folder per class")
    if classes and len(classes) < len(groups) and not any("no labels" in note for note in notes):
        notes.append("no labels: only one of the splits has one folder per class")
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    tables = {}
    for key, (_, paths) in groups.items():
        columns = {"image": pa.array([{"bytes": None, "path": str(p)} for p in paths], kind)}
        if len(classes) == len(groups):  # labels on one side only would be of no use
            columns["label"] = pa.array(classes[key], pa.string())
        tables[key] = pa.table(columns)
    return Source(folder.resolve().name, str(folder), tables=tables, notes=notes)
