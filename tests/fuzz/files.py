"""Odd files, made at random: each door's maker writes one in a folder and says what must come out, if it is known."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["DOORS", "Case", "damaged"]


@dataclass(frozen=True)
class Case:
    """A source to load.

    Attributes:
        path: of the file or folder.
        items: how many items there are, if it can be read at all; None where damage makes that unknown.
        values: (n, f) what they hold, where that is known.
    """

    path: Path
    items: int | None = None
    values: np.ndarray | None = None


def damaged(data: bytes, random: np.random.Generator) -> bytes:
    """Some bytes flipped, cut off, doubled or removed."""
    array = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        if not array:
            return b""
        at = int(random.integers(len(array)))
        kind = random.integers(5)
        if kind == 0:
            array[at] ^= 1 << int(random.integers(8))
        elif kind == 1:
            array[at] = int(random.integers(256))
        elif kind == 2:
            del array[at:]
        elif kind == 3:
            del array[at : at + int(random.integers(1, 20))]
        else:
            array[at:at] = array[at : at + int(random.integers(1, 20))]
    return bytes(array)


def table_as_text(folder: Path, random: np.random.Generator) -> Case:
    """A .csv in one of the usual dialects, with one letter too many or too few in half of them."""
    n, f = int(random.integers(2, 30)), int(random.integers(1, 6))
    x = random.normal(size=(n, f)).round(3)
    delimiter = str(random.choice([",", ";", "\t", "|"]))
    end = str(random.choice(["\n", "\r\n"]))
    labelled = bool(random.integers(2))
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if random.integers(2) else csv.QUOTE_MINIMAL
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerow([f"c{j}" for j in range(f)] + ["class"] * labelled)
    words = ["cat", "dog", "a, b", "c;d", "café", 'in"ch', "x|y"]
    for row in x:
        writer.writerow([*row.tolist(), *([str(random.choice(words))] if labelled else [])])
    written = text.getvalue()
    path = folder / "table.csv"
    if random.integers(2):
        path.write_bytes(written.encode())
        return Case(path, n, x)
    at = int(random.integers(len(written)))
    letter = str(random.choice(['"', "'", ",", ";", " ", "#", "1", "x", "\t", "|", "é", "-"]))
    written = written[:at] + letter + written[at + int(random.integers(2)) :]
    path.write_bytes(written.encode("utf-8" if random.integers(3) else "latin-1"))
    lines = [line for line in written.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]
    return Case(path, len(lines) - 1)


def table_in_parquet(folder: Path, random: np.random.Generator) -> Case:
    n = int(random.integers(2, 30))
    x = random.normal(size=(n, 3)).astype(np.float32)
    columns: dict[str, object] = {f"c{j}": x[:, j] for j in range(3)}
    if random.integers(2):
        columns["label"] = random.choice(["a", "b"], n)
    table = pa.table(columns)
    if random.integers(2):
        feature = {"_type": "ClassLabel", "names": [None, ["a", "b"], [1, 2], "ab"][int(random.integers(4))]}
        meta = json.dumps({"info": {"features": {"label": feature}}})
        table = table.replace_schema_metadata({"huggingface": meta})
    path = folder / "table.parquet"
    pq.write_table(table, path)
    return _maybe_damaged(path, random, Case(path, n, x))


def arrays(folder: Path, random: np.random.Generator) -> Case:
    n = int(random.integers(2, 30))
    x = random.normal(size=(n, 4))
    if random.integers(2):
        path = folder / "a.npy"
        np.save(path, x)
        return _maybe_damaged(path, random, Case(path, n, x))
    path = folder / "a.npz"
    names = list(
        random.choice(["x", "X", "x_train", "x_test", "x_val", "y", "meta"], int(random.integers(1, 4)), False)
    )
    parts = {str(name): x for name in names if str(name) not in ("y", "meta")}
    others = {str(name): np.arange(n) for name in names if str(name) in ("y", "meta")}
    np.savez(path, **parts, **others)  # type: ignore[arg-type]
    return _maybe_damaged(path, random, Case(path))


def images(folder: Path, random: np.random.Generator) -> Case:
    """A folder of images of one kind; in half of them one is damaged."""
    n = int(random.integers(2, 6))
    suffix = str(random.choice([".png", ".jpg", ".tif", ".gif", ".webp", ".bmp", ".pgm"]))
    kind = int(random.integers(4))
    last = folder
    for i in range(n):
        pixels = random.integers(0, 256, (9, 7) if kind < 3 else (9, 7, 3), dtype=np.uint8)
        if kind == 1 and suffix in (".png", ".tif"):
            image = Image.fromarray(pixels.astype(np.uint16) * int(random.integers(1, 258)))
        elif kind == 2 and suffix in (".png", ".webp"):
            image = Image.fromarray(np.stack([pixels] * 4, 2))
        else:
            image = Image.fromarray(pixels)
        if suffix == ".pgm":
            image = image.convert("L")
        last = folder / f"{i}{suffix}"
        image.save(last)
    if random.integers(2):
        last.write_bytes(damaged(last.read_bytes(), random))
    return Case(folder, n)


def layouts(folder: Path, random: np.random.Generator) -> Case:
    """Images and tables under names that could mean splits, classes, or nothing."""
    names = ["train", "test", "val", "cat", "dog", "train_images", "contest", ".hidden", "images", "a b", "ü"]
    for i in range(int(random.integers(2, 14))):
        depth = int(random.integers(0, 3))
        place = folder.joinpath(*map(str, random.choice(names, depth)))
        place.mkdir(parents=True, exist_ok=True)
        if random.integers(8):
            Image.fromarray(random.integers(0, 256, (5, 5), dtype=np.uint8)).save(place / f"{i}.png")
        elif random.integers(2):
            stem = str(random.choice(["data", "test", "train", "metadata", "labels"]))
            (place / f"{stem}.csv").write_text("file_name,a\n0.png,1\n1.png,2\n")
        else:
            (place / str(random.choice(["notes.txt", "x.json", "README.md", "b.png"]))).write_text("{}")
    if not random.integers(4):
        (folder / "link").symlink_to(folder / str(random.choice([".", "cat", "nowhere"])))
    return Case(folder)


def _maybe_damaged(path: Path, random: np.random.Generator, whole: Case) -> Case:
    if random.integers(2):
        return whole
    path.write_bytes(damaged(path.read_bytes(), random))
    return Case(path)


DOORS: dict[str, Callable[[Path, np.random.Generator], Case]] = {
    "table as text": table_as_text,
    "Parquet": table_in_parquet,
    "NPY and NPZ": arrays,
    "images": images,
    "folder layouts": layouts,
}
