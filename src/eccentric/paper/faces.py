"""Figures 8 and 9: eigen-faces of three runs, and faces generated from selected components."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eccentric.alignment import align, component_stability
from eccentric.paper import published
from eccentric.paper.items import Item
from eccentric.paper.pictures import decode_images, decode_pairs
from eccentric.paper.results import Claim, Number, Result
from eccentric.paper.spectra import face_spec

if TYPE_CHECKING:
    from eccentric.paper.run_store import RunStore
    from eccentric.paper.scale import Spec

WEIGHT, MU = 0.0001, 1.0
"""The paper does not state which runs Figures 8 and 9 show; these settings have the most similar runs (Table 2)."""
GRID = 1.5


def eigenface_specs(store: RunStore) -> list[Spec]:
    seeds = store.scale.seeds("celeba", published.FIGURE_8_RUNS, least=2)
    return [face_spec(store, WEIGHT, MU, seed) for seed in seeds[: published.FIGURE_8_RUNS]]


def figure_8(store: RunStore) -> Result:
    from eccentric.plots import PairPanel, pair_panels

    runs = [store.run(spec) for spec in eigenface_specs(store)]
    k = min(published.FIGURE_8_COMPONENTS, store.face_dim)
    train, test = ([run.latents(split).p for run in runs] for split in ("train", "test"))
    alignments = [align(p, train[0]) for p in train]
    correlation = component_stability(train, test).correlation[:k]
    panels = []
    for number, (run, alignment) in enumerate(zip(runs, alignments, strict=True), 1):
        order = alignment.permutation
        assert order is not None  # a matching one to one
        panels.append(
            PairPanel(
                f"Run {number}",
                decode_pairs(run, k, alignment),
                run.components.eigenvalues.numpy()[order[:k]],
                [f"p{component + 1}" for component in order[:k]],
            )
        )
    claims = [
        Claim(
            "the first components are remarkably similar across the runs",
            bool(correlation.mean() > 0.7),
            "correlation of counterparts on test items, mean over pairs of runs: "
            + ", ".join(f"p{j + 1} {value:.2f}" for j, value in enumerate(correlation)),
        )
    ]
    return Result(
        numbers=[
            Number(f"absolute correlation of p{j + 1} with its counterparts", float(value))
            for j, value in enumerate(correlation)
        ],
        claims=claims,
        notes=[
            f"λ = {WEIGHT:g} and μ = {MU:g}; the paper does not state its values. Runs are aligned to the first by the "
            "best one-to-one matching of components. Below each pair are the component's number in its own run and its "
            "eigenvalue. Images are decoded at −2 and +2 standard deviations.",
            *_licence(store),
        ],
        figure=pair_panels([[panel] for panel in panels]),
        alt=f"Pairs of images for {k} components, a row for each of {len(runs)} runs.",
    )


def figure_9(store: RunStore) -> Result:
    from eccentric.plots import grid

    run = store.run(face_spec(store, WEIGHT, MU, seed=0))
    across, down = chosen_components(store.face_dim)
    images = decode_images(run, run.components.grid(across, down, GRID))
    eigenvalues = run.components.eigenvalues.numpy()
    notes = [
        f"Images are decoded from the first run of Figure 8 (λ = {WEIGHT:g}, μ = {MU:g}), with components at "
        f"±{GRID:g} standard deviations. The numbers of the components are those of the paper; in another run, the "
        "same number may have another meaning, so compare with Figure 8 and Table 5.",
        *_licence(store),
    ]
    return Result(
        numbers=[Number(f"eigenvalue of p{k + 1}", float(eigenvalues[k])) for k in (*across, *down)],
        notes=notes,
        figure=grid(images, across, down),
        alt="A grid of images, all combinations of the signs of six components.",
    )


def _licence(store: RunStore) -> list[str]:
    if not store.is_papers("celeba"):
        return []
    return [
        "The faces are outputs of the decoder, not photographs of people. CelebA, and works derived from it such as "
        "this picture, may be used for non-commercial research only."
    ]


def chosen_components(dim: int) -> tuple[list[int], list[int]]:
    """Components of the paper, counted from 0; the first six if there are fewer."""
    across, down = ([k - 1 for k in chosen] for chosen in (published.FIGURE_9_ACROSS, published.FIGURE_9_DOWN))
    if max(*across, *down) < dim:
        return across, down
    first = list(range(min(dim, 6)))
    return first[: (len(first) + 1) // 2], first[(len(first) + 1) // 2 :]


FIGURE_8 = Item(
    "fig8",
    "Paired eigen-faces of the first ten components, in independent runs",
    "3 trainings on CelebA",
    figure_8,
    eigenface_specs,
    trend={"Absolute correlation with the counterpart": r"^absolute correlation of (p(?:1|2|4|7|10)) "},
)
FIGURE_9 = Item(
    "fig9",
    "Images generated from six selected components",
    "1 training on CelebA",
    figure_9,
    lambda store: [face_spec(store, WEIGHT, MU, seed=0)],
)
