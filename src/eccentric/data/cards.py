"""Data sets read by `datasets`: folders with a dataset card, and data sets of the hub."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eccentric.data.files import TEXT_SUFFIXES, first_line
from eccentric.data.source import Source
from eccentric.data.table_folders import read_tables
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

__all__ = ["arrow_tables", "card_folder", "has_card", "quiet"]


def has_card(folder: Path) -> bool:
    """Whether the folder has a README.md that lists configurations and their files, as on the hub."""
    readme = folder / "README.md"
    return readme.is_file() and bool(re.search(r"^configs:", readme.read_text(errors="replace"), re.MULTILINE))


def card_folder(folder: Path, config: str | None, label: str | None = None) -> Source:
    """The files and splits that the card names; `label` is the column of labels, if it is known."""
    import datasets

    if signs := sorted(set("*?[]") & set(str(folder.resolve()))):
        raise UsageError(
            f"folder {folder} has {' '.join(signs)} in its path, which `datasets` interprets as a pattern; rename "
            "the folder, or link to it under another name"
        )
    # The Arrow files that `datasets` writes go to a temporary folder, not to the user's folder or, as a permanent
    # second copy, to the home folder. Memory-mapped files remain readable after they are deleted.
    with tempfile.TemporaryDirectory(prefix="eccentric-", ignore_cleanup_errors=True) as cache, quiet(bars=False):
        try:
            # Resolved, because `datasets` interprets "csv" or "json" as the name of a builder.
            builder = datasets.load_dataset_builder(str(folder.resolve()), config, cache_dir=cache)
            files = _texts(builder)
            loaded = datasets.load_dataset(str(folder.resolve()), config, cache_dir=cache) if not files else None
        except Exception as error:
            broken = _broken_parquet(folder)
            if broken is not None:
                raise EccentricError(f"{broken} is not a readable Parquet file; replace it") from error
            reason = first_line(error)
            if "must have the same columns" in str(error) or "Schema at index" in reason:
                reason = "its files do not have the same columns"
            if "onfig" in reason:  # the configuration is unknown, or none of several was chosen
                reason += f"; write {folder}:NAME"
            raise EccentricError(f"folder {folder} could not be read ({reason})") from error
        tables = arrow_tables(loaded) if loaded is not None else {}
    if files:
        tables, notes = read_tables(files, folder, label)
        return Source(folder.resolve().name, str(folder), tables=tables, notes=notes)
    return Source(folder.resolve().name, str(folder), tables=tables)


def _texts(builder: Any) -> dict[str, list[Path]]:
    """The files of each split, if all are tables as text without options in the card; otherwise none.

    Such files are read by our own rules: `datasets` would merge labels such as "007" and "7".
    """
    config = builder.config
    usual = type(config)()
    own = {"name", "version", "data_dir", "data_files", "description"}
    if builder.info.features is not None or any(
        getattr(config, field.name) != getattr(usual, field.name)
        for field in dataclasses.fields(config)
        if field.name not in own
    ):
        return {}
    files = {str(split): [Path(name) for name in names] for split, names in (config.data_files or {}).items()}
    every = [path for paths in files.values() for path in paths]
    return files if every and all(path.suffix.lower() in TEXT_SUFFIXES for path in every) else {}


def arrow_tables(loaded: Any) -> dict[str, pa.Table]:
    """The splits that `load_dataset` returned."""
    return {str(key): split.data.table for key, split in loaded.items()}


@contextlib.contextmanager
def quiet(*, bars: bool) -> Iterator[None]:
    """Suppress log lines of `datasets`, and its progress bars except for downloads."""
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
