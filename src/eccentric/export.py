"""Encodings of data and random samples from a trained run, written to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from eccentric.data import load_all
from eccentric.data.items import OtherKind
from eccentric.devices import memory_size
from eccentric.errors import EccentricError, UsageError
from eccentric.evaluation.random_latents import random_latents
from eccentric.files import atomic
from eccentric.inference import decode, encode
from eccentric.runs.latents import Latents, latents_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jaxtyping import Shaped
    from torch import Tensor

    from eccentric.data.items import ItemSpec
    from eccentric.runs import Run


def encode_data(
    run: Run,
    source: str,
    *,
    label: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_note: Callable[[str], None] = lambda note: None,
) -> dict[str, Latents]:
    """Encode all items of a data source with the encoder of `run`, and return their components by split.

    For a method without principal components, the latents z are returned.

    Labels are read from the column `label`; by default from the label column of the run, if the source has it. While
    images are decoded, `on_progress` is called with the number of completed steps and the total number. `on_note` is
    called with each note on the data.

    Raises:
        EccentricError: the data cannot be read, or their shape differs from that of the training data.
    """
    spec = run.spec
    recorded = run.config["data"]
    try:
        data = load_all(
            source,
            label=label,
            preferred_label=recorded.get("label"),
            columns=run.feature_names or None,
            image_size=spec.image_size,
            item_kind=spec.kind,
            pixel_range=recorded.get("pixel_range"),
            on_progress=on_progress,
        )
    except OtherKind:
        raise UsageError(f"{source} has items of another kind than {run.path}, which was trained on {spec}") from None
    for note in data.notes:
        on_note(note)
    model, components = run.model(), run.components if run.has_spectrum else None
    encoded = {}
    for name, split in data.splits.items():
        z = encode(model, fit_items(split.x, data.spec, spec, source))
        encoded[name] = Latents(
            p=(z[:, :0] if components is None else components.encode(z)).numpy(),
            labels=split.label_texts(data.label_names),
            rows=split.rows,
            z=z.numpy() if components is None else None,
            files=None if split.files is None else np.array(split.files),
        )
    return encoded


def fit_items(x: Shaped[Tensor, "n ..."], found: ItemSpec, wanted: ItemSpec, source: str) -> Shaped[Tensor, "n ..."]:
    """Items in the form that a run accepts. Grey images are converted to colour if necessary.

    Raises:
        EccentricError: their shape differs from that of the training items of the run.
    """
    if found.channels == 1 and found.image_size == wanted.image_size:
        return x.expand(-1, *wanted.shape)
    if wanted.is_sequence and found.shape[1:] == wanted.shape[1:]:
        return x  # sequences may have any length
    if found.shape != wanted.shape:
        raise EccentricError(f"{source} contains {found}, but the run was trained on {wanted}; convert the data")
    return x


ENCODINGS = (".parquet", ".csv")


def check_encoding_path(path: Path) -> None:
    """Raise `UsageError` if encodings cannot be written in the format of this file name."""
    if path.suffix.lower() not in ENCODINGS:
        raise UsageError(f"encodings are written as {' or '.join(ENCODINGS)}, not {path.name!r}")


def write_encoding(path: Path, splits: dict[str, Latents]) -> None:
    """Write encodings as .parquet or .csv, with the columns of `latents.parquet`."""
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
    run: Run, count: int, method: str | None = None, seed: int | None = None, length: int | None = None
) -> Shaped[np.ndarray, "n ..."]:
    """Decoded random latents in the units of the data.

    They are uint8 images (n, c, h, w), float32 rows (n, features) or float32 sequences (n, length, features).

    Args:
        method: way of sampling, one of the `Traits.samplings` of the run's method; the first one by default.
        length: number of steps of each sequence; the median of the training sequences by default.

    Raises:
        UsageError: the method of the run does not support this way of sampling, the length is out of range, or the
            samples would need more memory than the machine has.
    """
    steps = _steps(run, length)
    _check_memory(count, run.spec)
    model, components = run.model(), run.components if run.has_spectrum else None
    sampling = model.method.traits.samplings[0] if method is None else method
    raw = decode(model, random_latents(model.method, components, run.training_latents, count, sampling, seed))
    if steps is not None:
        raw = raw[:, :steps]
    return (raw.round().clamp(0, 255).to(torch.uint8) if run.spec.is_image else raw).numpy()


def _steps(run: Run, length: int | None) -> int | None:
    """Number of steps of a sampled sequence; None for items of other kinds."""
    if not run.spec.is_sequence:
        if length is not None:
            raise UsageError(f"{run.path} was trained on {run.spec.noun}, which have no length; leave it out")
        return None
    longest = run.spec.shape[0]
    if length is None:
        return int(run.config["data"].get("lengths", {}).get("median", longest))
    if not 1 <= length <= longest:
        raise UsageError(
            f"length must be from 1 to {longest}, the steps of the longest training sequence, not {length}"
        )
    return length


def _check_memory(count: int, spec: ItemSpec) -> None:
    """Check the memory for the decoder's float32 output and a converted copy."""
    need, have = 8 * count * spec.size, memory_size()
    if have is not None and need > have:
        raise UsageError(
            f"{count:,} samples of {spec} need {need / 1e9:,.0f} GB of memory, and this machine has {have / 1e9:,.0f}; "
            "reduce --count, and write several files with different seeds"
        )


def check_samples_path(path: Path, run: Run) -> None:
    """Raise `UsageError` if samples of the run cannot be written in the format of this file name."""
    channels = run.spec.channels
    known = [".csv", ".npy"] if channels is None else [".png", ".npy"] if channels in (1, 3) else [".npy"]
    if path.suffix.lower() not in known:
        raise UsageError(f"samples of this run are written as {' or '.join(known)}, not {path.name!r}")


def write_samples(path: Path, samples: Shaped[np.ndarray, "n ..."], spec: ItemSpec, feature_names: list[str]) -> None:
    """Write images as one .png sheet, tables as .csv, or any as .npy.

    A .csv file of sequences has one row per step. Its first columns are the numbers of the sample and of the step.
    """
    with atomic(path) as temporary:
        if path.suffix.lower() == ".npy":
            np.save(temporary, samples)
        elif spec.is_image:
            from PIL import Image

            Image.fromarray(_sheet(samples).squeeze()).save(temporary, format="png")
        else:
            import pyarrow as pa
            import pyarrow.csv

            columns: dict[str, np.ndarray] = {}
            if spec.is_sequence:
                numbers = np.indices(samples.shape[:2]).reshape(2, -1)
                columns = dict(zip(("sample", "step"), numbers, strict=True))
                samples = samples.reshape(-1, samples.shape[2])
            columns |= dict(zip(feature_names, samples.T, strict=True))
            pyarrow.csv.write_csv(pa.table(columns), temporary)


def _sheet(images: Shaped[np.ndarray, "n c h w"]) -> Shaped[np.ndarray, "height width c"]:
    """All images on one approximately square sheet, separated by two white pixels."""
    n, channels, height, width = images.shape
    columns = int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    gap = 2
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 255, np.uint8)
    for k, image in enumerate(images):
        top, left = (k // columns) * (height + gap), (k % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return sheet
