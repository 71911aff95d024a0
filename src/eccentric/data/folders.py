"""Reading of folders; docs/data.md describes the rule for users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eccentric.data.cards import card_folder, has_card
from eccentric.data.files import IMAGE_SUFFIXES, READERS, TABLE_SUFFIXES, read_table
from eccentric.data.image_folders import image_folder, with_metadata
from eccentric.data.table_folders import table_folder
from eccentric.data.walking import count_of, holds_run, left_out, shown_paths, walk
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from eccentric.data.source import Source

__all__ = ["read_folder"]

ABOUT_DATA = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
"""Files with descriptions that `datasets` writes next to the data."""
TEXTS = ("README", "LICENSE", "LICENCE", "CITATION")
TEXT_TABLES = {".csv", ".tsv", ".json", ".jsonl"}
IMAGES_PER_TABLE = 10
"""Minimum number of images per table of text in a folder of images; with fewer, the folder is ambiguous."""


def read_folder(
    folder: Path, config: str | None = None, label: str | None = None, *, sequences: bool = False
) -> Source:
    """Read a folder; `label` is the column of labels, if known.

    With `sequences`, each text table of a folder without images is one sequence.

    1. A README.md with `configs`: read by `datasets` as described there.
    2. Images with `metadata` files that name them: the named images, with the columns of the metadata.
    3. Images, possibly with a few tables of text, which are ignored: a folder of images.
    4. Tables only: a folder of tables.

    Raises:
        UsageError: the folder could be read in more than one way, or is a training run.
        EccentricError: the folder contains no data, or a file cannot be read.
    """
    if holds_run(folder):
        raise UsageError(
            f"folder {folder} is a training run and not a data set; give a data set, or one file of the run"
        )
    if has_card(folder):
        return card_folder(folder, config, label)
    found = walk(folder)
    images: list[Path] = []
    tables: list[Path] = []
    others: list[Path] = []
    for path in found.files:
        suffix = path.suffix.lower()
        kinds = images if suffix in IMAGE_SUFFIXES else tables if suffix in TABLE_SUFFIXES else others
        if path.name not in ABOUT_DATA:
            kinds.append(path)
    if not images and not tables:
        raise EccentricError(f"folder {folder} {_nothing(folder, found.files)}")
    if config is not None:
        what = "images only" if not tables else "no README.md with configurations"
        raise UsageError(f"folder {folder} contains {what}, so there is no configuration {config!r}")
    if not images:
        if sequences and all(path.suffix.lower() in (".csv", ".tsv") for path in tables):
            from eccentric.data.sequence_files import sequence_folder

            return sequence_folder(folder, tables, [*found.notes, *_others(folder, others, "tables")])
        return table_folder(folder, tables, [*found.notes, *_others(folder, others, "tables")], label)

    notes = [*found.notes, *_others(folder, others, "images")]
    metadata = {path: read_table(path, label)[0] for path in tables if path.stem.lower() == "metadata"}
    named = {path: table for path, table in metadata.items() if "file_name" in table.column_names}
    beside = [path for path in tables if path not in named]
    _check_beside(folder, images, beside)
    if beside:
        notes.append(left_out(folder, beside, "table", "beside the images"))
    if named:
        return with_metadata(folder, images, named, notes)
    return image_folder(folder, images, notes)


def _check_beside(folder: Path, images: Sequence[Path], tables: Sequence[Path]) -> None:
    """Raise an error if tables next to images could be the data."""
    if not tables:
        return
    pictures = {path.with_suffix("") for path in images}
    alone = [path for path in tables if path.with_suffix("") not in pictures]  # not one for each image
    binary = [path for path in alone if path.suffix.lower() not in TEXT_TABLES]
    if binary or len(images) < IMAGES_PER_TABLE * len(alone):
        found = shown_paths(folder, binary or alone)
        raise UsageError(
            f"folder {folder} contains {count_of(len(images), 'image')} and also {found}; give the path of such a "
            "file, or move one of the two kinds out of the folder"
        )


def _others(folder: Path, files: Sequence[Path], kind: str) -> list[str]:
    files = [path for path in files if not path.name.upper().startswith(TEXTS)]
    return [left_out(folder, files, "file", f"of other kinds than {kind}")] if files else []


def _nothing(folder: Path, files: Sequence[Path]) -> str:
    if not files:
        return "is empty"
    single = [path for path in files if path.suffix.lower() in READERS]
    if single:
        return f"contains no images or tables; give the path of the file: {single[0]}"

    return "contains neither images nor data files (.parquet, .csv, .json)"
