"""Table 1: Fréchet distance of random images to real ones, by way of sampling."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import f_oneway

from eccentric._version import __version__
from eccentric.errors import EccentricError, UsageError
from eccentric.evaluation.classifiers import train_attribute_classifier, train_classifier
from eccentric.evaluation.extractors import inception
from eccentric.evaluation.fidelity import Fidelity
from eccentric.evaluation.sampling import FidelityTable, Row, table_of_fidelity
from eccentric.files import read_json, write_json
from eccentric.paper import published
from eccentric.paper.attributes import attributes_of
from eccentric.paper.items import Item
from eccentric.paper.results import Claim, Number, Result, Table, ordered, summarised
from eccentric.paper.spectra import face_specs
from eccentric.runs.digests import fingerprint
from eccentric.runs.names import MODEL
from eccentric.theory import kernel_constant
from eccentric.training import find_device

if TYPE_CHECKING:
    from eccentric.evaluation.extractors import Extractor
    from eccentric.paper.run_store import RunStore
    from eccentric.paper.scale import Spec

KINDS = ("standard", "matched", "mixture", "reconstruction", "train")
TITLES = {kind: kind for kind in KINDS} | {"train": "train vs test"}
"""Names of the kinds in the table and among the numbers."""
MEASURES = {"kernel": "kernel distance", "precision": "precision", "recall": "recall"}
"""Measures besides the Fréchet distance, with their titles."""
DIRECTIONS = (
    "The published numbers use features of Inception, so only the directions of differences can be compared with ours."
)
EXTRACTORS, MEASURED = "extractors", "fidelity"
SIGNIFICANT = 0.05
SEEN = 20_000
"""Minimum number of items that the feature classifier sees in all epochs."""


def table_1_specs(store: RunStore) -> list[Spec]:
    return [spec for specs in face_specs(store, store.scale.mus).values() for spec in specs]


def find_extractor(store: RunStore) -> tuple[Extractor, list[str]]:
    """Inception if it is available and the data are those of the paper; otherwise a classifier trained on the data."""
    data = store.data("celeba")
    notes = []
    if store.is_papers("celeba"):
        try:
            return inception(store.scale.fid_weights), []
        except EccentricError as error:
            store.note(f"the paper's features are not used: {error}")
            libraries = "torch-fidelity and a matching torchvision were not installed"
            why = libraries if isinstance(error, UsageError) else "the weights of Inception were not available"
            notes.append(
                f"The paper's features are not used because {why}. Distances in other features have another scale."
            )
    folder = store.folder / EXTRACTORS
    epochs = max(2, math.ceil(SEEN / len(data.train.x)))
    try:
        found = attributes_of(store)
    except EccentricError:
        return train_classifier(data, folder, epochs=epochs), notes
    if found.names[0].startswith("is "):  # classes in disguise
        return train_classifier(data, folder, epochs=epochs), notes
    return train_attribute_classifier(data, found.train, found.test, folder, epochs=epochs + 3), notes


def table_1(store: RunStore) -> Result:
    extractor, notes = find_extractor(store)
    comparable = extractor.name == "Inception"
    distances: dict[tuple[float, float], dict[str, list[float]]] = {}
    real: dict[int, float] = {}
    others: dict[str, dict[str, list[float]]] = {kind: {} for kind in KINDS}
    protocol = ""
    for setting, specs in face_specs(store, store.scale.mus).items():
        found = distances[setting] = {kind: [] for kind in KINDS}
        for spec in specs:
            table = measured(store, spec, extractor)
            protocol = table.protocol
            for kind in table.rows:
                found[kind.images].append(kind.fidelity.frechet)
                for name in MEASURES:
                    others[kind.images].setdefault(name, []).append(getattr(kind.fidelity, name))
            real[spec.seed] = found["train"][-1]  # it does not depend on runs
    numbers: list[Number] = []
    rows: list[list[str]] = []
    for weight in published.WEIGHTS:
        inside = {setting: found for setting, found in distances.items() if setting[0] == weight}
        for (_, mu), found in inside.items():
            N = kernel_constant(store.face_dim, mu)
            row = _numbers(f"λ = {weight:g}, μ = {mu:g}", found, published.TABLE_1.get((weight, mu), {}))
            numbers += row
            rows.append([f"{weight:g}", f"{mu:g}", f"{N:.2f}", f"{len(found['standard'])}", *(n.text() for n in row)])
            rows.append(_paper_row(row))
        total = {kind: [value for found in inside.values() for value in found[kind]] for kind in KINDS}
        total["train"] = list(real.values())
        whole = {mu for _, mu in inside} == set(published.MUS)  # the paper's aggregate is over its five
        row = _numbers(f"λ = {weight:g}, all μ", total, published.TABLE_1_AGGREGATE[weight] if whole else {})
        numbers += row
        rows.append(["**all**", "", "", f"{len(total['standard'])}", *(n.text() for n in row)])
        if whole:
            rows.append(_paper_row(row))
    numbers += [
        Number(f"{TITLES[kind]}, all runs: {MEASURES[name]}", float(np.mean(values)), digits=3)
        for kind, measures in others.items()
        for name, values in measures.items()
    ]
    claims = _claims(distances)
    return Result(
        numbers=numbers,
        claims=claims,
        notes=[
            *notes,
            *([] if comparable else [DIRECTIONS]),
            "In addition to the paper, the table contains a mixture of Gaussians fitted to the training latents, and "
            "two references: reconstructions of training images show what perfect sampling of the latents would give, "
            "and training against test images shows what real images give, once for each seed. ± is the standard "
            "deviation over runs.",
            *([] if claims[1].holds is True else [_beyond_reconstructions(distances)]),
        ],
        table=Table(["λ", "μ", "N", "runs", *TITLES.values()], rows),
        comparable=comparable,
        protocol={"Fréchet distance": f"{protocol}; seeds are those of the runs"},
    )


def measured(store: RunStore, spec: Spec, extractor: Extractor) -> FidelityTable:
    """Load an earlier measurement of the same weights, or measure now, which takes minutes and may be interrupted."""
    run, data = store.run(spec), store.data(spec.role)
    of = {
        "weights": hashlib.sha256((run.path / MODEL).read_bytes()).hexdigest(),
        "data": fingerprint(data.test.x),
        "features": extractor.protocol,
        "eccentric": __version__,
    }
    path = store.folder / MEASURED / f"{'-'.join(run.path.relative_to(store.folder).parts[1:])}.json"
    if path.is_file() and (known := read_json(path))["of"] == of:
        rows = [Row(row["images"], Fidelity(**row["fidelity"])) for row in known["rows"]]
        return FidelityTable(rows, known["protocol"], known["gaussians"])
    model = run.model().to(find_device(store.scale.device))
    table = table_of_fidelity(model, run.components, data, extractor, seed=spec.seed)
    path.parent.mkdir(exist_ok=True)
    write_json(path, {"of": of, **asdict(table)})
    return table


def _numbers(place: str, found: dict[str, list[float]], known: dict[str, tuple[float, float]]) -> list[Number]:
    return [
        summarised(f"{place}: {title}", found[kind], known.get(kind), digits=1 if np.mean(found[kind]) >= 10 else 2)
        for kind, title in TITLES.items()
    ]


def _paper_row(row: list[Number]) -> list[str]:
    texts = [number.published_text() for number in row]
    return ["", "*paper*", "", "", *(f"*{text}*" if text else "" for text in texts)]


def _claims(distances: dict[tuple[float, float], dict[str, list[float]]]) -> list[Claim]:
    low, high = published.WEIGHTS

    def over(weight: float, kind: str) -> Number:
        return summarised("", [value for (w, _), found in distances.items() if w == weight for value in found[kind]])

    standard, matched = (tuple(over(weight, kind) for weight in (low, high)) for kind in ("standard", "matched"))
    better = [m < s for found in distances.values() for m, s in zip(found["matched"], found["standard"], strict=True)]
    return [
        Claim(
            "matched sampling is better than standard sampling",
            all(better),
            f"{matched[0].text()} against {standard[0].text()} for λ = {low:g}, {matched[1].text()} against "
            f"{standard[1].text()} for λ = {high:g}; in {sum(better)} of {len(better)} runs",
        ),
        Claim(
            "standard sampling is better with λ = 0.001, matched sampling with λ = 0.0001",
            ordered([(standard[1], standard[0]), (matched[0], matched[1])]),
            f"standard {standard[1].text()} against {standard[0].text()}; matched {matched[0].text()} against "
            f"{matched[1].text()}",
        ),
        no_effect_of_mu(distances),
    ]


def _beyond_reconstructions(distances: dict[tuple[float, float], dict[str, list[float]]]) -> str:
    """A sentence on the ways of sampling without the effect of λ on the reconstructions."""

    def beyond(weight: float, kind: str) -> str:
        pairs = [
            zip(found[kind], found["reconstruction"], strict=True) for (w, _), found in distances.items() if w == weight
        ]
        return summarised("", [a - b for each in pairs for a, b in each], digits=1).text()

    low, high = published.WEIGHTS
    return (
        "The distance of the reconstructions depends on λ, too. Compared with it in each run, standard sampling adds "
        f"{beyond(low, 'standard')} for λ = {low:g} and {beyond(high, 'standard')} for λ = {high:g}, and matched "
        f"sampling {beyond(low, 'matched')} and {beyond(high, 'matched')}."
    )


def no_effect_of_mu(distances: dict[tuple[float, float], dict[str, list[float]]]) -> Claim:
    """By one-way analysis of variance for each weight and way of sampling, corrected for their number."""
    groups = [
        [found[kind] for (w, _), found in distances.items() if w == weight]
        for weight in published.WEIGHTS
        for kind in ("standard", "matched")
    ]
    means = [[float(np.mean(values)) for values in each] for each in groups]
    difference = max(max(m) / min(m) - 1 for m in means)
    evidence = f"means over runs differ between values of μ by up to {100 * difference:.0f} %"
    holds = None
    if all(len(values) > 1 for each in groups for values in each):
        p = min(1.0, len(groups) * min(float(f_oneway(*each).pvalue) for each in groups))
        holds = p > SIGNIFICANT
        evidence += f"; p = {p:.2g} by analysis of variance (the smallest of {len(groups)} tests, after Bonferroni)"
    return Claim("μ makes no significant difference", holds, evidence)


TABLE_1 = Item(
    "table1",
    "Fréchet distance between random and real images, by way of sampling",
    "28 trainings on CelebA: two λ, five μ, two or four runs each",
    table_1,
    table_1_specs,
    trend={
        "Fréchet distance, standard sampling": r"^(.*), all μ: standard$",
        "Fréchet distance, matched sampling": r"^(.*), all μ: matched$",
    },
)
