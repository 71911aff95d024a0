"""Resolution of names, paths and hub ids to Arrow tables or arrays that are not decoded yet."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eccentric.data.cards import arrow_tables, quiet
from eccentric.data.files import READERS, first_line, read_file
from eccentric.data.folders import read_folder
from eccentric.data.source import Arrays, Source
from eccentric.errors import EccentricError, UsageError

__all__ = ["NAMED", "Named", "read"]


@dataclass(frozen=True)
class Named:
    """A data set of the hub with a short name, and its usual preparation."""

    hub: str
    config: str
    image: str
    label: str
    size: tuple[int, int] | None = None
    crop: int | None = None


NAMED = {
    "mnist": Named("ylecun/mnist", "mnist", "image", "label"),
    # The usual preparation of CelebA: the central 140x140 of 178x218, resized to 64x64. At full size it would need 24
    # GB.
    "celeba": Named("flwrlabs/celeba", "img_align+identity+attr", "image", "Smiling", size=(64, 64), crop=140),
}
NAMES = ("digits", *NAMED)


def read(
    source: str | Path, label: str | None = None, preferred: str | None = None, *, sequences: bool = False
) -> Source:
    """Find the source and open it; see `eccentric.data.load` for the order in which names are tried.

    `preferred` is the label that is used if none is given and the source has it. With `sequences`, each text
    table of a folder is one item.
    """
    text = str(source)
    if not text.strip():
        raise UsageError(
            "no data given; give the name of a data set (digits, mnist, celeba), a path or a hub id (owner/name)"
        )
    if isinstance(source, str):
        base, _, config = text.partition(":")
        if base in NAMES:
            return _named(base, config or None)
    path = _expanded(source)
    if path.exists():
        return (
            read_folder(path, None, label or preferred, sequences=sequences)
            if path.is_dir()
            else read_file(path, label, preferred)
        )
    stem, _, config = text.rpartition(":")
    if stem and _expanded(stem).is_dir():
        return read_folder(_expanded(stem), config, label or preferred, sequences=sequences)
    base, _, config = text.partition(":")
    if (folder := _offline_folder(base)) is not None:
        return read_folder(folder, config or None, label or preferred, sequences=sequences)
    looks_local = path.suffix.lower() in READERS or text.startswith((".", "~", "/"))
    if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", base) and not looks_local:
        return _hub(base, config or None, title=base)
    near = difflib.get_close_matches(text, NAMES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UsageError(
        f"{text!r} is neither an existing path nor the name of a data set ({', '.join(NAMES)}) nor a hub id "
        f"(owner/name){hint}"
    )


def _expanded(source: str | Path) -> Path:
    """The path with ~ expanded to the home folder, or unchanged if the user does not exist."""
    try:
        str(source).encode()
    except UnicodeEncodeError:
        raise UsageError(f"the path {str(source)!r} is not valid UTF-8; rename it, or link to it") from None
    try:
        path = Path(source).expanduser()
        path.exists()
    except RuntimeError:
        return Path(source)
    except OSError as error:
        raise UsageError(f"{str(source)[:80]!r} cannot be a path ({error.strerror})") from None
    return path


# --- names and the hub ----------------------------------------------------------------------------------------------


def _named(name: str, config: str | None) -> Source:
    notes = []
    if Path(name).exists():
        notes.append(
            f"the data set named {name!r} was read, not the local path of that name (write ./{name} for the path)"
        )
    if name == "digits":
        if config is not None:
            raise UsageError(f"digits has no configuration {config!r}")
        from sklearn.datasets import load_digits

        digits = load_digits()
        pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
        return Source(name, name, arrays={"all": Arrays(pixels, digits.target, "label")}, notes=notes)
    folder = _offline_folder(name)
    if folder is not None:
        found = read_folder(folder, config)
    else:
        found = _hub(NAMED[name].hub, config or NAMED[name].config, title=name)
    usual = NAMED[name]
    return replace(
        found,
        title=name,
        notes=notes + found.notes,
        image=usual.image,
        label=usual.label,
        size=usual.size,
        crop=usual.crop,
    )


def _offline_folder(name: str) -> Path | None:
    root = os.environ.get("ECCENTRIC_DATA")
    if not root or "/" in name or not name:
        return None
    folder = Path(root).expanduser() / name
    return folder if folder.is_dir() else None


def _hub(hub_id: str, config: str | None, *, title: str) -> Source:
    import datasets

    try:
        with quiet(bars=True):
            loaded = datasets.load_dataset(hub_id, config)
    except Exception as error:  # connection, access, configuration, damaged files: each library raises other errors
        mend = "give a local folder instead"
        if title in NAMED:
            mend = f"give a local folder, or set ECCENTRIC_DATA to a folder that contains a folder {title!r}"
        raise EccentricError(
            f"{hub_id} could not be read from the Hugging Face hub ({first_line(error)}); {mend}"
        ) from error
    return Source(title, hub_id, tables=arrow_tables(loaded))
