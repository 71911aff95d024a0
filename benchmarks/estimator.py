"""The estimator beside its rivals: `python -m benchmarks.estimator --data digits gaussian pbmc mnist --seeds 5`.

For each seed another fifth of the rows is held out, on which all numbers are; everything else is for training, a tenth
of it for early stopping where a method has it. The rivals:

- PCA, and kernel PCA with the width and the ridge (of its inverse) that reconstruct those early-stopping rows best;
- a plain autoencoder: the same network, steps, rate, precision and early stopping, from a random start, without the
  loss;
- a variational autoencoder with the same network (and as many log-variances), the variance of its decoder learnt
  (Rybkin et al. 2021), its code the mean;
- for tables, the estimator with weight 0, which is what the start from PCA brings by itself.

Errors are mean squared, in standard deviations of a column (of 0 to 1 for MNIST's pixels). Codes are compared by their
principal components. Neighbours: error of a 10-nearest-neighbour classifier. Stability: correlation of components
between two trainings with the same rows, after optimal alignment on training rows, averaged over the components.
`--jobs` trains side by side, each in a process with its share of the cores.

`--trust` shows `component_stability_` on signals in noise instead; `--speed` measures `fit` and `transform`.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import sklearn
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, KernelPCA
from sklearn.neighbors import KNeighborsClassifier
from torch.nn.functional import mse_loss

from eccentric import DeepComponents, EccentricAutoencoder
from eccentric.alignment import component_stability
from eccentric.data import ItemSpec, load
from eccentric.estimator import fitting
from eccentric.models import build_networks
from eccentric.training import engine as engines
from eccentric.training.config import TrainConfig
from eccentric.training.schedule import rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

KERNEL_ROWS = 4000  # kernel PCA takes time with the cube of them
GENES_LABEL = "bulk_labels"
NOT_GENES = ("cell_id", "louvain", "phase", "n_genes", "n_counts", "percent_mito", "S_score", "G2M_score")


@dataclass
class Rows:
    """A data set: raw rows or images, maybe labels, and how many components."""

    x: np.ndarray
    labels: np.ndarray | None
    dim: int


@dataclass
class Split:
    """Standardised rows: to train on, to stop by, and held out; `raw` are the first two together and the third."""

    train: Tensor
    stop: Tensor
    test: Tensor
    raw: tuple[np.ndarray, np.ndarray]
    labels: tuple[np.ndarray, np.ndarray] | None


@dataclass
class Coded:
    """What a method makes of a split."""

    error: float
    train: np.ndarray
    test: np.ndarray
    seconds: float


def digits() -> Rows:
    x, y = load_digits(return_X_y=True)
    return Rows(x.astype(np.float32), y, 6)


def gaussian() -> Rows:
    """2000 rows of 30 columns that correlate; variances of the principal components fall as 1/k. PCA is optimal."""
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.normal(size=(30, 30)))[0]
    x = random.normal(size=(2000, 30)) / np.sqrt(np.arange(1, 31)) @ axes.T
    return Rows(x.astype(np.float32), None, 6)


def pbmc() -> Rows:
    return _loaded("pbmc68k_reduced", 8, label=GENES_LABEL, drop=NOT_GENES)


def mnist() -> Rows:
    return _loaded("mnist", 8)


def _loaded(name: str, dim: int, **options: Any) -> Rows:
    data = load(name, **options)
    labels = [split.labels for split in (data.train, data.test) if split.labels is not None]
    return Rows(torch.cat([data.train.x, data.test.x]).numpy(), np.concatenate(labels), dim)


DATA = {"digits": digits, "gaussian": gaussian, "pbmc": pbmc, "mnist": mnist}


def split(rows: Rows, seed: int) -> Split:
    order = np.random.default_rng(seed).permutation(len(rows.x))
    cut = len(order) // 5
    test, train = order[:cut], order[cut:]
    if rows.x.ndim == 4:
        shift, spread = np.float32(0), np.float32(255)
    else:
        shift, spread = rows.x[train].mean(0), rows.x[train].std(0)
        spread[spread == 0] = 1
    z = torch.from_numpy(((rows.x - shift) / spread).astype(np.float32))
    stop = len(train) // 10
    labels = None if rows.labels is None else (rows.labels[train[stop:]], rows.labels[test])
    return Split(z[train[stop:]], z[train[:stop]], z[test], (rows.x[train], rows.x[test]), labels)


def linear(data: Split, dim: int, seed: int) -> Coded:
    start = time.perf_counter()
    train = torch.cat([data.train, data.stop]).flatten(1).numpy()
    pca = PCA(dim, random_state=seed).fit(train)
    seconds = time.perf_counter() - start
    p, test = pca.transform(data.test.flatten(1).numpy()), data.test.flatten(1).numpy()
    error = float(np.square(pca.inverse_transform(p) - test).mean())
    return Coded(error, pca.transform(data.train.flatten(1).numpy()), p, seconds)


def kernel(data: Split, dim: int, seed: int) -> Coded:
    start = time.perf_counter()
    train, stop, test = (x.flatten(1).numpy() for x in (data.train, data.stop, data.test))
    fitted_on = np.random.default_rng(seed).permutation(len(train))[:KERNEL_ROWS]

    def fit(width: float, ridge: float) -> KernelPCA:
        return KernelPCA(
            dim, kernel="rbf", gamma=width / train.shape[1], fit_inverse_transform=True, alpha=ridge, random_state=seed
        ).fit(train[fitted_on])

    def error(model: KernelPCA, x: np.ndarray) -> float:
        return float(np.square(model.inverse_transform(model.transform(x)) - x).mean())

    settings = [(width, ridge) for width in (0.01, 0.1, 0.3, 1.0) for ridge in (1e-3, 1e-2, 1e-1)]
    best = fit(*min(settings, key=lambda chosen: error(fit(*chosen), stop)))

    def code(x: np.ndarray) -> np.ndarray:
        return np.concatenate([best.transform(part) for part in np.array_split(x, max(1, len(x) // KERNEL_ROWS))])

    return Coded(error(best, test), code(train), code(test), time.perf_counter() - start)


def ours(weight: float | None = None) -> Callable[[Split, int, int], Coded]:
    def method(data: Split, dim: int, seed: int) -> Coded:
        parameters: dict[str, Any] = {} if weight is None else {"weight": weight}
        start = time.perf_counter()
        model = EccentricAutoencoder(dim, random_state=seed, **parameters).fit(data.raw[0])
        seconds = time.perf_counter() - start
        made = model.inverse_transform(model.transform(data.raw[1]))
        raw = data.raw[1].reshape(made.shape)
        unit = model._fitted.model.scale.numpy()
        error = float(np.square((made - raw) / unit).mean())
        stop = len(data.stop)  # the rows come first, and the rivals do not train on them
        return Coded(error, model.transform(data.raw[0][stop:]), model.transform(data.raw[1]), seconds)

    return method


def _spec(x: Tensor) -> ItemSpec:
    return ItemSpec("image" if x.ndim == 4 else "table", tuple(x.shape[1:]))


def plain(data: Split, dim: int, seed: int) -> Coded:
    torch.manual_seed(seed)
    encoder, decoder = build_networks(_spec(data.train), "auto", dim)

    def loss(x: Tensor) -> Tensor:
        return mse_loss(decoder(encoder(x)), x)

    return _trained(data, encoder, decoder, lambda z: z, loss, lambda x: mse_loss(decoder(encoder(x)), x), seed)


def variational(data: Split, dim: int, seed: int) -> Coded:
    torch.manual_seed(seed)
    encoder, decoder = build_networks(_spec(data.train), "auto", dim, latent_width=2 * dim)
    numbers = data.train[0].numel()

    def loss(x: Tensor) -> Tensor:
        mean, log_variance = encoder(x).float().chunk(2, 1)  # under autocast as well
        log_variance = log_variance.clamp(-10, 10)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        # The best variance of the decoder is the mean squared error itself; per number, so that the rate is that of
        # the others.
        return 0.5 * mse_loss(decoder(z), x).log() + divergence / numbers

    def error(x: Tensor) -> Tensor:
        return mse_loss(decoder(encoder(x)[:, :dim]), x)

    return _trained(data, encoder, decoder, lambda z: z[:, :dim], loss, error, seed)


def _trained(
    data: Split,
    encoder: nn.Module,
    decoder: nn.Module,
    code: Callable[[Tensor], Tensor],
    loss: Callable[[Tensor], Tensor],
    error: Callable[[Tensor], Tensor],
    seed: int,
) -> Coded:
    """The estimator's training, for any loss: batches, steps, Adam, rate, precision, early stopping."""
    start = time.perf_counter()
    images = data.train.ndim == 4
    size = fitting.batch_size_for(len(data.train), images)
    steps = len(data.train) // size
    peak = fitting.IMAGE_RATE if images else fitting.RATE
    config = TrainConfig(epochs=fitting.epochs_for(steps), learning_rate=peak, schedule="one-cycle", device="cpu")
    engine = engines.start(config, work=0, images=images, ranks=False)
    networks = torch.nn.ModuleList([encoder, decoder])
    if images:
        networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    adam = torch.optim.Adam(networks.parameters(), peak, weight_decay=config.weight_decay, fused=True)
    order = torch.Generator().manual_seed(seed)
    patience = max(5, round(fitting.PATIENCE * config.epochs))
    best, best_epoch, step = float("inf"), 0, 0
    kept = {name: tensor.clone() for name, tensor in networks.state_dict().items()}
    for epoch in range(config.epochs):
        networks.train()
        for batch in torch.randperm(len(data.train), generator=order).split(size)[:steps]:
            for group in adam.param_groups:
                group["lr"] = rate(config, step, steps)
            adam.zero_grad()
            with engine.fabric.autocast():
                objective = loss(data.train[batch])
            objective.backward()
            adam.step()
            step += 1
        if (now := _mean(networks, error, data.stop)) < best:
            best, best_epoch = now, epoch
            kept = {name: tensor.clone() for name, tensor in networks.state_dict().items()}
        elif epoch - best_epoch >= patience:
            break
    networks.load_state_dict(kept)
    seconds = time.perf_counter() - start
    networks.eval()
    with torch.no_grad():
        z = [torch.cat([code(encoder(part)) for part in x.split(1000)]) for x in (data.train, data.test)]
    components = DeepComponents().fit(z[0])
    train, test = (components.encode(latents).numpy() for latents in z)
    return Coded(_mean(networks, error, data.test), train, test, seconds)


