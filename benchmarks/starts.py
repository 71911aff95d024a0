"""Starts of the estimator on images: `python -m benchmarks.starts --data digits --images 1000 --seeds 5`.

For each seed, training images and up to 3,000 others are drawn. The estimator is fitted twice with each start, the
second time to as many images drawn with replacement. Stability: mean correlation of matched components between the two
fits, on the other images, for the anchored axes, for the principal axes of the same latents, and for PCA of the same
images. Error: mean squared reconstruction error of the other images, pixel values from 0 to 1.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections import defaultdict
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.decomposition import PCA

from eccentric import DeepComponents, EccentricAutoencoder
from eccentric.alignment import component_stability
from eccentric.data import load

if TYPE_CHECKING:
    from collections.abc import Iterator

Start = Literal["pca", "random"]
DIM, MOST_OTHERS = 8, 3000
STARTS: tuple[Start, ...] = ("pca", "random")
Codes = tuple[np.ndarray, np.ndarray]


def codes(
    start: Start, weight: float | None, x: np.ndarray, train: np.ndarray, test: np.ndarray, seed: int
) -> tuple[dict[str, Codes], float]:
    """Components of `train` and `test` along each kind of axes for a fit to `x`, and the error on `test`."""
    found: dict[str, Codes] = {}
    model = EccentricAutoencoder(DIM, weight=weight, random_state=seed, start=start, axes="anchored").fit(x)
    found["anchored"] = model.transform(train), model.transform(test)
    # The latents up to a rotation, which the principal axes do not depend on.
    principal = DeepComponents().fit(torch.from_numpy(model.transform(x)))
    found["principal"] = cast("Codes", tuple(principal.encode(torch.from_numpy(p)).numpy() for p in found["anchored"]))
    error = float(((model.inverse_transform(found["anchored"][1]) - test.astype(np.float64)) ** 2).mean()) / 255**2
    return found, error


def linear(x: np.ndarray, train: np.ndarray, test: np.ndarray) -> Codes:
    pca = PCA(DIM, random_state=0).fit(x.reshape(len(x), -1))
    return pca.transform(train.reshape(len(train), -1)), pca.transform(test.reshape(len(test), -1))


def stability(first: Codes, second: Codes) -> float:
    return float(component_stability([first[0], second[0]], [first[1], second[1]]).correlation.mean())


def measure(start: Start, weight: float | None, data: str, count: int, seed: int) -> dict[str, float]:
    """Values by name, from one pair of fits."""
    torch.set_num_threads(1)
    images = np.asarray(load(data).train.x)
    random = np.random.default_rng(seed)
    drawn = images[random.permutation(len(images))[: count + MOST_OTHERS]]
    train, test = drawn[:count], drawn[count:]
    fits = [train, train[np.sort(random.integers(count, size=count))]]
    (first, error), (second, error_again) = (
        codes(start, weight, x, train, test, 2 * seed + k) for k, x in enumerate(fits)
    )
    values = {f"stability along {axes} axes": stability(first[axes], second[axes]) for axes in first}
    return {
        **values,
        "error": error,
        "error of the fit to resampled images": error_again,
        "PCA: stability": stability(*(linear(x, train, test) for x in fits)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", choices=("digits", "mnist"), default="mnist")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=STARTS)
    parser.add_argument("--weight", type=float, help="weight of the Eccentric loss; that of the estimator by default")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    wanted = [
        (start, given.weight, given.data, given.images, seed) for seed in range(given.seeds) for start in given.starts
    ]
    # As they are finished, so that an interrupted comparison is not lost.
    running = cast(
        "Iterator[dict[str, float]]",
        Parallel(n_jobs=given.jobs, return_as="generator")(delayed(measure)(*each) for each in wanted),
    )
    results: dict[str, list[float]] = defaultdict(list)
    for (start, *_, seed), values in zip(wanted, running, strict=True):
        shown = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
        print(f"start {start}, seed {seed}: {shown}", flush=True)
        for name, value in values.items():
            results[name if name.startswith("PCA") else f"start {start}: {name}"].append(value)
    print(
        f"\n{given.data}, {given.images:,} images, d = {DIM}, {given.seeds} seeds; {platform.machine()}, PyTorch "
        f"{torch.__version__}, one thread per fit"
    )
    for name, each in sorted(results.items()):
        print(f"{name}: {np.mean(each):.4f} ± {np.std(each, ddof=1) if len(each) > 1 else float('nan'):.4f}")


if __name__ == "__main__":
    main()
