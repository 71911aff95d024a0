"""Cell types from gene expression: how much of a blood sample eight numbers hold, and which of them to trust.

    python examples/cell_types.py --out pictures

Reads `pbmc68k_reduced` (700 blood cells, 765 genes; 10x Genomics, Zheng et al. 2017) from `$ECCENTRIC_DATA`; without
it, a small made-up table of that shape: cells of six types, along each of which genes switch on at different times.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from eccentric import EccentricAutoencoder, plots

NOT_GENES = [
    "cell_id",
    "bulk_labels",
    "louvain",
    "phase",
    "n_genes",
    "n_counts",
    "percent_mito",
    "S_score",
    "G2M_score",
]


def cells() -> tuple[pd.DataFrame, np.ndarray]:
    """Expression, one row a cell and one column a gene, as log(1 + normalised count); and the cells' types."""
    folder = Path(os.environ.get("ECCENTRIC_DATA", "")) / "pbmc68k_reduced" / "data"
    files = sorted(folder.glob("*.parquet"))
    return real(files) if files else made_up()


def real(files: list[Path]) -> tuple[pd.DataFrame, np.ndarray]:
    table = pd.concat(pd.read_parquet(file) for file in files)
    return table.drop(columns=NOT_GENES), table["bulk_labels"].astype(str).to_numpy()


def made_up(n: int = 600, genes: int = 120) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    kinds = np.array(["B", "T helper", "T cytotoxic", "NK", "monocyte", "dendritic"])
    kind, age = random.integers(0, len(kinds), n), random.uniform(0, 1, n)
    when, which = random.uniform(0, 1, genes), random.integers(0, len(kinds), genes)
    switched = 1 / (1 + np.exp(-12 * (age[:, None] - when)))
    rate = 0.3 + 6 * switched * (kind[:, None] == which) + 2 * (1 - switched) * (kind[:, None] % 3 == which % 3)
    counts = random.poisson(rate * random.gamma(8, 1 / 8, (n, 1)))
    names = [f"gene {j + 1}" for j in range(genes)]
    return pd.DataFrame(np.log1p(counts).astype(np.float32), columns=names), kinds[kind]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder for the pictures")
    parser.add_argument("--runs", type=int, default=3, help="trainings to compare")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    x, kinds = cells()
    train, test, train_kinds, test_kinds = train_test_split(x, kinds, test_size=0.25, random_state=0)
    model = EccentricAutoencoder(n_components=8, n_runs=options.runs, random_state=0).fit(train)
    print(f"{len(x)} cells, {x.shape[1]} genes, {len(set(kinds))} cell types")
    print(f"held-out error {model.reconstruction_error_:.3f}, PCA's {model.pca_reconstruction_error_:.3f}")
    for k in range(model.n_components_):
        print(
            f"component {k + 1}: variance {model.explained_variance_[k]:.2f}, "
            f"correlation between runs {model.component_stability_[k]:.2f} ± {model.component_stability_std_[k]:.2f}"
        )

    scaler = StandardScaler().fit(train)
    pca = PCA(8, random_state=0).fit(scaler.transform(train))
    codes = {
        "eight components": (model.transform(train), model.transform(test)),
        "PCA": (pca.transform(scaler.transform(train)), pca.transform(scaler.transform(test))),
        "all genes": (scaler.transform(train), scaler.transform(test)),
    }
    for name, (near, far) in codes.items():
        right = KNeighborsClassifier(10).fit(near, train_kinds).score(far, test_kinds)
        print(f"cell type from the 10 nearest cells, {name}: {100 * right:.0f} % right")

    figures = {
        "cells-spectrum": model.plot_spectrum(),
        "cells-genes": model.plot_components(),
        "cells": plots.scatter(model.transform(x), kinds, model.explained_variance_),
    }
    for name, figure in figures.items():
        (options.out / f"{name}.png").write_bytes(plots.png(figure))
    print(f"{len(figures)} pictures in {options.out}")


if __name__ == "__main__":
    main()
