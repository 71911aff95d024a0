"""A user's own items: an image file or rows of a table, read by the same code as training data."""

from __future__ import annotations

import csv
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from eccentric.data import load_all
from eccentric.errors import EccentricError
from eccentric.export import fit_items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Shaped
    from torch import Tensor

    from eccentric.runs import Run

__all__ = ["MOST_BYTES", "MOST_ITEMS", "read_own"]

MOST_BYTES = 20 * 2**20
MOST_ITEMS = 100
MOST_PIXELS = 50_000_000
DELIMITERS = "\t;,"


@dataclass(frozen=True)
class Own:
    """Items (n, ...) in the form of the run's networks, and notes on the changes made."""

    items: Shaped[Tensor, "n ..."]
    notes: list[str]


def read_own(run: Run, content: bytes) -> Own:
    """Read the items in an image file, in a CSV file, or in one line of numbers. For sequences, a CSV file is one item.

    Args:
        run: run that determines the kind and shape of the items.
        content: bytes of the file, or text of a row.

    Raises:
        EccentricError: the content cannot be read, does not fit the run, or is too large.
    """
    if len(content) > MOST_BYTES:
        raise EccentricError(f"the file is larger than {MOST_BYTES // 2**20} MB")
    recorded = run.config["data"]
    with tempfile.TemporaryDirectory(prefix="eccentric-") as folder:
        if run.spec.is_image:
            _check_pixels(content)
            source, file, shown = Path(folder), Path(folder) / "item.png", "the file"
        elif run.spec.is_sequence:
            source, file, shown = Path(folder), Path(folder) / "sequence.csv", "the sequence"
        else:
            content = _with_names(content, run.feature_names)
            source = file = Path(folder) / "rows.csv"
            shown = "the rows"
        file.write_bytes(content)
        try:
            data = load_all(
                source,
                preferred_label=recorded.get("label"),
                columns=run.feature_names or None,
                image_size=run.spec.image_size,
                item_kind=run.spec.kind,
                pixel_range=recorded.get("pixel_range"),
            )
        except EccentricError as error:
            raise EccentricError(str(error).replace(str(file), shown).replace(str(source), shown)) from None
        items = torch.cat([split.x for split in data.splits.values()])
        notes = [note.replace(str(file), shown) for note in data.notes]
        spec = data.spec
        if run.spec.channels == 1 and spec.channels == 3:
            items, spec = _grey(items), run.spec
            notes.append("colours converted to grey")
        items = fit_items(items, spec, run.spec, shown)
        if run.spec.is_sequence and items.shape[1] > run.spec.shape[0]:
            raise EccentricError(f"the sequence has {items.shape[1]} steps; the run's longest has {run.spec.shape[0]}")
    if len(items) > MOST_ITEMS:
        notes.append(f"the first {MOST_ITEMS} of {len(items):,} rows are shown")
    return Own(items[:MOST_ITEMS].clone(), notes)


def _grey(images: Shaped[Tensor, "n 3 h w"]) -> Shaped[Tensor, "n 1 h w"]:
    """Convert to grey with the luma of ITU-R BT.601, which Pillow uses."""
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    return (images * weights).sum(1, keepdim=True).round().to(images.dtype)


def _check_pixels(content: bytes) -> None:
    """Reject an image that would need too much memory. Its size is read from the header, before pixels are decoded."""
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content)) as image:
                pixels = image.width * image.height
    except Image.DecompressionBombError:
        pixels = MOST_PIXELS + 1
    except Exception:  # Pillow does not specify its exceptions for other files; the reader raises the error
        return
    if pixels > MOST_PIXELS:
        raise EccentricError(f"the image has more than {MOST_PIXELS // 10**6} million pixels; make it smaller")


def _with_names(content: bytes, names: Sequence[str]) -> bytes:
    """Add a line of column names above a single line of numbers. Other content is returned unchanged."""
    lines = [line for line in content.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    if len(lines) != 1:
        return content
    delimiter = next((sign for sign in DELIMITERS if sign in lines[0]), None)
    values = [value.strip() for value in lines[0].split(delimiter)]
    if len(values) != len(names):
        raise EccentricError(f"the row has {len(values)} values, but the run has {len(names)} columns")
    for name, value in zip(names, values, strict=True):
        try:
            finite = np.isfinite(float(value))
        except ValueError:
            finite = False
        if not finite:
            raise EccentricError(f"column {name}: {value[:40]!r} is not a finite number")
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(names)
    writer.writerow([float(value) for value in values])
    return text.getvalue().encode()
