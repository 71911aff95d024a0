"""Image embeddings compressed: search by eight numbers where a network gives 256, and see what each of them means.

    python examples/image_search.py --out pictures

The embeddings are the hidden layer of a small network that was taught five of scikit-learn's ten digits. It has never
seen the other five, which the search is for, as with any network that is used on pictures of one's own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier

from eccentric import EccentricAutoencoder, plots

KNOWN = 5  # digits 0 to 4 teach the network
DIM = 8
EDGES = {"left": 0.01, "right": 0.99, "top": 0.93, "bottom": 0.01, "wspace": 0.08, "hspace": 0.08}


def embedded() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings (n, 256) float32, the images (n, 8, 8) they are of, and the digits on these."""
    digits = load_digits()
    known = digits.target < KNOWN
    network = MLPClassifier((256,), max_iter=60, alpha=1e-3, random_state=0)
    network.fit(digits.data[known] / 16, digits.target[known])
    hidden = np.maximum(0, digits.data[~known] / 16 @ network.coefs_[0] + network.intercepts_[0])
    return hidden.astype(np.float32), digits.images[~known], digits.target[~known]


def search(near: np.ndarray, far: np.ndarray, k: int = 10) -> np.ndarray:
    """For each row of `far` the k nearest of `near`."""
    found: np.ndarray = NearestNeighbors(n_neighbors=k).fit(near).kneighbors(far, return_distance=False)
    return found


def drawn(asked: np.ndarray, library: np.ndarray, found: np.ndarray, rows: int = 6, columns: int = 8) -> Figure:
    """Some pictures, and after each the nearest ones."""
    figure = Figure(figsize=(plots.WIDTH, plots.WIDTH * rows / (columns + 1.4)), dpi=220)
    grid = figure.subplots(rows, columns + 2, width_ratios=[1, 0.4, *[1] * columns], gridspec_kw=EDGES)
    for row, chosen in enumerate(np.random.default_rng(0).choice(len(asked), rows, replace=False)):
        for axes in grid[row]:
            axes.axis("off")
        grid[row, 0].imshow(asked[chosen], cmap="gray")
        for axes, picture in zip(grid[row, 2:], library[found[chosen]], strict=False):
            axes.imshow(picture, cmap="gray")
    grid[0, 0].set_title("asked", fontsize=9)
    grid[0, 2].set_title("nearest by eight numbers", fontsize=9, loc="left")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder for the pictures")
    parser.add_argument("--runs", type=int, default=3, help="trainings to compare")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    x, images, digits = embedded()
    library, asked = np.arange(len(x)) % 4 > 0, np.arange(len(x)) % 4 == 0
    # One scale for all columns: distances between embeddings mean something as they are.
    model = EccentricAutoencoder(DIM, standardize=False, n_runs=options.runs, random_state=0).fit(x[library])
    pca = PCA(DIM, random_state=0).fit(x[library])
    print(f"{library.sum()} pictures to search, {asked.sum()} to search for, {x.shape[1]} numbers each")
    print(f"of the variance of those searched for, {DIM} numbers keep {100 * model.score(x[asked]):.1f} %")
    centred = x[asked] - pca.mean_
    kept = 1 - np.square(pca.inverse_transform(pca.transform(x[asked])) - x[asked]).sum() / np.square(centred).sum()
    print(f"as many principal components keep {100 * kept:.1f} %")

    found = {
        f"all {x.shape[1]} numbers": search(x[library], x[asked]),
        f"{DIM} components": search(model.transform(x[library]), model.transform(x[asked])),
        f"PCA, {DIM} components": search(pca.transform(x[library]), pca.transform(x[asked])),
    }
    for name, rows in found.items():
        same = (digits[library][rows] == digits[asked][:, None]).mean()
        print(f"of the ten nearest, {100 * same:.1f} % are of the digit searched for: {name}")

    figures = {
        "search-spectrum": model.plot_spectrum(),
        "search-map": plots.scatter(model.transform(x), digits.astype(str), model.explained_variance_),
        "search-nearest": drawn(images[asked], images[library], found[f"{DIM} components"]),
    }
    for name, figure in figures.items():
        (options.out / f"{name}.png").write_bytes(plots.png(figure))
    print(f"{len(figures)} pictures in {options.out}")


if __name__ == "__main__":
    main()
