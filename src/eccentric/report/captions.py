"""What stands under each picture, from the facts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccentric import plots
from eccentric.evaluation.random_latents import describe_sampling
from eccentric.report.formats import beside_pca, count, percent, sig
from eccentric.report.words import error_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eccentric.report.facts import Facts

PAIR, GRID = 2.0, 1.5
"""Standard deviations to either side in pairs and in the grid."""
CLOSE = 0.05
"""Neighbouring eigenvalues that differ by less than this share may mix."""


def curves(f: Facts) -> str:
    measured = np.flatnonzero(np.isfinite(f.metrics["test_reconstruction"]))
    text = (
        f"The reconstruction error ({error_unit(f)}) ended at {sig(f.metrics['reconstruction'][-1])} on training items "
        f"and at {sig(f.error)} on test items, "
        f"{'which the model never trained on' if f.held_out else 'here training items too, as none were held out'}"
    )
    if len(measured):
        best = measured[f.metrics["test_reconstruction"][measured].argmin()]
        lowest = f.metrics["test_reconstruction"][best]
        if f.error > 1.02 * lowest:
            text += f", after a lowest {sig(lowest)} at epoch {f.metrics['epoch'][best]:.0f}"
    names = list(f.method.term_titles.values())
    terms = f" Shown before {'their weights' if len(names) > 1 else 'its weight'}: {', '.join(names)}." if names else ""
    return (
        f"{text}. The dashed line in the top panel is what PCA with {count(f.pca_dim, 'component')} reaches on test "
        f"items, {sig(f.pca_error)}.{terms} The trace, "
        f"measured on batches while the weights were changing, ended at {f.metrics['trace'][-1]:.2f}."
    )


def spectrum(f: Facts) -> str:
    values, d = f.eigenvalues, f.dim
    off = f.trace / d - 1
    aim = f.method.about_spectrum(f.method_settings)
    text = (
        "How much the training items vary along each component. The orange line at 1 is where a standard normal "
        f"distribution, or a sphere of radius √{d}, has every component. The variances add up to the trace, "
        f"{f.trace:.2f}: {percent(abs(off))} {'below' if off < 0 else 'above'} d = {d}." + (f" {aim}" if aim else "")
    )
    if d > 1:
        near = [f"p{k + 1}/p{k + 2}" for k in range(d - 1) if values[k] - values[k + 1] < CLOSE * values[k + 1]]
        named = ", ".join(near) or "none" if len(near) <= 4 else f"{len(near)} of {d - 1} pairs"
        text += f" The variances run from {values[0]:.2f} (p1) to {values[-1]:.2f} (p{d})."
        if not f.own_axes:
            text += (
                f" Neighbours within {100 * CLOSE:.0f} % of each other, here {named}, may trade places or mix when "
                "training is repeated."
            )
        text += f" Components that hardly vary at all (below 0.01): {int((values < 0.01).sum())}."
    return text


def scatter(f: Facts) -> str:
    n = len(f.test.p)
    which = f"A random {plots.MOST_POINTS:,} of the {n:,}" if f.dim > 1 and n > plots.MOST_POINTS else f"The {n:,}"
    text = f"{which} test items by their first two components"
    if f.dim == 1:
        text = f"The {n:,} test items along the only component."
    elif f.dim == 2:
        text += (
            ". If all lay on the circle, of radius √2, the trace would be 2; their median distance from the centre is "
            f"{np.median(np.linalg.norm(f.test.p, axis=1)):.2f}."
        )
    else:
        text += f", which hold {percent(f.eigenvalues[:2].sum() / max(f.trace, 1e-30))} of the variance."
    kind = plots.label_kind(f.test.labels)
    if kind == "none":
        return f"{text} There are no labels."
    kinds = len(np.unique(np.asarray(f.test.labels)))
    if kind == "too many" or (kind == "numbers" and f.dim == 1):
        return f"{text} The {kinds} different labels are too many to colour."
    which = f"the nine most frequent of {kinds} labels" if kind == "frequent" else "the labels"
    return f"{text} Colours are {which}, which training did not see."


def eigenpairs(f: Facts) -> str:
    return (
        f"What each component does to an image: all others held at their mean, this one moved {PAIR:g} standard "
        "deviations to its minus side (left) and to its plus side (right). What differs within a pair is what the "
        f"component encodes; which side is called plus is a convention. In brackets the eigenvalue.{_first(f)}"
    )


def reconstructions(f: Facts) -> str:
    return (
        f"Test items, and under each what the model draws from the {count(f.dim, 'number')} it keeps of it; chosen at "
        f"random. {_error(f)}"
    )


def samples(f: Facts, samplings: Sequence[str]) -> str:
    if tuple(samplings) == ("standard", "matched"):
        how = (
            "Left: from a standard normal distribution. Right: from a Gaussian with the mean and covariance of the "
            "encoded training items. Both start from the same random numbers."
        )
    else:
        how = " ".join(f"{name[0].upper()}{name[1:]}: {describe_sampling(f.method, name)}" for name in samplings)
    return (
        f"Images decoded from random latents, not chosen. {how} The report does not score them; look whether they are "
        "as varied and as clean as the originals."
    )


def grid(across: list[int], down: list[int]) -> str:
    names = [", ".join(f"p{k + 1}" for k in components) for components in (across, down)]
    return (
        f"Every combination of {names[0]} (across) and {names[1]} (down) at {GRID:g} standard deviations to their plus "
        "or minus side, any other components at their mean. A component that means the same whatever the others are "
        "changes the image in the same way everywhere."
    )


def effects(f: Facts) -> str:
    text = (
        f"What each component does to the columns: the change from {PAIR:g} standard deviations on its minus side to "
        f"{PAIR:g} on its plus side, all other components at their mean, {_unit(f)}. Which side is called plus is a "
        f"convention.{_first(f)}"
    )
    if f.size > plots.MOST_FEATURES:
        text += f" Shown are the {plots.MOST_FEATURES} of {f.size:,} columns with the greatest change."
    return text


def feature_errors(f: Facts, errors: np.ndarray, examples: int) -> str:
    """`errors` as in `plots.feature_errors`, measured on so many `examples`."""
    text = (
        f"How far each column is off when {count(examples, 'test item')} (chosen at random, all that the run folder "
        "keeps) are rebuilt from their components, squared, "
    )
    if f.one_unit:
        text += "over the mean of the columns' variances: 0 is perfect. With so few items the order is rough."
    else:
        text += (
            "as a share of the column's variance over the training items: 0 is perfect; at 1 (orange line) the "
            "column's mean would be as good an answer. With so few items the order is rough. At 1 or beyond: "
            f"{int((errors >= 1).sum()):,} of {count(f.size, 'column')}."
        )
    return f"{text} {_error(f)}"


def _unit(f: Facts) -> str:
    if f.one_unit:
        return "in units of the root of the mean of the columns' variances"
    return "in standard deviations of the column"


def _first(f: Facts) -> str:
    return f" The first {plots.MOST_PAIRS} of {f.dim} components are shown." if f.dim > plots.MOST_PAIRS else ""


def _error(f: Facts) -> str:
    verdict = beside_pca(sig(f.error), sig(f.pca_error), f.error < f.pca_error)
    return f"Over all {f.test_items:,} test items the error ({error_unit(f)}) is {verdict}."
