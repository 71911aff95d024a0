"""The estimator compared with its rivals: `python -m benchmarks.estimator --data digits gaussian pbmc mnist --seeds 5`.

For each seed, a different fifth of the rows is held out, and all numbers are computed on it. The other rows are for
training, a tenth of them for early stopping where a method has it. The rivals:

- PCA, and kernel PCA with the width and the ridge (of its inverse) that have the lowest error on rows held out from the
  training rows; like the estimator, both standardise columns by the training rows of the fit, resampled or not;
- a plain and a variational autoencoder: methods "plain" and "vae" of the library, trained by the estimator's training
  with its settings (networks, steps, learning rate, precision, early stopping), but from random weights. The variance
  of the variational decoder is learnt (Rybkin et al. 2021), and an item is encoded as the mean;
- for tables, the estimator with weight 0, which shows the effect of the PCA initialisation alone, and with an `anchor`.

Errors are mean squared errors in standard deviations of a column (for MNIST, of pixel values from 0 to 1; with
`--no-standardize`, as a fraction of the variance of all columns). Latents are compared by the axes of the estimator
(anchored), those of the rivals by their principal axes. Neighbour error: error of a 10-nearest-neighbour classifier.
Stability: correlation of components between two fits, the second to as many training rows drawn with replacement, after
optimal alignment on training rows, averaged over the components. `--jobs` trains several models at a time, each in a
process with its share of the cores.

`--trust` measures `component_stability_` on signals in noise instead; `--speed` measures `fit` and `transform`.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import sklearn
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, KernelPCA
from sklearn.neighbors import KNeighborsClassifier
from torch.nn.functional import interpolate, pad

from eccentric import EccentricAutoencoder
from eccentric.alignment import component_stability
from eccentric.data import ItemSpec, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Method = Callable[["Split", int, int], "Coded"]

ANCHORS = (0.01, 0.1)
KERNEL_ROWS = 4000  # the time of kernel PCA grows with their cube
GENES_LABEL = "bulk_labels"
NOT_GENES = ("cell_id", "louvain", "phase", "n_genes", "n_counts", "percent_mito", "S_score", "G2M_score")


@dataclass
class Rows:
    """A data set: raw items, labels if it has any, and the number of components to learn."""

    x: np.ndarray
    labels: np.ndarray | None
    dim: int
    spec: ItemSpec


@dataclass
class Split:
    """Raw rows for training and held out. The first tenth of those for training is for choosing settings."""

    train: np.ndarray
    test: np.ndarray
    labels: tuple[np.ndarray, np.ndarray] | None
    """Labels of `coded` and of `test`."""
    rows: np.ndarray
    """Places in `train` that are fitted on: all, or a random choice with replacement."""
    units_of: Callable[[np.ndarray], Units]
    """Units of a method that is fitted to given rows."""
    standardize: bool
    """Whether columns of tables are standardised one by one."""

    @property
    def units(self) -> Units:
        """Those in which errors are measured."""
        return self.units_of(self.train)

    @property
    def stop(self) -> int:
        """Number of the rows for choosing settings."""
        return len(self.train) // 10

    @property
    def coded(self) -> np.ndarray:
        """The training rows that are encoded."""
        return self.train[self.stop :]

    def resampled(self, seed: int) -> Split:
        """The same rows to encode, but as many to fit on drawn with replacement."""
        n = len(self.train)
        return replace(self, rows=np.sort(np.random.default_rng([seed, 1]).integers(n, size=n)))


@dataclass
class Units:
    """Standardised columns of a table, columns divided by one number, or pixels from 0 to 1."""

    shift: np.ndarray | float
    spread: np.ndarray | float

    @classmethod
    def of(cls, x: np.ndarray, *, image: bool, standardize: bool) -> Units:
        if image:
            return cls(0.0, 255.0)
        spread = x.std(0) if standardize else np.sqrt(x.var(0).mean())
        return cls(x.mean(0), np.where(spread == 0, 1, spread))

    def standardize(self, x: np.ndarray) -> np.ndarray:
        return ((x - self.shift) / self.spread).astype(np.float32).reshape(len(x), -1)

    def raw(self, z: np.ndarray) -> np.ndarray:
        """The inverse of `standardize`, with flat items."""
        return np.asarray(z * np.ravel(self.spread) + np.ravel(self.shift))


@dataclass
class Coded:
    """Results of a method on a split: error on the held-out rows, encodings of `coded` and `test`, and time of fit."""

    error: float
    train: np.ndarray
    test: np.ndarray
    seconds: float


def digits() -> Rows:
    x, y = load_digits(return_X_y=True)
    return Rows(x.astype(np.float32), y, 6, ItemSpec("table", (64,)))


def gaussian() -> Rows:
    """2000 rows of 30 correlated columns; the variances of the principal components fall as 1/k. PCA is optimal."""
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.normal(size=(30, 30)))[0]
    x = random.normal(size=(2000, 30)) / np.sqrt(np.arange(1, 31)) @ axes.T
    return Rows(x.astype(np.float32), None, 6, ItemSpec("table", (30,)))


def pbmc() -> Rows:
    return _loaded("pbmc68k_reduced", 8, label=GENES_LABEL, drop=NOT_GENES)


def mnist() -> Rows:
    return _loaded("mnist", 8)


def framed() -> Rows:
    """3000 digits of MNIST, cut out and scaled to fill 16x16 pixels, as in USPS, as rows of 256 columns."""
    rows = _some_digits()
    x = [_filling_the_frame(torch.from_numpy(image[0].astype(np.float32))) for image in rows.x]
    return Rows(torch.stack(x).flatten(1).numpy(), rows.labels, 8, ItemSpec("table", (256,)))


def blank() -> Rows:
    """3000 images of MNIST at 16x16 pixels as rows of 256 columns. Pixels at the border are almost always blank."""
    rows = _some_digits()
    x = np.pad(rows.x[:, 0].astype(np.float32), ((0, 0), (2, 2), (2, 2))).reshape(-1, 16, 2, 16, 2).mean((2, 4))
    return Rows(x.reshape(-1, 256), rows.labels, 8, ItemSpec("table", (256,)))


def _filling_the_frame(image: Tensor) -> Tensor:
    """A digit of 16x16 pixels of which the longer side fills the frame."""
    rows, columns = image.any(1).nonzero(), image.any(0).nonzero()
    cut = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = cut.shape
    side = max(height, width)
    left, top = (side - width) // 2, (side - height) // 2
    square = pad(cut, (left, side - width - left, top, side - height - top))
    return interpolate(square[None, None], (16, 16), mode="bilinear", antialias=True)[0, 0]


def _some_digits() -> Rows:
    images = _loaded("mnist", 8)
    some = np.random.default_rng(0).permutation(len(images.x))[:3000]
    assert images.labels is not None
    return replace(images, x=images.x[some], labels=images.labels[some])


def _loaded(name: str, dim: int, **options: Any) -> Rows:
    data = load(name, **options)
    labels = [split.labels for split in (data.train, data.test) if split.labels is not None]
    return Rows(torch.cat([data.train.x, data.test.x]).numpy(), np.concatenate(labels), dim, data.spec)


DATA = {"digits": digits, "gaussian": gaussian, "pbmc": pbmc, "mnist": mnist, "framed": framed, "blank": blank}


def split(rows: Rows, seed: int, standardize: bool = True) -> Split:
    order = np.random.default_rng(seed).permutation(len(rows.x))
    cut = len(order) // 5
    test, train = order[:cut], order[cut:]
    units_of = partial(Units.of, image=rows.spec.is_image, standardize=standardize)
    found = Split(rows.x[train], rows.x[test], None, np.arange(len(train)), units_of, standardize)
    if rows.labels is None:
        return found
    return replace(found, labels=(rows.labels[train[found.stop :]], rows.labels[test]))


def linear(data: Split, dim: int, seed: int) -> Coded:
    start = time.perf_counter()
    own = data.units_of(data.train[data.rows])
    pca = PCA(dim, random_state=seed).fit(own.standardize(data.train[data.rows]))
    seconds = time.perf_counter() - start
    return _coded(
        lambda x: pca.transform(own.standardize(x)), lambda p: own.raw(pca.inverse_transform(p)), data, seconds
    )


def kernel(data: Split, dim: int, seed: int) -> Coded:
    start = time.perf_counter()
    own = data.units_of(data.train[data.rows])
    rows = data.rows[data.rows >= data.stop]
    fitted_on = own.standardize(data.train[np.random.default_rng(seed).permutation(rows)[:KERNEL_ROWS]])
    stop = own.standardize(data.train[: data.stop])

    def fit(width: float, ridge: float) -> KernelPCA:
        gamma = width / fitted_on.shape[1]
        return KernelPCA(
            dim, kernel="rbf", gamma=gamma, fit_inverse_transform=True, alpha=ridge, random_state=seed
        ).fit(fitted_on)

    def error(model: KernelPCA) -> float:
        return float(np.square(model.inverse_transform(model.transform(stop)) - stop).mean())

    settings = [(width, ridge) for width in (0.01, 0.1, 0.3, 1.0) for ridge in (1e-3, 1e-2, 1e-1)]
    best = fit(*min(settings, key=lambda chosen: error(fit(*chosen))))
    seconds = time.perf_counter() - start

    def encode(x: np.ndarray) -> np.ndarray:
        parts = np.array_split(own.standardize(x), max(1, len(x) // KERNEL_ROWS))
        return np.concatenate([best.transform(part) for part in parts])

    return _coded(encode, lambda p: own.raw(best.inverse_transform(p)), data, seconds)


def ours(**parameters: Any) -> Method:
    """The estimator, with other parameters than its defaults."""

    def fit(data: Split, dim: int, seed: int) -> Coded:
        start = time.perf_counter()
        estimator = EccentricAutoencoder(dim, random_state=seed, standardize=data.standardize, **parameters)
        estimator.fit(data.train[data.rows])
        return _coded(estimator.transform, estimator.inverse_transform, data, time.perf_counter() - start)

    return fit


def rival(method: str) -> Method:
    """The estimator's training with another method, from random weights and with the principal axes of the latents."""
    return ours(method=method, start="random", axes="principal")


