"""Table 3: errors of a nearest-neighbour classifier on the components by the number of labels."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from eccentric.errors import EccentricError
from eccentric.evaluation import probes
from eccentric.paper import published
from eccentric.paper.items import Item
from eccentric.paper.mnist import digit_spec
from eccentric.paper.records import key_of
from eccentric.paper.results import Claim, Number, Result, Table, ordered, summarised

if TYPE_CHECKING:
    from eccentric.paper.run_store import RunStore
    from eccentric.paper.scale import Spec
    from eccentric.training import Run

DIMS = sorted(published.TABLE_3)
LAYOUT = (
    "For d = 2, the error is limited by the layout of the classes in the plane that training finds from random "
    "weights: from a layout that was learnt with labels, the same training without labels ends with a lower "
    "nearest-neighbour error and a lower reconstruction error (`python -m benchmarks.plane`)."
)
"""A note on MNIST."""


def table_3_specs(store: RunStore) -> list[Spec]:
    return [digit_spec(dim, seed) for dim in DIMS for seed in store.scale.seeds("mnist", published.TABLE_3_RUNS)]


def counts_for(items: int) -> dict[int, int]:
    """Columns of the table, numbers of labels with numbers of neighbours, up to the available number of labels."""
    counts = {count: k for count, k in probes.TABLE_3.items() if count <= items}
    return counts | {items: probes.neighbours_for(items)}


def neighbour_errors(store: RunStore, spec: Spec) -> dict[int, np.ndarray]:
    """Errors in percent of one run, by number of labels: one for each random subset."""

    def measure(run: Run) -> dict[str, list[float]]:
        train, test = run.latents("train"), run.latents("test")
        if train.labels is None or test.labels is None:
            raise EccentricError(f"{store.source('mnist')} has no labels, which Table 3 is about; use other data")
        errors = probes.subset_errors(
            train.p,
            train.labels,
            test.p,
            test.labels,
            counts_for(len(train.p)),
            published.TABLE_3_SUBSETS,
            spec.seed,
            balanced=True,
        )
        return {str(count): (100 * values).tolist() for count, values in errors.items()}

    return {int(count): np.array(values) for count, values in store.measured("table3", spec, measure).items()}


def table_3(store: RunStore) -> Result:
    numbers: list[Number] = []
    rows: list[list[str]] = []
    errors: dict[int, dict[int, Number]] = {}
    falls: list[bool] = []
    seeds = store.scale.seeds("mnist", published.TABLE_3_RUNS)
    for dim in DIMS:
        found: dict[int, list[np.ndarray]] = {}
        for seed in seeds:
            each = neighbour_errors(store, digit_spec(dim, seed))
            for count, values in each.items():
                found.setdefault(count, []).append(values)
            falls.append(all(each[b].mean() < each[a].mean() for a, b in itertools.pairwise(each)))
        errors[dim] = {
            count: summarised(
                f"d = {dim}, {count:,} labels",
                np.concatenate(values),
                published.TABLE_3[dim].get(count),
                digits=1,
                unit="%",
            )
            for count, values in found.items()
        }
        numbers += errors[dim].values()
        rows.append([f"d = {dim}", *(_cell(number.text()) for number in errors[dim].values())])
        rows.append(
            [
                "*paper*",
                *(
                    f"*{_cell(number.published_text())}*".strip("*" if number.published is None else "")
                    for number in errors[dim].values()
                ),
            ]
        )
    order = list(errors[DIMS[0]])
    claims = [
        Claim(
            "the error decreases with the number of labels",
            all(falls),  # within a run, so the spread over runs does not matter
            "; ".join(f"d = {dim}: " + ", ".join(f"{errors[dim][count].ours:.1f}" for count in order) for dim in DIMS)
            + f" %; in {sum(falls)} of {len(falls)} runs",
        ),
        Claim(
            "the error with all labels decreases with the number of dimensions",
            ordered((errors[b][order[-1]], errors[a][order[-1]]) for a, b in itertools.pairwise(DIMS)),
            ", ".join(f"{errors[dim][order[-1]].ours:.1f} % for d = {dim}" for dim in DIMS),
        ),
    ]
    return Result(
        numbers=numbers,
        claims=claims,
        notes=[
            "Each subset contains the same number of items of each class. The paper does not say so, but its errors "
            "imply it: 10 random items lack 35 % of the 10 classes on average, and every item of these classes is "
            "misclassified, so an error of 34 % would leave no mistakes between the others.",
            f"± is the standard deviation over {len(seeds)} run{'s' * (len(seeds) != 1)} with "
            f"{published.TABLE_3_SUBSETS} random subsets of the labels each. All labels are one subset, "
            + ("so there is no ± for one run." if len(seeds) == 1 else "so ± is over the runs only."),
            *_longer(store),
            *([LAYOUT] if store.is_papers("mnist") else []),
        ],
        table=Table(["", *(f"{count}({k})" for count, k in counts_for(order[-1]).items())], rows),
        protocol={
            "classifier": "nearest neighbours, with their number in parentheses",
            "measured": "on all test items",
        },
    )


def _longer(store: RunStore) -> list[str]:
    """A sentence on stored values of longer trainings, if there are any."""
    found = []
    for dim in DIMS:
        for record in store.longer(digit_spec(dim)):
            epochs, seed = record["train"]["epochs"], record["train"]["seed"]
            values = record["measured"].get(str(epochs), {}).get(key_of("table3"), {})
            if values:
                errors = ", ".join(f"{np.mean(each):.1f}" for each in values.values())
                found.append(f"d = {dim} after {epochs} epochs (seed {seed}): {errors} %")
    if not found:
        return []
    return [f"Errors of longer trainings by the same recipe, in the order of the columns: {'; '.join(found)}."]


def _cell(text: str) -> str:
    return text.removesuffix(" %")


TABLE_3 = Item(
    "table3",
    "Error rate of nearest neighbours by the number of labelled items, in percent",
    "12 trainings on MNIST: d = 2, 4, 6 and 8, three runs each",
    table_3,
    table_3_specs,
    measure=neighbour_errors,
    trend={"Error with 60,000 labels, %": r"^(d = .*), 60,000 labels$"},
)