@torch.no_grad()
def _mean(networks: nn.Module, error: Callable[[Tensor], Tensor], x: Tensor) -> float:
    networks.eval()
    return sum(error(part).item() * len(part) for part in x.split(1000)) / len(x)


WITHOUT_LOSS = "EccentricAutoencoder, weight 0"
METHODS: dict[str, Callable[[Split, int, int], Coded]] = {
    "EccentricAutoencoder": ours(),
    "PCA": linear,
    "kernel PCA": kernel,
    "plain autoencoder": plain,
    "variational autoencoder": variational,
    WITHOUT_LOSS: ours(0.0),
}


def measure(name: str, method: str, seed: int) -> dict[str, float]:
    """What one method comes to on one split, and on that split again from another seed."""
    rows = DATA[name]()
    data = split(rows, seed)
    first = METHODS[method](data, rows.dim, seed)
    found = {"error": first.error, "seconds": first.seconds}
    if data.labels is not None:
        nearest = KNeighborsClassifier(10).fit(first.train, data.labels[0])
        found["neighbours"] = 100 * (1 - nearest.score(first.test, data.labels[1]))
    if "PCA" not in method:  # those have nothing to repeat
        again = METHODS[method](data, rows.dim, seed + 1000)
        agreement = component_stability([first.train, again.train], [first.test, again.test])
        found["stability"] = float(agreement.correlation.mean())
    return found


