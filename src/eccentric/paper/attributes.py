"""Tables 4 and 5: prediction of the attributes of faces from the components."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.data.attributes import Attributes, load_attributes
from eccentric.errors import EccentricError
from eccentric.evaluation.attributes import Gain, attribute_scores, one_component_gains
from eccentric.paper import published
from eccentric.paper.faces import MU, WEIGHT
from eccentric.paper.items import Item
from eccentric.paper.results import Claim, Number, Result, Table, ordered, summarised
from eccentric.paper.spectra import ENDS, face_spec, face_specs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float

    from eccentric.paper.run_store import RunStore
    from eccentric.paper.scale import Spec
    from eccentric.training import Run

SIGNIFICANT = 15
"""Minimum gain in points for a row of Table 5, with accuracies rounded to whole percents as in the paper: the smallest
of the paper's seven gains.
"""


FRACTIONS = (0.25, 0.5, 1.0)
"""Fractions of the training items for the learning curves of the classifiers."""


def attributes_of(store: RunStore) -> Attributes:
    """Binary attributes of the data used for CelebA; for data with classes, membership in each class."""
    source = store.source("celeba")
    try:
        return load_attributes(source)
    except EccentricError:
        data = store.data("celeba")
        if data.train.labels is None or data.test.labels is None or len(data.label_names) < 2:
            raise
        codes = np.arange(len(data.label_names))
        names = [f"is {name}" for name in data.label_names]
        return Attributes(names, data.train.labels[:, None] == codes, data.test.labels[:, None] == codes)


def table_4_specs(store: RunStore) -> list[Spec]:
    return [spec for specs in face_specs(store).values() for spec in specs]


def classifier_errors(store: RunStore, spec: Spec) -> dict[int, dict[str, float]]:
    """Mean errors of one run over the attributes in percent, by number of training items (ascending) and classifier."""

    def measure(run: Run) -> dict[str, dict[str, float]]:
        attributes = attributes_of(store)
        train, test = run.latents("train").p, run.latents("test").p
        order = np.random.default_rng(0).permutation(len(train))
        counts = [count for f in FRACTIONS if (count := round(f * len(train))) >= published.TABLE_4_NEIGHBOURS]
        found = {}
        for count in counts or [len(train)]:
            rows = np.sort(order[:count])
            scores = attribute_scores(
                train[rows],
                attributes.train[rows],
                test,
                attributes.test,
                depths=published.TABLE_4_DEPTHS,
                neighbours=published.TABLE_4_NEIGHBOURS,
            )
            found[str(count)] = {name: 100 * (1 - float(accuracy.mean())) for name, accuracy in scores.items()}
        return found

    return {int(count): errors for count, errors in store.measured("table4", spec, measure).items()}


def table_4(store: RunStore) -> Result:
    numbers: list[Number] = []
    rows: list[list[str]] = []
    errors: dict[tuple[float, float], dict[str, Number]] = {}
    majority = 0.0
    for (weight, mu), specs in face_specs(store).items():
        found: dict[str, list[float]] = {}
        for spec in specs:
            by_count = classifier_errors(store, spec)
            for name, error in by_count[max(by_count)].items():
                found.setdefault(name, []).append(error)
        majority = found.pop("majority")[0]
        errors[weight, mu] = {
            name: summarised(
                f"λ = {weight:g}, μ = {mu:g}: {name}",
                values,
                published.TABLE_4[weight, mu].get(name),
                unit="%",
            )
            for name, values in found.items()
        }
        ours = errors[weight, mu]
        numbers += ours.values()
        rows.append([f"{weight:g}", f"{mu:g}", *(number.text().removesuffix(" %") for number in ours.values())])
        rows.append(["", "*paper*", *(f"*{number.published_text().removesuffix(' %')}*" for number in ours.values())])
    numbers.append(
        Number("always predicting the more frequent value", majority, published.TABLE_4_MAJORITY, digits=1, unit="%")
    )
    names = list(next(iter(errors.values())))
    stump, tree, neighbours = names
    low, high = published.WEIGHTS
    claims = [
        Claim(
            "every classifier has a lower error than always predicting the more frequent value",
            ordered((number, Number("", majority, spread=0)) for ours in errors.values() for number in ours.values()),
            f"{majority:.1f} % without the components; with them at most "
            + ", ".join(f"{max(ours[name].ours for ours in errors.values()):.2f} % by {name}" for name in names),
        ),
        Claim(
            "nearest neighbours have a lower error than the deep tree, which has a lower error than the stump",
            ordered(
                pair for ours in errors.values() for pair in ((ours[neighbours], ours[tree]), (ours[tree], ours[stump]))
            ),
            "; ".join(
                f"λ = {weight:g}, μ = {mu:g}: " + ", ".join(f"{number.ours:.2f}" for number in ours.values())
                for (weight, mu), ours in errors.items()
            ),
        ),
        Claim(
            "errors are smaller for λ = 0.0001 than for 0.001",
            ordered((errors[low, mu][name], errors[high, mu][name]) for mu in ENDS for name in names),
            "; ".join(
                f"{name}, μ = {mu:g}: {errors[low, mu][name].text()} against {errors[high, mu][name].text()}"
                for mu in ENDS
                for name in names
            ),
        ),
    ]
    notes = [
        f"Errors are means over {len(attributes_of(store).names)} attributes. ± is the standard deviation over runs."
    ]
    if claims[1].holds is not True:
        notes.append(learning_curves(store))
    return Result(
        numbers=numbers,
        claims=claims,
        notes=notes,
        table=Table(["λ", "μ", *names], rows),
        protocol={"classifiers": "fitted to the components of the training items", "measured": "on test items"},
    )


def learning_curves(store: RunStore) -> str:
    """A sentence on the errors of the classifiers with a part of the training items, for one run."""
    by_count = classifier_errors(store, face_spec(store, WEIGHT, MU, seed=0))
    names = sorted(by_count[max(by_count)].keys() - {"majority"})
    curves = [", ".join(f"{errors[name]:.2f}" for errors in by_count.values()) + f" % ({name})" for name in names]
    return (
        f"The classifiers need different numbers of items. In the run with λ = {WEIGHT:g}, μ = {MU:g} and seed 0, "
        f"classifiers fitted to {', '.join(f'{count:,}' for count in by_count)} training items have errors of "
        f"{'; '.join(curves)}."
    )


@dataclass(frozen=True)
class Predicted(Gain):
    """The gain from one component, and the accuracy from all components.

    Attributes:
        linear: accuracy of a linear discriminant analysis of all components.
    """

    linear: float


def predictions(store: RunStore, spec: Spec) -> list[Predicted]:
    """How well the components of one run predict each attribute."""

    def measure(run: Run) -> dict[str, list[dict[str, Any]]]:
        attributes = attributes_of(store)
        train, test = run.latents("train").p, run.latents("test").p
        gains = one_component_gains(train, attributes.train, test, attributes.test, attributes.names)
        return {
            "attributes": [
                {**asdict(gain), "linear": _linear_accuracy(train, known, test, held_out, gain.base_rate)}
                for gain, known, held_out in zip(gains, attributes.train.T, attributes.test.T, strict=True)
            ]
        }

    return [Predicted(**each) for each in store.measured("table5", spec, measure)["attributes"]]


def _linear_accuracy(
    train: Float[np.ndarray, "n d"],
    known: Bool[np.ndarray, " n"],
    test: Float[np.ndarray, "m d"],
    held_out: Bool[np.ndarray, " m"],
    base_rate: float,
) -> float:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    if known.all() or not known.any():  # nothing to discriminate
        return base_rate
    return float(LinearDiscriminantAnalysis().fit(train, known).score(test, held_out))


def table_5(store: RunStore) -> Result:
    gains = predictions(store, face_spec(store, WEIGHT, MU, seed=0))
    shown = [
        gain
        for gain in gains
        if gain.attribute in published.TABLE_5 or (gain.component is not None and points(gain) >= SIGNIFICANT)
    ]
    beyond = len(shown) == 0
    if beyond:
        shown = sorted(gains, key=lambda gain: -gain.gain)[:5]
    numbers: list[Number] = []
    rows: list[list[str]] = []
    for gain in shown:
        theirs = published.TABLE_5.get(gain.attribute)
        name = gain.attribute.replace("_", " ")
        numbers.append(
            Number(f"{name}: without components", 100 * gain.base_rate, theirs and theirs[2], digits=0, unit="%")
        )
        numbers.append(
            Number(f"{name}: with one component", 100 * gain.accuracy, theirs and theirs[3], digits=0, unit="%")
        )
        component = "none" if gain.component is None else f"p{gain.component + 1}"
        paper = f"p{theirs[1]}, {theirs[2]} % → {theirs[3]} %" if theirs else ""
        rows.append(
            [f"{gain.number}. {name}", component, f"{100 * gain.base_rate:.0f} % → {100 * gain.accuracy:.0f} %", paper]
        )
    known = {gain.attribute: gain for gain in gains if gain.attribute in published.TABLE_5}
    notes = [
        f"The components are those of the first run of Figure 8 (λ = {WEIGHT:g}, μ = {MU:g}). The number of a "
        "component may differ between runs. "
        + (
            f"No attribute gains {SIGNIFICANT} points, so the table contains the five that gain most."
            if beyond
            else f"The table contains the paper's attributes and all that gain {SIGNIFICANT} points or more."
        )
    ]
    claims = []
    if known:
        claims.append(
            Claim(
                "a single component raises the accuracy by 15 points or more for each of seven attributes",
                all(points(gain) >= SIGNIFICANT for gain in known.values()),
                ", ".join(f"{name.replace('_', ' ')} {points(gain):+d}" for name, gain in known.items()),
            )
        )
        by_component: dict[int, set[int | None]] = {}
        for name, gain in known.items():
            by_component.setdefault(published.TABLE_5[name][1], set()).add(gain.component)
        claims.append(
            Claim(
                "one component predicts gender, make-up and high cheekbones, another smiling and an open mouth",
                all(len(found) == 1 for found in by_component.values()) and len(set.union(*by_component.values())) == 2,
                ", ".join(f"{name.replace('_', ' ')} {_component(gain.component)}" for name, gain in known.items()),
            )
        )
        if missed := [gain for gain in known.values() if points(gain) < SIGNIFICANT]:
            notes.append(_by_all_components(missed))
    else:
        best = max(gains, key=lambda gain: gain.gain)
        claims.append(
            Claim(
                "there are attributes for which a single component raises the accuracy",
                best.gain > 0.02,
                f"most for {best.attribute!r}, from {100 * best.base_rate:.0f} % to {100 * best.accuracy:.0f} %",
            )
        )
    return Result(
        numbers=numbers,
        claims=claims,
        notes=notes,
        table=Table(["Attribute", "Component", "Accuracy", "Paper"], rows),
        protocol={"classifier": "a decision tree of depth 1", "measured": "on test items"},
    )


def _by_all_components(gains: Sequence[Predicted]) -> str:
    """A sentence on how well a linear classifier of all components predicts the attributes of `gains`."""
    found = ", ".join(f"{gain.attribute.replace('_', ' ')} {100 * gain.linear:.0f} %" for gain in gains)
    return (
        f"For the paper's attributes that gain less than {SIGNIFICANT} points, the accuracy of a linear discriminant "
        f"analysis of all components is: {found}."
    )


def points(gain: Gain) -> int:
    """Gain in percentage points, with both accuracies rounded to whole percents."""
    return round(100 * gain.accuracy) - round(100 * gain.base_rate)


def _component(k: int | None) -> str:
    return "none" if k is None else f"p{k + 1}"


TABLE_4 = Item(
    "table4",
    "Mean error over the attributes, by classifier, in percent",
    "16 trainings on CelebA: two λ, two μ, four runs each",
    table_4,
    table_4_specs,
    attributes_of,
    measure=classifier_errors,
    trend={
        "Mean error of 20 neighbours, %": r"^(.*): KNN\(20\)$",
        "Mean error of a tree of depth 8, %": r"^(.*): DT\(8\)$",
    },
)
TABLE_5 = Item(
    "table5",
    "Attributes that a single component predicts",
    "1 training on CelebA",
    table_5,
    lambda store: [face_spec(store, WEIGHT, MU, seed=0)],
    attributes_of,
    measure=predictions,
    trend={"Accuracy with one component, %": r"^(.*): with one component$"},
)
