"""Figure 6 and Table 2: agreement of the components of two runs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch

from eccentric.alignment import algorithm_1, align, cross_correlation, similarity
from eccentric.components import DeepComponents
from eccentric.models.pca import fit_pca
from eccentric.paper import published
from eccentric.paper.items import Item
from eccentric.paper.results import Claim, Number, Result, Table, ordered, summarised
from eccentric.paper.spectra import ENDS, face_specs, four_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float
    from torch import Tensor

    from eccentric.alignment import Method, Similarity
    from eccentric.paper.run_store import RunStore
    from eccentric.paper.scale import Spec
    from eccentric.training import Run

MEASURES = {"distance": (1, ""), "cosine": (2, ""), "angle": (0, "°")}
MU = 1.0
"""Of Figure 6."""
METHODS: dict[str, Method] = {"Algorithm 1": "paper", "assignment": "assignment", "Procrustes": "procrustes"}
ANCHORED = "anchored axes"
ROWS = (*METHODS, ANCHORED)
"""Rows of Table 2 for each setting: the principal components with each method of alignment, and anchored ones."""
BATCH = 2048

SIGNS = (
    "The listing of Algorithm 1 does not change the sign of a pair of components that it never moves; here the whole "
    "diagonal is made positive, as the paper's text states."
)


def figure_6_specs(store: RunStore) -> list[Spec]:
    return [spec for specs in face_specs(store, (MU,), least=2).values() for spec in specs]


def figure_6(store: RunStore) -> Result:
    from eccentric.plots import cross_correlation as draw

    low, high = published.WEIGHTS
    before, after = {}, {}
    for (weight, _), specs in face_specs(store, (MU,), least=2).items():
        runs = [store.run(spec) for spec in specs]
        found = [_correlations(first, second) for first, second in itertools.combinations(runs, 2)]
        before[weight], after[weight] = (np.array(each) for each in zip(*found, strict=True))
    near, diagonal = {}, {}
    numbers: list[Number] = []
    for w in (high, low):
        on = f"λ = {w:g}: mean absolute correlation on the diagonal"
        diagonal[w] = [
            summarised(f"{on}, {when}", _diagonal(c[w])) for when, c in (("before", before), ("after", after))
        ]
        near[w] = summarised(f"λ = {w:g}: share of the squared correlations near the diagonal, after", _near(after[w]))
        numbers += [*diagonal[w], near[w]]
    pairs = len(after[low])
    claims = [
        Claim(
            "alignment brings the correlation closer to the diagonal",
            all((_diagonal(after[w]) > _diagonal(before[w])).all() for w in (high, low)),
            "; ".join(f"λ = {w:g}: from {' to '.join(number.text() for number in diagonal[w])}" for w in (high, low)),
        ),
        Claim(
            "alignment turns the correlation from negative to positive",
            all((_positive(after[w]) >= 0.9).all() for w in (high, low)),
            "; ".join(
                f"λ = {w:g}: {100 * _positive(before[w]).mean():.0f} % of the diagonal is positive before, "
                f"{100 * _positive(after[w]).mean():.0f} % after"
                for w in (high, low)
            ),
        ),
        Claim(
            "the correlation is more concentrated along the diagonal for λ = 0.0001 than for 0.001",
            ordered([(diagonal[high][1], diagonal[low][1]), (near[high], near[low])]),
            f"mean absolute correlation on the diagonal {diagonal[low][1].text()} against "
            f"{diagonal[high][1].text()}; share of the squared correlations near the diagonal {near[low].text()} "
            f"against {near[high].text()}",
        ),
    ]
    return Result(
        numbers=numbers,
        claims=claims,
        notes=[
            "The figure shows the first two runs, aligned by the paper's Algorithm 1 on training items, with "
            f"correlations on test items. The numbers are {_over(pairs)}. {SIGNS}"
        ],
        figure=draw(
            np.array([before[high][0], before[low][0]]),
            np.array([after[high][0], after[low][0]]),
            [f"λ = {high:g}, a run", f"λ = {low:g}, a run"],
            "another run",
        ),
        alt="Four maps of correlations between the components of two runs, before and after alignment, for two λ.",
    )


def _correlations(first: Run, second: Run) -> tuple[Float[np.ndarray, "d d"], Float[np.ndarray, "d d"]]:
    """Correlations between the components of two runs on test items, before and after alignment on training items."""
    p, q = second.latents("test").p, first.latents("test").p
    turned, turned_reference = algorithm_1(second.latents("train").p, first.latents("train").p)
    return cross_correlation(p, q), cross_correlation(turned.apply(p), turned_reference.apply(q))


def _diagonal(correlations: Float[np.ndarray, "pairs d d"]) -> Float[np.ndarray, " pairs"]:
    return np.abs(np.diagonal(correlations, axis1=1, axis2=2)).mean(1)


def _positive(correlations: Float[np.ndarray, "pairs d d"]) -> Float[np.ndarray, " pairs"]:
    """Fraction of positive correlations on the diagonal."""
    return (np.diagonal(correlations, axis1=1, axis2=2) > 0).mean(1)


def _near(correlations: Float[np.ndarray, "pairs d d"]) -> Float[np.ndarray, " pairs"]:
    """Fraction of the squared correlations on and next to the diagonal."""
    i, j = np.indices(correlations.shape[1:])
    return (correlations**2)[:, np.abs(i - j) <= 1].sum(1) / (correlations**2).sum((1, 2))


def _over(pairs: int) -> str:
    return "from one pair of runs" if pairs == 1 else f"means ± standard deviations over {pairs} pairs of runs"


def image_anchors(store: RunStore, run: Run) -> Float[Tensor, "n d"]:
    """Scores of the training images in a linear PCA with as many components as the run has."""
    x = store.data("celeba").train.x
    pca = fit_pca(run.model(), x, store.face_dim)
    return torch.cat([pca.scores(part) for part in x.split(BATCH)])


def principal_and_anchored(run: Run, anchors: Float[Tensor, "n m"]) -> list[dict[str, Float[np.ndarray, "n d"]]]:
    """Components of a run by split: along its principal axes as in the paper, and along anchored ones."""
    principal = {split: run.latents(split).p for split in ("train", "test")}
    axes = DeepComponents("anchored").fit(torch.from_numpy(principal["train"]), anchors)
    return [principal, {split: axes.encode(torch.from_numpy(p)).numpy() for split, p in principal.items()}]


def pair_similarities(
    first: Sequence[Mapping[str, np.ndarray]], second: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, Similarity]:
    """Agreement of two runs, as from `principal_and_anchored`, on test items after alignment on training items, for
    each row of the table.
    """
    (p, p_anchored), (q, q_anchored) = first, second

    def agreement(p: Mapping[str, np.ndarray], q: Mapping[str, np.ndarray], method: Method) -> Similarity:
        return similarity(align(q["train"], p["train"], method).apply(q["test"]), p["test"])

    found = {name: agreement(p, q, method) for name, method in METHODS.items()}
    return {**found, ANCHORED: agreement(p_anchored, q_anchored, "assignment")}


def table_2(store: RunStore) -> Result:
    numbers: list[Number] = []
    rows: list[list[str]] = []
    means: dict[tuple[float, float], dict[str, dict[str, Number]]] = {}
    pairs = 0
    anchors = image_anchors(store, store.run(four_runs(store)[0]))
    for (weight, mu), specs in face_specs(store, least=2).items():
        runs = [principal_and_anchored(store.run(spec), anchors) for spec in specs]
        found = [pair_similarities(a, b) for a, b in itertools.combinations(runs, 2)]
        pairs = len(found)
        place = f"λ = {weight:g}, μ = {mu:g}"
        means[weight, mu] = {}
        for method in ROWS:
            means[weight, mu][method] = {
                measure: summarised(
                    f"{place}: {measure}" + ("" if method == "Algorithm 1" else f", {method}"),
                    [getattr(each[method], measure) for each in found],
                    published.TABLE_2[weight, mu][measure] if method == "Algorithm 1" else None,
                    digits=digits,
                    unit=unit,
                )
                for measure, (digits, unit) in MEASURES.items()
            }
            numbers += means[weight, mu][method].values()
        ours = means[weight, mu]["Algorithm 1"]
        rows.append([f"{weight:g}", f"{mu:g}", *(number.text() for number in ours.values())])
        rows.append(["", "*paper*", *(f"*{number.published_text()}*" for number in ours.values())])
        rows += [
            ["", method, *(number.text() for number in means[weight, mu][method].values())]
            for method in ROWS
            if method != "Algorithm 1"
        ]
    low, high = published.WEIGHTS
    one, end = ENDS
    distance = {setting: found["Algorithm 1"]["distance"] for setting, found in means.items()}
    cosine = {method: np.mean([found[method]["cosine"].ours for found in means.values()]) for method in ROWS}
    claims = [
        Claim(
            "the encodings are closer for λ = 0.0001 than for λ = 0.001",
            ordered((distance[low, mu], distance[high, mu]) for mu in ENDS),
            "; ".join(f"μ = {mu:g}: {distance[low, mu].text()} against {distance[high, mu].text()}" for mu in ENDS),
        ),
        Claim(
            "for λ = 0.001 they are closer for μ = 1 than for μ = 64.5",
            ordered([(distance[high, one], distance[high, end])]),
            f"{distance[high, one].text()} against {distance[high, end].text()}",
        ),
    ]
    return Result(
        numbers=numbers,
        claims=claims,
        notes=[
            "In addition to the paper's Algorithm 1, the table contains the best one-to-one matching (assignment) and "
            "the best rotation within groups of close eigenvalues (Procrustes). These rows compare principal "
            "components. In the last row, the latents of each run are rotated to the axes that are nearest to the "
            "linear principal components of the training images (anchored axes), and their components are matched one "
            "to one. This rotation changes neither the reconstructions nor the loss. The mean cosine over all settings "
            "is " + ", ".join(f"{value:.2f} for {method}" for method, value in cosine.items()) + ".",
            f"The numbers of each setting are {_over(pairs)}.",
            SIGNS,
        ],
        table=Table(["λ", "μ", "distance", "cosine", "angle"], rows),
        protocol={"alignment": "on training items", "measured": "on test items"},
    )


FIGURE_6 = Item(
    "fig6",
    "Cross-correlation of the components of two runs, before and after alignment",
    "8 trainings on CelebA: two λ, four runs each",
    figure_6,
    figure_6_specs,
    trend={"Mean correlation on the diagonal": r"^(λ = [0-9.]*): .* on the diagonal, after$"},
)
TABLE_2 = Item(
    "table2",
    "Distance, cosine and angle between the encodings of independent runs",
    "16 trainings on CelebA: two λ, two μ, four runs each",
    table_2,
    four_runs,
    trend={"Distance between the encodings of two runs": r"^(.*): distance$", "Cosine": r"^(.*): cosine$"},
)
