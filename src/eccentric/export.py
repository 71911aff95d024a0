"""What a trained run makes of data and of chance: encodings and samples, written to files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from eccentric.data import load
from eccentric.errors import EccentricError, UsageError
from eccentric.files import atomic
from eccentric.training.loop import decode, encode
from eccentric.training.run import Latents, latents_table
from eccentric.training.train import label_names

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Shaped

    from eccentric.training import Run


def encode_data(run: Run, source: str, *, label: str | None = None) -> dict[str, Latents]:
    """Components of every item of a data source, by split, with the encoder of `run`.

    Raises:
        EccentricError: the data cannot be read, or are not of the shape that the run was trained on.
    """
    shape = tuple(run.config["shape"])
    image_size = (shape[1], shape[2]) if len(shape) == 3 else None
    columns = run.config["feature_names"] or None
    data = load(source, label=label, columns=columns, image_size=image_size)
    if data.shape != shape:
        raise EccentricError(f"{source} holds items of shape {data.shape}, {run.path} was trained on {shape}")
    model, components = run.model(), run.components
    return {
        name: Latents(
            p=components.encode(encode(model, split.x)).numpy(), labels=label_names(data, split), rows=split.rows
        )
        for name, split in (("train", data.train), ("test", data.test))
    }


def write_encoding(path: Path, splits: dict[str, Latents]) -> None:
    """The table of `latents.parquet`, as .parquet or .csv."""
    table = latents_table(splits)
    if path.suffix == ".parquet":
        import pyarrow.parquet

        with atomic(path) as temporary:
            pyarrow.parquet.write_table(table, temporary)
    elif path.suffix == ".csv":
        import pyarrow.csv

        with atomic(path) as temporary:
            pyarrow.csv.write_csv(table, temporary)
    else:
        raise UsageError(f"encodings are written as .parquet or .csv, not {path.name!r}")


def sample(
    run: Run, count: int, method: Literal["standard", "matched"], seed: int | None = None
) -> Shaped[np.ndarray, "n ..."]:
    """Decoded random latents in the data's own units: uint8 images (n, c, h, w) or float32 rows (n, features)."""
    raw = decode(run.model(), run.components.sample(count, method, seed))
    return (raw.round().clamp(0, 255).to(torch.uint8) if raw.ndim == 4 else raw).numpy()


def write_samples(path: Path, samples: np.ndarray, feature_names: list[str]) -> None:
    """Images as one .png sheet, tables as .csv, either as .npy."""
    suffix = path.suffix
    if suffix == ".npy":
        with atomic(path) as temporary:
            np.save(temporary, samples)
    elif suffix == ".png" and samples.ndim == 4:
        from PIL import Image

        pixels = _sheet(samples)
        if pixels.shape[2] not in (1, 3):
            raise UsageError(f"images of {pixels.shape[2]} channels make no .png; name a .npy file")
        with atomic(path) as temporary:
            Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).save(temporary, format="png")
    elif suffix == ".csv" and samples.ndim == 2:
        import pyarrow as pa
        import pyarrow.csv

        columns: dict[str, Any] = dict(zip(feature_names, samples.T, strict=True))
        with atomic(path) as temporary:
            pyarrow.csv.write_csv(pa.table(columns), temporary)
    else:
        wanted = ".png or .npy" if samples.ndim == 4 else ".csv or .npy"
        raise UsageError(f"samples of this run are written as {wanted}, not {path.name!r}")


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
