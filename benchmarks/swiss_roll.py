"""Curved data: `python -m benchmarks.swiss_roll --seeds 3`, the estimator with two components on a swiss roll.

2,000 points are for training and 1,000 for measuring. R²: of the reconstruction. Parameter: R² of a regression of the
position along the roll on the ten nearest neighbours in the code, which is low where the code is folded. 94 epochs are
1500 steps.
"""

from __future__ import annotations

import argparse
import warnings
from typing import TypedDict

import numpy as np
from sklearn.datasets import make_swiss_roll
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eccentric import EccentricAutoencoder


class Settings(TypedDict, total=False):
    max_epochs: int
    anchor: float


SETTINGS: dict[str, Settings] = {
    "max_epochs=94": {"max_epochs": 94},
    "defaults": {},
    "max_epochs=300": {"max_epochs": 300},
    "anchor=0.01": {"anchor": 0.01},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore")
    rows: dict[str, list[tuple[float, float]]] = {}
    for seed in range(seeds):
        (x, t), (test, position) = (make_swiss_roll(n, random_state=2 * seed + k) for k, n in enumerate((2000, 1000)))
        pca = make_pipeline(StandardScaler(), PCA(2)).fit(x)
        for name, settings in SETTINGS.items():
            model = EccentricAutoencoder(2, random_state=seed, **settings).fit(x)
            parameter = KNeighborsRegressor(10).fit(model.transform(x), t).score(model.transform(test), position)
            rows.setdefault(f"EccentricAutoencoder, {name}", []).append((model.score(test), parameter))
        error = np.square(pca.inverse_transform(pca.transform(test)) - test).sum() / np.square(test - x.mean(0)).sum()
        parameter = KNeighborsRegressor(10).fit(pca.transform(x), t).score(pca.transform(test), position)
        rows.setdefault("PCA", []).append((1 - error, parameter))
    print(f"Swiss roll, d = 2, {seeds} seeds\n\n| | R² | parameter |\n| --- | --- | --- |")
    for name, values in rows.items():
        spread = np.std(values, axis=0, ddof=1) if len(values) > 1 else np.full(2, np.nan)
        cells = [f"{mean:.2f} ± {sd:.2f}" for mean, sd in zip(np.mean(values, axis=0), spread, strict=True)]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
