"""Captions of the figures, computed from the facts of a run."""

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
"""Distance from the mean in standard deviations, in pairs and in the grid."""
CLOSE = 0.05
"""Components may mix if the relative difference of their eigenvalues is smaller."""


def curves(f: Facts) -> str:
    measured = np.flatnonzero(np.isfinite(f.metrics["test_reconstruction"]))
    text = (
        f"The reconstruction error ({error_unit(f)}) ended at {sig(f.metrics['reconstruction'][-1])} on training items "
        f"and at {sig(f.error)} on test items, "
        f"which were {'not used for training' if f.held_out else 'also used for training, as none were held out'}"
    )
    if len(measured):
        best = measured[f.metrics["test_reconstruction"][measured].argmin()]
        lowest = f.metrics["test_reconstruction"][best]
        if f.error > 1.02 * lowest:
            text += f"; its minimum was {sig(lowest)} at epoch {f.metrics['epoch'][best]:.0f}"
    text += (
        f". The dashed line in the top panel is the error of PCA with {count(f.pca_dim, 'component')} on test items, "
        f"{sig(f.pca_error)}."
    )
    if f.settings.term_titles:
        names = ", ".join(f.settings.term_titles.values())
        text += f" Terms are shown before multiplication by their weights: {names}."
    if f.has_spectrum:
        text += f" The trace, measured on training batches, ended at {f.metrics['trace'][-1]:.2f}."
    return text


def spectrum(f: Facts) -> str:
    values, d = f.eigenvalues, f.dim
    off = f.trace / d - 1
    aim = f.method.about_spectrum(f.method_settings)
    text = (
        "Variance of the training items along each component. The orange line at 1 is the variance of each component "
        f"of a standard normal distribution, or of a sphere of radius √{d}. The sum of the variances is the trace, "
        f"{f.trace:.2f}: {percent(abs(off))} {'below' if off < 0 else 'above'} d = {d}." + (f" {aim}" if aim else "")
    )
    if d > 1:
        near = [f"p{k + 1}/p{k + 2}" for k in range(d - 1) if values[k] - values[k + 1] < CLOSE * values[k + 1]]
        named = ", ".join(near) or "none" if len(near) <= 4 else f"{len(near)} of {d - 1} pairs"
        text += f" The variances range from {values[0]:.2f} (p1) to {values[-1]:.2f} (p{d})."
        if f.axes == "principal":
            text += (
                f" If training is repeated, neighbouring components with variances within {100 * CLOSE:.0f} % of "
                f"each other (here {named}) may be swapped or mixed."
            )
        text += f" Number of components with a variance below 0.01: {int((values < 0.01).sum())}."
    return text


def scatter(f: Facts) -> str:
    n = len(f.test.p)
    which = f"A random {plots.MOST_POINTS:,} of the {n:,}" if f.dim > 1 and n > plots.MOST_POINTS else f"The {n:,}"
    text = f"{which} test items by their first two components"
    if f.dim == 1:
        text = f"The {n:,} test items along the only component."
    elif f.dim == 2:
        text += (
            ". If all items were on the circle, of radius √2, the trace would be 2. Their median distance from the "
            f"centre is {np.median(np.linalg.norm(f.test.p, axis=1)):.2f}."
        )
    else:
        text += f", which account for {percent(f.eigenvalues[:2].sum() / max(f.trace, 1e-30))} of the variance."
    kind = plots.label_kind(f.test.labels)
    if kind == "none":
        return f"{text} There are no labels."
    kinds = len(np.unique(np.asarray(f.test.labels)))
    if kind == "too many" or (kind == "numbers" and f.dim == 1):
        return f"{text} The {kinds} different labels are too many to colour."
    which = f"the nine most frequent of {kinds} labels" if kind == "frequent" else "the labels"
    return f"{text} Colours are {which}, which were not used for training."


def eigenpairs(f: Facts) -> str:
    return (
        f"Effect of each component on an image: each pair shows the component at minus {PAIR:g} (left) and plus "
        f"{PAIR:g} (right) standard deviations, with all other components at their mean. The difference within a "
        "pair is what the component encodes. The sign is a convention. The eigenvalue is given in "
        f"brackets.{_first(f)}"
    )


def eigencurves(f: Facts) -> str:
    text = (
        f"Effect of each component on a sequence: the component at minus {PAIR:g} (blue) and plus {PAIR:g} (orange) "
        "standard deviations, with all other components at their mean. The difference between the curves is what the "
        "component encodes. The sign is a convention. The eigenvalue is given in brackets. The curves have the "
        f"{count(f.median_steps or 0, 'step')} of the median sequence.{_first(f)}"
    )
    if len(f.columns) > plots.MOST_CURVES:
        text += f" Shown are the {plots.MOST_CURVES} of {len(f.columns):,} features with the greatest change."
    return text


def sequences(f: Facts, shown: int) -> str:
    text = (
        f"{count(shown, 'test sequence')}, chosen at random, and the reconstruction of each from "
        f"{count(f.dim, 'number')}, cut to its length."
    )
    if len(f.columns) > plots.MOST_CURVES:
        text += f" Shown are the first {plots.MOST_CURVES} of {len(f.columns):,} features."
    return f"{text} {_error(f)}"


def reconstructions(f: Facts) -> str:
    return (
        f"Randomly chosen test items (top) and their reconstructions from {count(f.dim, 'number')} (bottom). "
        f"{_error(f)}"
    )


def samples(f: Facts, samplings: Sequence[str]) -> str:
    if tuple(samplings) == ("standard", "matched"):
        how = (
            "Left: latents from a standard normal distribution. Right: latents from a Gaussian with the mean and "
            "covariance of the training latents. Both are computed from the same random numbers."
        )
    else:
        how = " ".join(f"{name[0].upper()}{name[1:]}: {describe_sampling(f.method, name)}" for name in samplings)
    return (
        f"Images decoded from random latents, without selection. {how} The report does not score the samples; "
        "compare their variety and sharpness with those of the data."
    )


def grid(across: list[int], down: list[int]) -> str:
    names = [", ".join(f"p{k + 1}" for k in components) for components in (across, down)]
    return (
        f"All combinations of {names[0]} (columns) and {names[1]} (rows) at plus or minus {GRID:g} standard "
        "deviations, with all other components at their mean. A component changes the image in the same way "
        "everywhere if its effect does not depend on the other components."
    )


def effects(f: Facts) -> str:
    text = (
        f"Effect of each component on the columns: the change from minus {PAIR:g} to plus {PAIR:g} standard "
        f"deviations, with all other components at their mean, {_unit(f)}. The sign is a convention.{_first(f)}"
    )
    if f.size > plots.MOST_FEATURES:
        text += f" The {plots.MOST_FEATURES} of {f.size:,} columns with the largest change are shown."
    return text


def feature_errors(f: Facts, errors: np.ndarray, examples: int) -> str:
    """Caption of `plots.feature_errors`; `errors` are measured on the given number of `examples`."""
    text = (
        f"Squared reconstruction error of each {f.noun} for {count(examples, 'test item')} (chosen at random and "
        "stored in the run folder), "
    )
    if f.one_unit:
        text += (
            f"relative to the mean of the {f.noun}s' variances: 0 is perfect. With few items the order is approximate."
        )
    else:
        text += (
            f"relative to the {f.noun}'s variance over the training items: 0 is perfect; at 1 (orange line) the "
            f"reconstruction is no better than the {f.noun}'s mean. With few items the order is approximate. At 1 or "
            f"above: {int((errors >= 1).sum()):,} of {count(len(f.columns), f.noun)}."
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