def _coded(
    encode: Callable[[np.ndarray], np.ndarray], decode: Callable[[np.ndarray], np.ndarray], data: Split, seconds: float
) -> Coded:
    test = encode(data.test)
    made = data.units.standardize(decode(test).reshape(data.test.shape))
    error = float(np.square(made - data.units.standardize(data.test)).mean())
    return Coded(error, encode(data.coded), test, seconds)


WITHOUT_LOSS, ANCHORED = "EccentricAutoencoder, weight 0", "EccentricAutoencoder, anchor {}"
METHODS: dict[str, Method] = {
    "EccentricAutoencoder": ours(),
    "PCA": linear,
    "kernel PCA": kernel,
    "plain autoencoder": rival("plain"),
    "variational autoencoder": rival("vae"),
    WITHOUT_LOSS: ours(weight=0.0),
    **{ANCHORED.format(anchor): ours(anchor=anchor) for anchor in ANCHORS},
}
FOR_TABLES = {WITHOUT_LOSS, *map(ANCHORED.format, ANCHORS)}


def measure(name: str, method: str, seed: int, standardize: bool) -> dict[str, float]:
    """Results of one method on one split, and their stability against a second training on resampled rows."""
    rows = DATA[name]()
    data = split(rows, seed, standardize)
    first = METHODS[method](data, rows.dim, seed)
    found = {"error": first.error, "seconds": first.seconds}
    if data.labels is not None:
        nearest = KNeighborsClassifier(10).fit(first.train, data.labels[0])
        found["neighbours"] = 100 * (1 - nearest.score(first.test, data.labels[1]))
    again = METHODS[method](data.resampled(seed), rows.dim, seed + 1000)
    agreement = component_stability([first.train, again.train], [first.test, again.test])
    found["stability"] = float(agreement.correlation.mean())
    return found


