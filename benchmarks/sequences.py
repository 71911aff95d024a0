"""Recurrent autoencoders on real series, against PCA of padded rows: `python -m benchmarks.sequences`.

The series are bundled in the package aeon; `pip install --no-deps aeon==1.6.0` brings them. Without `--no-deps` it
brings numba and other versions of pandas. The package is not imported: its `.ts` files are read here.

- JapaneseVowels: 270 training and 370 test utterances of 9 speakers, 7 to 29 steps of 12 cepstral coefficients;
- BasicMotions: 40 and 40 recordings of 4 activities, 100 steps of 6 accelerometer and gyroscope channels;
- ItalyPowerDemand: 67 and 1,029 days of electricity demand in two seasons, 24 steps of one feature.

Each method is trained with several seeds, which decide the initial weights and the order of the batches. The error is
the mean over test sequences of the squared error over their own steps, in units of each feature's variance. Neighbours
are classified by the single nearest training sequence. MCC is the mean absolute correlation of matched components
between two seeds on the test sequences, for principal axes and for axes anchored to PCA's standardised scores. PCA has
no seeds: its MCC is between fits to bootstrap samples of the training sequences.
"""

from __future__ import annotations

import argparse
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.decomposition import PCA

from eccentric import DeepComponents
from eccentric.data import Split, load
from eccentric.evaluation.probes import neighbour_error
from eccentric.evaluation.repeatability import repeatability
from eccentric.inference import encode, reconstruction_error
from eccentric.padding import filled, item_errors
from eccentric.training import TrainConfig
from eccentric.training.train import train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eccentric.data import Data

DIMENSIONS = {"JapaneseVowels": 8, "BasicMotions": 8, "ItalyPowerDemand": 4}
METHODS = {"plain": {}, "eccentric": {"weight": 0.003}}
STEPS, BATCH, RATE = 400, 20, 0.005
Row = dict[str, float]


def read_ts(path: Path) -> tuple[list[np.ndarray], list[str]]:
    """The sequences (steps, features) of a `.ts` file, and their labels."""
    _, _, rows = path.read_text(encoding="utf-8").partition("@data")
    sequences, labels = [], []
    for row in rows.strip().splitlines():
        *features, label = row.split(":")
        sequences.append(np.array([[float(value) for value in feature.split(",")] for feature in features]).T)
        labels.append(label)
    return sequences, labels


def write_npz(name: str, folder: Path) -> Path:
    """A data set of aeon as a file that `eccentric train` reads."""
    found = importlib.util.find_spec("aeon")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the series are in the package aeon; pip install --no-deps aeon==1.6.0")
    source = Path(found.submodule_search_locations[0]) / "datasets" / "data" / name
    arrays: dict[str, Any] = {}
    for part in ("train", "test"):
        sequences, labels = read_ts(source / f"{name}_{part.upper()}.ts")
        x = np.zeros((len(sequences), max(map(len, sequences)), sequences[0].shape[1]), np.float32)
        for row, sequence in zip(x, sequences, strict=True):
            row[: len(sequence)] = sequence
        arrays |= {f"x_{part}": x, f"lengths_{part}": np.array([*map(len, sequences)]), f"y_{part}": np.array(labels)}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.npz"
    np.savez_compressed(path, **arrays)
    return path


