"""Reading large data: `python -m benchmarks.reading`.

Four sources are made on the spot: a gene matrix as text (4 rows, 20,000 columns), a long table as text (2,000,000 rows,
50 columns), 50,000 PNG images of 28x28 pixels in a folder for each of ten classes, and a sparse matrix of 100,000
cells and 2,000 genes, one in twenty not zero. Each is read in a process of its own. Time is taken by the clock and in
the processor; on a machine with other work only the latter tells much. Memory is the peak beyond what the process held
before reading, beside the size of the data as it is trained on: float32 tables, uint8 images. The images are also
decoded in a bare loop of Pillow calls, and the matrix is also trained on for one epoch.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from eccentric.bench.loss import conditions

if TYPE_CHECKING:
    from collections.abc import Callable

CELL = 1 << 20  # numbers made at once


class Reading(NamedTuple):
    """What reading one source took: seconds by the clock, seconds in the processor, bytes beyond the start."""

    clock: float
    processor: float
    peak: int


def peak() -> int:
    """Bytes; where there is /proc, without those of the parent at its fork, which `getrusage` counts."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def write_table(path: Path, rows: int, columns: int) -> None:
    from pyarrow import csv, table

    random = np.random.default_rng(0)
    names = [f"column{j}" for j in range(columns)]
    step = max(1, CELL // columns)
    writer = None
    for start in range(0, rows, step):
        x = random.normal(size=(columns, min(step, rows - start))).round(4)
        part = table(list(x), names=names)
        writer = writer or csv.CSVWriter(path, part.schema)
        writer.write(part)
    assert writer is not None
    writer.close()


def write_images(folder: Path, count: int) -> None:
    from PIL import Image

    random = np.random.default_rng(0)
    for i in range(count):
        place = folder / str(i % 10)
        place.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (7, 7), dtype=np.uint8))
        coarse.resize((28, 28)).save(place / f"{i}.png")


def write_matrix(path: Path, cells: int, genes: int) -> None:
    import anndata
    import pandas as pd
    from scipy import sparse

    x = sparse.random(cells, genes, 0.05, "csr", np.float32, np.random.default_rng(0))
    with pd.option_context("future.infer_string", False):  # anndata cannot write the strings of pandas 3 yet
        anndata.AnnData(x).write_h5ad(path)


def measure(path: Path, work: str) -> Reading:
    """In this process: load the source, decode it in a bare loop, or load it and train one epoch."""
    import eccentric.training
    from eccentric.data import load

    with tempfile.TemporaryDirectory() as few:  # so that imports are not counted
        write_images(Path(few), 20)
        load(few)
    torch.set_num_threads(1)
    before, clock, processor = peak(), time.perf_counter(), time.process_time()
    if work == "decode":
        decode(path)
    else:
        shown = [0]
        data = load(path, on_progress=lambda done, _: shown.append(done))
        if work == "train":
            config = eccentric.training.TrainConfig(dim=8, epochs=1, batch_size=500, device="cpu")
            with tempfile.TemporaryDirectory() as folder:
                eccentric.training.train(data, config, Path(folder, "run"))
    return Reading(time.perf_counter() - clock, time.process_time() - processor, peak() - before)


def decode(folder: Path) -> None:
    """Pillow alone: open and decode each file once."""
    from PIL import Image

    files = sorted(folder.rglob("*.png"))
    x = np.empty((len(files), 28, 28), np.uint8)
    for i, file in enumerate(files):
        with Image.open(file) as image:
            x[i] = np.asarray(image)


def report(name: str, path: Path, size: int, goal: str, work: str = "load") -> Reading:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(measure, (path, work))
    print(
        f"{name:44s} {found.clock:7.1f} s {found.processor:7.1f} s {found.peak / 1e6:8.0f} MB "
        f"{found.peak / size:6.1f}   {goal}",
        flush=True,
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the sources are made, and kept")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of rows, images and cells")
    parser.add_argument("--only", choices=["text", "images", "sparse"], help="one kind of source")
    options = parser.parse_args()
    print(f"{conditions(torch.device('cpu'))}; load {os.getloadavg()[0]:.1f}")
    print(f"{'':44s} {'clock':>9s} {'processor':>9s} {'memory':>11s} {'ratio':>6s}   goal")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        rows, count, cells = (max(100, int(options.scale * n)) for n in (2_000_000, 50_000, 100_000))

        def made(name: str, write: Callable[[Path], None]) -> Path:
            path = folder / name
            if not path.exists():
                write(path)
            return path

        if options.only in (None, "text"):
            wide = made("wide.csv", lambda path: write_table(path, 4, 20_000))
            report("text, 4 rows x 20,000 columns", wide, 4 * 20_000 * 4, "5 s")
            long = made(f"long{rows}.csv", lambda path: write_table(path, rows, 50))
            report(f"text, {rows:,} rows x 50 columns", long, rows * 50 * 4, "60 s, ratio 3")
        if options.only in (None, "images"):
            images = made(f"images{count}", lambda path: write_images(path, count))
            bare = report(f"{count:,} PNG images, Pillow alone", images, count * 28 * 28, "", "decode")
            ours = report(f"{count:,} PNG images", images, count * 28 * 28, "the speed of Pillow alone")
            print(f"ratio to Pillow alone: {ours.processor / bare.processor:.2f} in the processor")
        if options.only in (None, "sparse"):
            matrix = made(f"sparse{cells}.h5ad", lambda path: write_matrix(path, cells, 2_000))
            dense = cells * 2_000 * 4
            report(f"sparse matrix, {cells:,} cells x 2,000 genes", matrix, dense, "ratio below 1")
            report("the same, and one epoch of training", matrix, dense, "ratio below 1", "train")


if __name__ == "__main__":
    main()