def compare(
    name: str, seeds: int, jobs: int, standardize: bool, measure: Callable[[str, str, int, bool], dict[str, float]]
) -> None:
    rows = DATA[name]()
    shape = rows.x.shape
    methods = [method for method in METHODS if method not in FOR_TABLES or rows.spec.is_table]
    tasks = list(itertools.product(range(seeds), methods))
    work = joblib.Parallel(jobs, return_as="generator")(
        joblib.delayed(measure)(name, method, seed, standardize) for seed, method in tasks
    )
    found: dict[str, list[dict[str, float]]] = {method: [] for method in methods}
    for (seed, method), values in zip(tasks, work, strict=True):
        found[method].append(values)
        numbers = ", ".join(f"{key} {value:.4g}" for key, value in values.items())
        print(f"{name}, seed {seed}, {method}: {numbers}", file=sys.stderr, flush=True)
    print(f"\n{name}: {shape[0]:,} items of {' x '.join(map(str, shape[1:]))}, d = {rows.dim}\n")
    print("| | reconstruction error | neighbour error, % | stability | fit, s |\n| --- | --- | --- | --- | --- |")
    for method, each in found.items():
        cells = [
            _cell([values[key] for values in each if key in values], digits)
            for key, digits in (("error", 4), ("neighbours", 1), ("stability", 2))
        ]
        print(f"| {method} | {' | '.join(cells)} | {np.mean([values['seconds'] for values in each]):.1f} |", flush=True)


