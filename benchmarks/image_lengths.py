"""Length of the estimator's training on images: `python -m benchmarks.image_lengths --images 8000 --seeds 1`.

Prints the held-out error and the CPU time of `fit` for several batch sizes, numbers of steps and learning rates, from a
random start and from PCA. Error: mean squared reconstruction error of 3,000 other images, pixel values from 0 to 1.
Ratios of time refer to the first row, the default length from a random start.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from typing import Literal, NamedTuple

import numpy as np
import torch

from eccentric import EccentricAutoencoder
from eccentric.data import load

Start = Literal["pca", "random"]
DIM, OTHERS, HELD_OUT = 8, 3000, 0.1


class Setting(NamedTuple):
    start: Start
    batch: int
    steps: int
    rate: float
    anchor: float | Literal["auto"] = "auto"


SETTINGS = (
    Setting("random", 128, 1500, 0.004),
    Setting("random", 64, 1500, 0.008),
    Setting("random", 128, 750, 0.008),
    Setting("pca", 128, 1500, 0.004),
    Setting("pca", 64, 1500, 0.008),
    Setting("pca", 64, 1500, 0.008, anchor=0.0),
    Setting("pca", 128, 750, 0.008),
    Setting("random", 256, 1500, 0.001),  # the defaults before image networks had their own
)


def fit(setting: Setting, images: np.ndarray, seed: int) -> tuple[float, float]:
    """Error on the last images, and CPU seconds of a fit to the others."""
    train, test = images[:-OTHERS], images[-OTHERS:]
    epochs = round(setting.steps / np.ceil((1 - HELD_OUT) * len(train) / setting.batch))
    model = EccentricAutoencoder(
        DIM,
        random_state=seed,
        start=setting.start,
        anchor=setting.anchor,
        batch_size=setting.batch,
        max_epochs=epochs,
        learning_rate=setting.rate,
    )
    begun = time.process_time()
    model.fit(train)
    spent = time.process_time() - begun
    decoded = model.inverse_transform(model.transform(test))
    return float(((decoded - test.astype(np.float64)) ** 2).mean()) / 255**2, spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--images", type=int, default=8000, help="images of each fit")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = np.asarray(load(given.data).train.x)
    print(
        f"{given.data}, {given.images} images, d = {DIM}, {given.seeds} seeds; {platform.machine()}, {os.cpu_count()} "
        f"cores, PyTorch {torch.__version__}, one thread"
    )
    print(f"| start | batch | steps | learning rate | anchor | error | CPU s | time |\n|{' --- |' * 8}", flush=True)
    first = None
    for setting in SETTINGS:
        values = []
        for seed in range(given.seeds):
            drawn = np.random.default_rng(100 + seed).permutation(len(found))[: given.images + OTHERS]
            values.append(fit(setting, found[drawn], seed))
        error, spent = np.mean(values, axis=0)
        first = first or spent
        told = " | ".join(map(str, setting))
        print(f"| {told} | {error:.4f} | {spent:.0f} | {spent / first:.2f} |", flush=True)


if __name__ == "__main__":
    main()
