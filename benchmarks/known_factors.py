"""Tables whose factors are known: `python -m benchmarks.known_factors --tables 5 --weights 0 0.003`.

Three independent standard Gaussian factors make 40 columns, each a smooth curve of one number t:

    x_j = standardised(± t_j + 0.7 sin(2 t_j + phase_j)) + noise of standard deviation 0.3

- "separable": t_j is one factor; the factors have 18, 13 and 9 columns;
- "mixed": t_j is a linear combination of the three, with random coefficients of standard deviations 1, 0.75 and 0.5,
  scaled so that t_j has a variance of 1.

The noise leaves 1 / 1.09 = 0.917 of a column's variance to the signal, which is the largest R^2 that a reconstruction
of held-out rows can reach. Linear PCA does not reach it with three components, since the columns are curved.

Each estimator is fitted to half of the rows and judged on the other half. MCC is the mean absolute correlation of the
three components with the factors, after optimal assignment. Weight 0 is what the start from PCA and the reconstruction
bring by themselves. `--auto` prints how many components `n_components="auto"` finds instead.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA

from eccentric import EccentricAutoencoder

if TYPE_CHECKING:
    from jaxtyping import Float

FACTORS = 3
COLUMNS_OF = (18, 13, 9)  # columns of each factor in a separable table
STRENGTHS = (1.0, 0.75, 0.5)  # of the factors in a mixed table
CURVATURE, FREQUENCY = 0.7, 2.0
NOISE = 0.3
KINDS: tuple[Literal["separable", "mixed"], ...] = ("separable", "mixed")


@dataclass(frozen=True)
class Table:
    """A table and what it was made of."""

    x: Float[np.ndarray, "n 40"]
    signal: Float[np.ndarray, "n 40"]
    factors: Float[np.ndarray, "n 3"]


def make_table(kind: Literal["separable", "mixed"], rows: int, seed: int, noise: float = NOISE) -> Table:
    """A table of known factors.

    Args:
        kind: whether a column depends on one factor or on all.
        rows: how many; a longer table of the same seed has other rows but the same mixing, signs and phases.
        seed: of the curves, the factors and the noise.
        noise: its standard deviation; the signal's is 1.
    """
    curves, random = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    columns = sum(COLUMNS_OF)
    if kind == "separable":
        mixing = np.eye(FACTORS)[np.repeat(range(FACTORS), COLUMNS_OF)].T
    else:
        mixing = curves.normal(size=(FACTORS, columns)) * np.array(STRENGTHS)[:, None]
        mixing /= np.linalg.norm(mixing, axis=0)
    sign, phase = curves.choice([-1, 1], columns), curves.uniform(0, 2 * np.pi, columns)
    factors = random.normal(size=(rows, FACTORS))
    t = factors @ mixing
    signal = sign * t + CURVATURE * np.sin(FREQUENCY * t + phase)
    signal = (signal - signal.mean(0)) / signal.std(0)
    x = signal + noise * random.normal(size=signal.shape)
    return Table(x.astype(np.float32), signal, factors)


def mcc(components: Float[np.ndarray, "n k"], factors: Float[np.ndarray, "n f"]) -> float:
    """Mean absolute correlation with the factors, each matched with another component; f <= k."""
    correlation = np.abs(np.corrcoef(components.T, factors.T)[: components.shape[1], components.shape[1] :])
    return float(correlation[linear_sum_assignment(-correlation)].mean())


def r_squared(made: Float[np.ndarray, "n f"], truth: Float[np.ndarray, "n f"]) -> float:
    """Share of the variance of the truth that is reconstructed, over all columns together."""
    return float(1 - np.square(made - truth).sum() / np.square(truth - truth.mean(0)).sum())


def measure(table: Table, model: PCA | EccentricAutoencoder) -> tuple[float, float]:
    """MCC and R^2 on the second half of the rows, of a model fitted to the first."""
    half = len(table.x) // 2
    model.fit(table.x[:half])
    p = model.transform(table.x[half:])
    return mcc(p, table.factors[half:]), r_squared(model.inverse_transform(p), table.x[half:])


def numbers_found(kind: Literal["separable", "mixed"], tables: int, rows: int) -> list[int]:
    """What "auto" finds in the first half of the rows of each table; the truth is 3."""
    halves = [make_table(kind, rows, seed).x[: rows // 2] for seed in range(tables)]
    return [EccentricAutoencoder("auto", random_state=seed).fit(x).n_components_ for seed, x in enumerate(halves)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=5, help="tables of each kind")
    parser.add_argument("--rows", type=int, default=4000, help="of each table, half of them held out")
    parser.add_argument("--weights", nargs="+", type=float, default=[0.0, 0.003, 0.03], help="of the Eccentric loss")
    parser.add_argument("--auto", action="store_true", help="count the components that 'auto' finds instead")
    options = parser.parse_args()
    if options.auto:
        for kind in KINDS:
            print(f"{kind}: {numbers_found(kind, options.tables, options.rows)}", flush=True)
        return
    print("| | tables | MCC with the factors | R^2 |\n| --- | --- | --- | --- |")
    for kind in KINDS:
        tables = [make_table(kind, options.rows, seed) for seed in range(options.tables)]
        for weight in (None, *options.weights):
            found = np.array(
                [
                    measure(
                        table,
                        PCA(FACTORS)
                        if weight is None
                        else EccentricAutoencoder(FACTORS, weight=weight, random_state=seed),
                    )
                    for seed, table in enumerate(tables)
                ]
            )
            name = "PCA" if weight is None else f"weight {weight:g}"
            cells = " | ".join(f"{mean:.3f} ± {std:.3f}" for mean, std in zip(found.mean(0), found.std(0), strict=True))
            print(f"| {name} | {kind} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
