"""What a trained run makes of data and of chance: encodings and samples, written to files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from eccentric.data import load_all
from eccentric.errors import EccentricError, UsageError
from eccentric.files import atomic
from eccentric.runs.latents import Latents, latents_table
from eccentric.training.evaluating import decode, encode

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Shaped
    from torch import Tensor

    from eccentric.runs import Run


def encode_data(run: Run, source: str, *, label: str | None = None) -> dict[str, Latents]:
    """Components of every item of a data source, by the source's own splits, with the encoder of `run`.

    The labels are those of column `label`; by default of the column the run took, where the source has it.

    Raises:
        EccentricError: the data cannot be read, or are not of the shape that the run was trained on.
    """
    shape = run.shape
    image_size = (shape[1], shape[2]) if len(shape) == 3 else None
    usual = run.config["data"].get("label")
    data = load_all(
        source, label=label, preferred_label=usual, columns=run.feature_names or None, image_size=image_size
    )
    model, components = run.model(), run.components
    return {
        name: Latents(
            p=components.encode(encode(model, _fit(split.x, shape, source))).numpy(),
            labels=None if split.labels is None else np.array(data.label_names)[split.labels],
            rows=split.rows,
        )
        for name, split in data.splits.items()
    }


def _fit(x: Shaped[Tensor, "n ..."], shape: tuple[int, ...], source: str) -> Shaped[Tensor, "n ..."]:
    """x, if its items have the shape trained on; grey images pass for coloured ones."""
    found = tuple(x.shape[1:])
    if len(shape) == 3 and found == (1, *shape[1:]):
        return x.expand(-1, *shape)
    if found != shape:
        raise EccentricError(f"{source} holds items of shape {found}, the run was trained on {shape}; convert them")
    return x


ENCODINGS = (".parquet", ".csv")


def check_encoding_path(path: Path) -> None:
    """Before the work is done. UsageError if no encoding can be written under that name."""
    if path.suffix.lower() not in ENCODINGS:
        raise UsageError(f"encodings are written as {' or '.join(ENCODINGS)}, not {path.name!r}")


def write_encoding(path: Path, splits: dict[str, Latents]) -> None:
    """The table of `latents.parquet`, as .parquet or .csv."""
    check_encoding_path(path)
    table = latents_table(splits)
    with atomic(path) as temporary:
        if path.suffix.lower() == ".csv":
            import pyarrow.csv

            pyarrow.csv.write_csv(table, temporary)
        else:
            import pyarrow.parquet

            pyarrow.parquet.write_table(table, temporary)


def sample(
    run: Run, count: int, method: Literal["standard", "matched"], seed: int | None = None
) -> Shaped[np.ndarray, "n ..."]:
    """Decoded random latents in the data's own units: uint8 images (n, c, h, w) or float32 rows (n, features)."""
    raw = decode(run.model(), run.components.sample(count, method, seed))
    return (raw.round().clamp(0, 255).to(torch.uint8) if raw.ndim == 4 else raw).numpy()


def check_samples_path(path: Path, run: Run) -> None:
    """Before the work is done. UsageError if samples of the run cannot be written under that name."""
    channels = run.shape[0] if len(run.shape) == 3 else None
    known = [".csv", ".npy"] if channels is None else [".png", ".npy"] if channels in (1, 3) else [".npy"]
    if path.suffix.lower() not in known:
        raise UsageError(f"samples of this run are written as {' or '.join(known)}, not {path.name!r}")


def write_samples(path: Path, samples: Shaped[np.ndarray, "n ..."], feature_names: list[str]) -> None:
    """Images as one .png sheet, tables as .csv, either as .npy."""
    with atomic(path) as temporary:
        if path.suffix.lower() == ".npy":
            np.save(temporary, samples)
        elif samples.ndim == 4:
            from PIL import Image

            Image.fromarray(_sheet(samples).squeeze()).save(temporary, format="png")
        else:
            import pyarrow as pa
            import pyarrow.csv

            pyarrow.csv.write_csv(pa.table(dict(zip(feature_names, samples.T, strict=True))), temporary)


def _sheet(images: Shaped[np.ndarray, "n c h w"]) -> Shaped[np.ndarray, "height width c"]:
    """All images on one sheet, about as many rows as columns, two white pixels between them."""
    n, channels, height, width = images.shape
    columns = int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    gap = 2
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 255, np.uint8)
    for k, image in enumerate(images):
        top, left = (k // columns) * (height + gap), (k % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return sheet