def _cell(values: list[float], digits: int) -> str:
    return (
        f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"
        if len(values) > 1
        else "".join(f"{value:.{digits}f}" for value in values)
    )


def trust(seeds: int) -> None:
    """Stability for 600 rows with signals of standard deviation 4, 3 and 2 and 17 directions of noise of 1, rotated."""
    found = []
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        spread = np.r_[4, 3, 2, np.ones(17)]
        x = random.normal(size=(600, 20)) * spread @ np.linalg.qr(random.normal(size=(20, 20)))[0].T
        # Standardised columns would scale the noise as well, and it would no longer be isotropic.
        model = EccentricAutoencoder(6, n_runs=3, standardize=False, random_state=seed).fit(x.astype(np.float32))
        found.append([model.explained_variance_, model.component_stability_])
    variance, stability = np.swapaxes(found, 0, 1)
    print("| component | " + " | ".join(str(k + 1) for k in range(6)) + " |\n" + 7 * "| --- " + "|")
    for name, values in (("variance", variance), ("stability", stability)):
        print(f"| {name} | " + " | ".join(_cell(list(column), 2) for column in values.T) + " |")
    print(f"\nnoise: stability from {stability[:, 3:].min():.2f} to {stability[:, 3:].max():.2f}")


def speed(most: int) -> None:
    """Time of `fit` (of at most `most` rows) and of `transform`, for growing numbers of rows and of features."""
    random = np.random.default_rng(0)

    def low_rank(n: int, f: int) -> np.ndarray:
        factors = random.normal(size=(n, 8)).astype(np.float32)
        x: np.ndarray = np.tanh(factors @ random.normal(size=(8, f)).astype(np.float32))
        return x + 0.1 * random.normal(size=(n, f)).astype(np.float32)

    print("| rows | features | fit, s | epochs | transform, s | transform, rows/s |")
    print("| --- | --- | --- | --- | --- | --- |")
    fitted = None
    for n, f in ((1_000, 64), (10_000, 64), (100_000, 64), (1_000_000, 64), (10_000, 256), (10_000, 1024)):
        x = low_rank(n, f)
        cells = ["", ""]
        if n <= most:
            start = time.perf_counter()
            fitted = EccentricAutoencoder(random_state=0).fit(x)
            cells = [f"{time.perf_counter() - start:.1f}", f"{fitted.n_iter_}"]
        elif fitted is None or fitted.n_features_in_ != f:
            fitted = EccentricAutoencoder(random_state=0).fit(x[:most])
        assert fitted is not None
        start = time.perf_counter()
        fitted.transform(x)
        seconds = time.perf_counter() - start
        print(f"| {n:,} | {f} | {' | '.join(cells)} | {seconds:.2f} | {n / seconds:,.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", nargs="+", choices=list(DATA), default=["digits", "gaussian", "pbmc"], help="data sets"
    )
    parser.add_argument("--seeds", type=int, default=5, help="number of splits")
    parser.add_argument("--jobs", type=int, default=1, help="number of trainings at a time")
    parser.add_argument("--cache", help="folder for finished results, so that an interrupted run can be resumed")
    parser.add_argument(
        "--standardize",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="standardise the columns of tables one by one; otherwise all are divided by the same number",
    )
    parser.add_argument("--trust", action="store_true", help="measure component_stability_ on signals in noise")
    parser.add_argument("--speed", action="store_true", help="measure the time of fit and transform")
    parser.add_argument("--most-rows", type=int, default=1_000_000, help="largest number of rows of a timed fit")
    options = parser.parse_args()
    print(
        f"{platform.machine()} CPU, {torch.get_num_threads()} threads, {options.jobs} at a time; "
        f"PyTorch {torch.__version__}, scikit-learn {sklearn.__version__}, Python {platform.python_version()}"
    )
    if options.speed:
        speed(options.most_rows)
        return
    if options.trust:
        trust(options.seeds)
        return
    for name in options.data:
        compare(
            name,
            options.seeds,
            options.jobs,
            options.standardize,
            joblib.Memory(options.cache, verbose=0).cache(measure),
        )


if __name__ == "__main__":
    main()
