"""When to stop: `python -m benchmarks.convergence --seeds 2`, error and time of the estimator for several rules.

Rule: training on a table ends when doubling its length lowers the held-out error by less than the given fraction. With
"1500 steps" the length is fixed, and the learning rate falls from the start. Error: of 30 % of the rows, which take no
part in `fit`, as a fraction of their variance. Overlap: fraction of the nearest neighbours that are kept.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, make_s_curve, make_swiss_roll
from sklearn.model_selection import train_test_split

from eccentric import EccentricAutoencoder
from eccentric.estimator import fitting

COMPONENTS = {"digits": 6, "mixed": 3, "large": 3, "cancer": 4, "swiss roll": 2, "s-curve": 2}
GAINS = (0.05, 0.1, 0.2)


def table(name: str, seed: int) -> np.ndarray:
    """Rows (n, features). "mixed" and "large" have noisy columns that depend on three factors in curves."""
    random = np.random.default_rng(100 + seed)
    match name:
        case "digits":
            return np.asarray(load_digits().data)
        case "cancer":
            return np.asarray(load_breast_cancer().data)
        case "swiss roll":
            return np.asarray(make_swiss_roll(3000, random_state=seed)[0])
        case "s-curve":
            return np.asarray(make_s_curve(3000, random_state=seed)[0])
    rows, columns = (100_000, 50) if name == "large" else (3000, 40)
    factors = random.normal(size=(rows, 3))
    first, second = random.normal(size=(2, 3, columns))
    return np.tanh(factors @ first) + 0.3 * (factors @ second) ** 2 + 0.3 * random.normal(size=(rows, columns))


def fit(name: str, seed: int, gain: float | None) -> tuple[float, float, float, float]:
    """Error, overlap, steps, and CPU seconds of one fit."""
    train, test = train_test_split(table(name, seed).astype(np.float32), test_size=0.3, random_state=seed)
    if gain is None:
        rows = round(0.9 * len(train))
        epochs = math.ceil(fitting.STEPS / math.ceil(rows / fitting.batch_size_for(rows, images=False)))
    else:
        fitting.LEAST_GAIN = gain
    begun = time.process_time()
    model = EccentricAutoencoder(COMPONENTS[name], random_state=seed, max_epochs="auto" if gain else epochs).fit(train)
    spent = time.process_time() - begun
    return 1 - model.score(test), model.neighbour_overlap_, model.history_["step"][-1], spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--data", nargs="+", choices=COMPONENTS, default=list(COMPONENTS))
    parser.add_argument("--gains", nargs="+", type=float, default=list(GAINS))
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| data | rule | error | overlap | steps | CPU s |\n| --- | --- | --: | --: | --: | --: |", flush=True)
    for name in given.data:
        for gain in (None, *given.gains):
            found = np.mean([fit(name, seed, gain) for seed in range(given.seeds)], axis=0)
            rule = "1500 steps" if gain is None else f"{gain:.0%}"
            error, overlap, steps, seconds = found
            print(f"| {name} | {rule} | {error:.4f} | {overlap:.3f} | {steps:.0f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
