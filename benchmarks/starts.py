"""Starts and axes of the estimator on images: `python -m benchmarks.starts --seeds 3` (needs MNIST).

For each seed, 4,000 training images and 3,000 others are drawn. The estimator is fitted twice with each start, the
second time to as many images drawn with replacement. Stability: mean correlation of matched components between the two
fits, on the other images, for the anchored axes, for the principal axes of the same latents, and for PCA of the same
images. Error: mean squared reconstruction error of the other images, pixel values from 0 to 1.
"""

from __future__ import annotations

import argparse
import platform
from collections import defaultdict
from typing import Literal

import numpy as np
import torch
from sklearn.decomposition import PCA

from eccentric import DeepComponents, EccentricAutoencoder
from eccentric.alignment import component_stability
from eccentric.data import load

Start = Literal["pca", "random"]
DIM, TRAIN, TEST, EPOCHS = 8, 4000, 3000, 20
STARTS: tuple[Start, ...] = ("pca", "random")
Codes = tuple[np.ndarray, np.ndarray]


def codes(
    start: Start, x: np.ndarray, train: np.ndarray, test: np.ndarray, seed: int
) -> tuple[dict[str, Codes], float]:
    """Components of `train` and `test` along each kind of axes for a fit to `x`, and the error on `test`."""
    found: dict[str, Codes] = {}
    model = EccentricAutoencoder(DIM, random_state=seed, start=start, max_epochs=EPOCHS, axes="anchored").fit(x)
    found["anchored"] = model.transform(train), model.transform(test)
    # The latents up to a rotation, which the principal axes do not depend on.
    principal = DeepComponents().fit(torch.from_numpy(model.transform(x)))
    found["principal"] = tuple(principal.encode(torch.from_numpy(p)).numpy() for p in found["anchored"])  # type: ignore[assignment]
    error = float(((model.inverse_transform(found["anchored"][1]) - test.astype(np.float64)) ** 2).mean()) / 255**2
    return found, error


def linear(x: np.ndarray, train: np.ndarray, test: np.ndarray) -> Codes:
    pca = PCA(DIM, random_state=0).fit(x.reshape(len(x), -1))
    return pca.transform(train.reshape(len(train), -1)), pca.transform(test.reshape(len(test), -1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    images = np.asarray(load("mnist").train.x)
    results: dict[str, list[float]] = defaultdict(list)
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        drawn = images[random.permutation(len(images))[: TRAIN + TEST]]
        train, test = drawn[:TRAIN], drawn[TRAIN:]
        fits = [train, train[np.sort(random.integers(TRAIN, size=TRAIN))]]
        pairs: dict[str, list[Codes]] = {"PCA": [linear(x, train, test) for x in fits]}
        for start in STARTS:
            for number, x in enumerate(fits):
                found, error = codes(start, x, train, test, 2 * seed + number)
                results[f"start {start}: error"].append(error)
                for axes, code in found.items():
                    pairs.setdefault(f"start {start}: stability along {axes} axes", []).append(code)
        for name, (first, second) in pairs.items():
            stability = component_stability([first[0], second[0]], [first[1], second[1]])
            results[name].append(float(stability.correlation.mean()))
        print(f"seed {seed}: " + ", ".join(f"{name} {values[-1]:.4f}" for name, values in results.items()), flush=True)
    print(f"\nMNIST, d = {DIM}, {seeds} seeds; {platform.machine()}, PyTorch {torch.__version__}")
    for name, values in sorted(results.items()):
        print(f"{name}: {np.mean(values):.4f} ± {np.std(values, ddof=1) if len(values) > 1 else float('nan'):.4f}")


if __name__ == "__main__":
    main()