def padded_rows(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Standardised training and test sequences as rows, with zeros in the padding."""
    from eccentric.models import units_of

    shift, scale, _ = units_of(data.train.x, data.spec)
    train, test = (filled((split.x - shift) / scale).flatten(1).float().numpy() for split in (data.train, data.test))
    return train, test


def measure_pca(data: Data, dim: int, fits: int) -> tuple[Row, np.ndarray]:
    """The baseline, and its standardised training scores."""
    train, test = padded_rows(data)
    pca = PCA(dim, random_state=0).fit(train)
    p, p_test = pca.transform(train), pca.transform(test)
    redrawn = torch.from_numpy(pca.inverse_transform(p_test)).view(data.test.x.shape)
    target = torch.from_numpy(test).view(data.test.x.shape)
    gaps = item_errors(redrawn, torch.where(data.test.x.isnan(), torch.nan, target))
    draws = [np.random.default_rng(seed).integers(len(train), size=len(train)) for seed in range(fits)]
    samples = [PCA(dim, random_state=0).fit(train[rows]) for rows in draws]
    agreement = repeatability([s.transform(train) for s in samples], [s.transform(test) for s in samples])
    row = {
        "error": gaps.mean().item(),
        "neighbours": neighbour_error(p, data.train.labels, p_test, data.test.labels, 1),  # type: ignore[arg-type]
        "mcc": float(agreement.mcc.mean()),
    }
    return row, p / p.std(0)


def measure(data: Data, name: str, method: str, dim: int, anchors: np.ndarray, seeds: int, out: Path) -> list[Row]:
    """One row for each seed; the MCCs are means over pairs, and the same in each row."""
    epochs = max(1, round(STEPS / (len(data.train.x) // BATCH)))
    # Each epoch is judged on the test split that training gets, which would cost more than the training itself.
    most = 2 * len(data.train.x)
    labels_of_few = None if data.test.labels is None else data.test.labels[:most]
    few = Split(data.test.x[:most], labels_of_few, data.test.rows[:most])
    watched = replace(data, test=few)
    rows: list[Row] = []
    principal: list[tuple[np.ndarray, np.ndarray]] = []
    anchored: list[tuple[np.ndarray, np.ndarray]] = []
    for seed in range(seeds):
        config = TrainConfig(
            method=method,
            settings=METHODS[method],
            dim=dim,
            epochs=epochs,
            batch_size=BATCH,
            learning_rate=RATE,
            schedule="one-cycle",
            seed=seed,
            device="cpu",
        )
        run = train(watched, config, out / name / method / f"seed-{seed}", resume=True)
        model = run.model()
        z, z_test = encode(model, data.train.x), encode(model, data.test.x)
        axes = DeepComponents("anchored").fit(z, torch.from_numpy(anchors).float())
        principal.append((run.components.encode(z).numpy(), run.components.encode(z_test).numpy()))
        anchored.append((axes.encode(z).numpy(), axes.encode(z_test).numpy()))
        labels = data.train.labels, data.test.labels
        rows.append(
            {
                "error": reconstruction_error(model, data.test.x),
                "neighbours": neighbour_error(principal[-1][0], labels[0], principal[-1][1], labels[1], 1),  # type: ignore[arg-type]
                "trace": float(run.components.eigenvalues.sum()),
            }
        )
    for key, encodings in (("mcc", principal), ("mcc_anchored", anchored)):
        agreement = repeatability(*zip(*encodings, strict=True)) if seeds > 1 else None
        for row in rows:
            row[key] = np.nan if agreement is None else float(agreement.mcc.mean())
    return rows


def show(name: str, rows: Sequence[Row]) -> str:
    """A line of the table: mean and standard deviation over the seeds."""

    def number(key: str, scale: float = 1, digits: int = 3) -> str:
        values = np.array([row[key] for row in rows if key in row]) * scale
        if not len(values) or np.isnan(values).any():
            return "-"
        spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 and not key.startswith("mcc") else ""
        return f"{values.mean():.{digits}f}{spread}"

    cells = [number("error", digits=4), number("neighbours", 100, 1), number("mcc"), number("mcc_anchored")]
    return " | ".join([f"| {name}", *cells, number("trace", digits=1)]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/series"), help="folder of the runs, which are resumed")
    parser.add_argument("--data", nargs="+", choices=list(DIMENSIONS), default=list(DIMENSIONS))
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    for name in arguments.data:
        data, dim = load(write_npz(name, arguments.out)), DIMENSIONS[name]
        print(f"\n{name}: {len(data.train.x)} training, {len(data.test.x)} test, {data.spec}, d = {dim}\n")
        print("| | error | neighbours wrong, % | MCC, principal | MCC, anchored | trace |\n|---|---|---|---|---|---|")
        baseline, anchors = measure_pca(data, dim, arguments.seeds)
        print(show("PCA of padded rows", [baseline]), flush=True)
        for method in arguments.methods:
            rows = measure(data, name, method, dim, anchors, arguments.seeds, arguments.out)
            print(show(method, rows), flush=True)


if __name__ == "__main__":
    main()