def compare(name: str, seeds: int, jobs: int, measure: Callable[[str, str, int], dict[str, float]]) -> None:
    rows = DATA[name]()
    shape = rows.x.shape
    methods = [method for method in METHODS if method != WITHOUT_LOSS or len(shape) == 2]
    tasks = list(itertools.product(range(seeds), methods))
    work = joblib.Parallel(jobs, return_as="generator")(
        joblib.delayed(measure)(name, method, seed) for seed, method in tasks
    )
    found: dict[str, list[dict[str, float]]] = {method: [] for method in methods}
    for (seed, method), values in zip(tasks, work, strict=True):
        found[method].append(values)
        told = ", ".join(f"{key} {value:.4g}" for key, value in values.items())
        print(f"{name}, seed {seed}, {method}: {told}", file=sys.stderr, flush=True)
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
    """Signals with standard deviations of 4, 3 and 2 in 17 columns of noise of 1, turned at random; 600 rows."""
    found = []
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        spread = np.r_[4, 3, 2, np.ones(17)]
        x = random.normal(size=(600, 20)) * spread @ np.linalg.qr(random.normal(size=(20, 20)))[0].T
        # Columns brought to a variance of 1 would scale the noise, too, so that its directions differed after all.
        model = EccentricAutoencoder(6, n_runs=3, standardize=False, random_state=seed).fit(x.astype(np.float32))
        found.append([model.explained_variance_, model.component_stability_])
    variance, stability = np.swapaxes(found, 0, 1)
    print("| component | " + " | ".join(str(k + 1) for k in range(6)) + " |\n" + 7 * "| --- " + "|")
    for name, values in (("variance", variance), ("stability", stability)):
        print(f"| {name} | " + " | ".join(_cell(list(column), 2) for column in values.T) + " |")
    print(f"\nnoise: stability from {stability[:, 3:].min():.2f} to {stability[:, 3:].max():.2f}")


def speed(most: int) -> None:
    """Rows per second of `fit` and of `transform`, as the rows and as the features grow; `fit` of up to `most` rows."""
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
        assert fitted is not None
        start = time.perf_counter()
        fitted.transform(x)
        seconds = time.perf_counter() - start
        print(f"| {n:,} | {f} | {' | '.join(cells)} | {seconds:.2f} | {n / seconds:,.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=["digits", "gaussian", "pbmc"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    parser.add_argument("--cache", help="folder that keeps what is finished, so that a broken run goes on")
    parser.add_argument("--trust", action="store_true", help="show the components' stability instead")
    parser.add_argument("--speed", action="store_true", help="time instead of compare")
    parser.add_argument("--most-rows", type=int, default=1_000_000, help="of a timed fit")
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
        compare(name, options.seeds, options.jobs, joblib.Memory(options.cache, verbose=0).cache(measure))


if __name__ == "__main__":
    main()
