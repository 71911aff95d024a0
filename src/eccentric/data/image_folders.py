"""Reading of image folders: a table of paths and labels for each split.

The builder of `datasets` is not used, because it treats any file with "test" in its name as a test image.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from eccentric.data.source import Source
from eccentric.data.splits import TEST, TRAIN, VALIDATION, listing
from eccentric.data.table_folders import joined
from eccentric.data.walking import left_out, split_word
from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

__all__ = ["image_folder", "image_table", "lay_out", "with_metadata"]

PATH_KIND = (("bytes", "binary"), ("path", "string"))


def image_folder(folder: Path, images: Sequence[Path], notes: Sequence[str]) -> Source:
    """Read images in the folder itself or in one folder per class, optionally within folders for training and test.

    1. If everything is in one subfolder, that subfolder is used instead.
    2. If every image is in a folder with one of the words train, test or validation in its name, including train, these
        are the splits. If only some images are, and these folders have exactly these names, the other images are
        ignored.
    3. The next folder (below the split or the top folder) is the class, if all images have one and there are several.
    """
    notes = list(notes)
    groups, classes = lay_out(folder, images, notes, "image")
    tables = {key: image_table(paths, {"label": classes[key]} if classes else {}) for key, paths in groups.items()}
    files = {key: _relative(paths, folder) for key, paths in groups.items()}
    return Source(folder.resolve().name, str(folder), tables=tables, notes=notes, files=files)


def lay_out(
    folder: Path, files: Sequence[Path], notes: list[str], noun: str
) -> tuple[dict[str, list[Path]], dict[str, list[str]]]:
    """Files of items by split, and the class of each, by the rules of `image_folder`.

    Args:
        folder: that all lie in.
        files: one for each item.
        notes: gets what there is to say.
        noun: what one item is called there.

    Returns:
        Paths by split, and classes by split; no classes unless all splits have them.
    """
    root = folder
    above = len(folder.parts)  # `relative_to` takes a tenth of the time that decoding a small image takes
    parts = {path: path.parts[above:-1] for path in files}
    while len({p[:1] for p in parts.values()}) == 1 and all(parts.values()):
        root = root / next(iter(parts.values()))[0]
        parts = {path: p[1:] for path, p in parts.items()}

    groups = _by_words(parts) or _by_names(parts, root, notes, noun) or {"all": parts}
    classes: dict[str, list[str]] = {}
    for key, members in groups.items():
        if all(members.values()) and len({p[0] for p in members.values()}) > 1:
            classes[key] = [p[0] for p in members.values()]
        elif any(members.values()) or root != folder:
            where = root if key == "all" else f"split {key!r}"
            notes.append(f"no labels: the {noun}s of {where} are not in one folder per class")
    if classes and len(classes) < len(groups) and not any("no labels" in note for note in notes):
        notes.append("no labels: only one of the splits has one folder per class")
    labelled = len(classes) == len(groups)  # labels in only one split are useless
    return {key: list(members) for key, members in groups.items()}, classes if labelled else {}


def _relative(paths: Sequence[Path], folder: Path) -> list[str]:
    above = len(folder.parts)
    return ["/".join(path.parts[above:]) for path in paths]


def image_table(paths: Sequence[Path], columns: Mapping[str, Sequence[object]]) -> pa.Table:
    """Table of images by path, with additional columns."""
    import pyarrow as pa

    kind = pa.struct([(name, pa.type_for_alias(of)) for name, of in PATH_KIND])
    cells = [{"bytes": None, "path": _text(path)} for path in paths]
    return pa.table({"image": pa.array(cells, kind), **{name: pa.array(values) for name, values in columns.items()}})


def _text(path: Path) -> str:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise EccentricError(f"the name of {str(path)!r} is not valid UTF-8; rename the file") from None
    return str(path)


Parts = dict[Path, tuple[str, ...]]


def _by_words(parts: Parts) -> dict[str, Parts] | None:
    """Splits by words, if one level of folders names train, test or validation for all images, and train for some."""
    for level in range(min((len(p) for p in parts.values()), default=0)):
        words = {path: split_word(p[level]) for path, p in parts.items()}
        if None in words.values() or not {*words.values()} & {*TRAIN} or len({*words.values()}) < 2:
            continue
        groups: dict[str, Parts] = {}
        for path, p in parts.items():
            groups.setdefault(words[path] or "", {})[path] = p[:level] + p[level + 1 :]
        return groups
    return None


def _by_names(parts: Parts, root: Path, notes: list[str], noun: str) -> dict[str, Parts] | None:
    """Splits by top-level folders with exactly these names, next to other items; a single one may be a class."""
    groups: dict[str, Parts] = {}
    rest = []
    for path, p in parts.items():
        if p and p[0].lower() in {*TRAIN, *TEST, *VALIDATION}:
            groups.setdefault(p[0], {})[path] = p[1:]
        else:
            rest.append(path)
    if len(groups) < 2 or not any(key.lower() in TRAIN for key in groups):
        return None
    if rest:
        notes.append(left_out(root, rest, noun, f"outside of {listing(sorted(groups))}"))
    return groups


def with_metadata(
    folder: Path, images: Sequence[Path], tables: Mapping[Path, pa.Table], notes: Sequence[str]
) -> Source:
    """Images described by `metadata` files; the column `file_name` contains paths relative to the folder of the file.

    Raises:
        EccentricError: a named file does not exist, or the columns of the files differ.
    """
    notes = list(notes)
    known = {os.path.normpath(path): path for path in images}
    groups: dict[str, list[tuple[list[Path], pa.Table]]] = {}
    used: set[Path] = set()
    words = {path: split_word(path.parent.name) for path in tables}
    if None in words.values() or len({*words.values()}) < 2:
        words = dict.fromkeys(tables, "all")
    for path, table in tables.items():
        names = table["file_name"].to_pylist()
        found = [known.get(os.path.normpath(path.parent / str(name))) for name in names]
        gone = next((i for i, p in enumerate(found) if p is None), None)
        if gone is not None:
            raise EccentricError(
                f"{path} names {names[gone]!r} in row {gone}, but this image does not exist; correct the row"
            )
        paths = [p for p in found if p is not None]
        used.update(paths)
        groups.setdefault(words[path] or "all", []).append((paths, table.drop_columns("file_name")))
    missing = [path for path in images if path not in used]
    if missing:
        notes.append(left_out(folder, missing, "image", f"not named in {next(iter(tables)).name}"))
    merged, files = {}, {}
    for key, several in groups.items():
        rows = joined([table for _, table in several], folder)
        paths = [path for of, _ in several for path in of]
        merged[key] = image_table(paths, {}) if not rows.num_columns else _beside(image_table(paths, {}), rows)
        files[key] = _relative(paths, folder)
    return Source(folder.resolve().name, str(folder), tables=merged, notes=notes, files=files)


def _beside(images: pa.Table, rows: pa.Table) -> pa.Table:
    if "image" in rows.column_names:
        raise EccentricError("a metadata file has a column 'image', a name that is reserved for the images; rename it")
    for name in rows.column_names:
        images = images.append_column(rows.schema.field(name), rows[name])
    return images
