"""Text of the report: summary, key numbers, comparison with PCA and settings."""

from __future__ import annotations

import math
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.report.formats import beside_pca, count, percent, sig
from eccentric.training.config import ANCHOR

if TYPE_CHECKING:
    from eccentric.report.facts import Facts


def summary(f: Facts) -> str:
    if not f.has_spectrum:
        components = "The encoding is discrete, so it has no principal components and the report no figures of them."
    elif f.own_axes:
        components = (
            "The components (p1, p2, ...) are the latent coordinates in the order in which they were learnt; the "
            "figures below show the effect of each."
        )
    else:
        components = (
            "The deep principal components (p1, p2, ...) are the principal axes of this encoding in descending order "
            "of variance; the figures below show the effect of each."
        )
    return (
        f"An autoencoder ({f.method.title}) was trained on {f.train_items:,} {f.spec.noun} ({f.name}) to encode each "
        f"as {count(f.dim, 'number')} and to reconstruct it from them. {components} On {_judged(f)}, {verdict(f)}"
    )


def _judged(f: Facts) -> str:
    if f.held_out:
        return f"{f.test_items:,} test items that were not used for training"
    return f"{f.test_items:,} of the training items, because no items were held out"


def verdict(f: Facts) -> str:
    """Comparison of the run's errors with those of PCA."""
    text = f"the reconstruction error is {beside_pca(sig(f.error), sig(f.pca_error), f.error < f.pca_error)}"
    if f.neighbours is None:
        return f"{text}."
    ours, theirs = f.neighbours.error, f.neighbours.pca_error
    text += f"; the nearest-neighbour error is {beside_pca(percent(ours), percent(theirs), ours < theirs)}"
    # Standard error of a difference of two proportions. Assuming independence is conservative.
    doubt = 2 * math.sqrt((ours * (1 - ours) + theirs * (1 - theirs)) / f.test_items)
    if 0 < abs(ours - theirs) < doubt:
        text += f", a difference that is not significant with {f.test_items:,} test items"
    return f"{text}."


def key_numbers(f: Facts) -> list[tuple[str, str, str]]:
    """Headline numbers: (quantity, value, note)."""
    if f.spec.is_sequence:
        of = f"of {f.median_steps:,} × {len(f.columns):,} values in the median sequence"
    else:
        of = f"of {f.size:,} {'pixel values' if f.is_image else 'columns'}"
    numbers = [("components" if f.has_spectrum else "latent numbers", f"{f.dim}", of)]
    if f.has_spectrum:
        numbers.append(("trace", f"{f.trace:.2f}", f"d = {f.dim}"))
    numbers.append(("reconstruction error", sig(f.error), f"PCA {sig(f.pca_error)}"))
    if f.neighbours:
        beside = f"PCA {percent(f.neighbours.pca_error)}"
        numbers.append(("nearest-neighbour error", percent(f.neighbours.error), beside))
    return numbers


def comparison(f: Facts) -> list[tuple[str, str, str]]:
    """Rows of the comparison table: (quantity, this run, PCA)."""
    rows = [(f"Reconstruction error ({error_unit(f)})", sig(f.error), sig(f.pca_error))]
    if f.neighbours and f.test.labels is not None:
        k, ours, theirs = f.neighbours.count, percent(f.neighbours.error), percent(f.neighbours.pca_error)
        rows.append((f"Nearest-neighbour error ({count(k, 'neighbour')})", ours, theirs))
        _, counts = np.unique(f.test.labels, return_counts=True)
        blind = percent(1 - counts.max() / counts.sum())
        rows.append(("Baseline: always predicting the most frequent label", blind, blind))
    return rows


def error_unit(f: Facts) -> str:
    if f.is_image:
        return "squared, pixel values from 0 to 1"
    unit = f"the mean of the {f.noun}s' variances" if f.one_unit else f"each {f.noun}'s variance"
    return f"squared, in units of {unit}" + (", without padding" if f.spec.is_sequence else "")


def setup(f: Facts, config: dict[str, Any], parameters: int) -> list[tuple[str, str]]:
    """Settings of the training: (name, text)."""
    s = f.settings
    steps, rate = f.metrics["step"], f.metrics["items_per_second"]
    seconds = float((np.diff(steps, prepend=0) * f.batch_size / rate).sum())
    schedule = "" if s.schedule == "constant" else f" ({s.schedule})"
    precision = (config.get("engine") or {}).get("precision")
    factor = "" if s.width == 1 else f" of width {s.width:g}"
    if f.is_image:
        channels, height, width = f.shape
        kind = f"images, {width} × {height} pixels, {count(channels, 'channel')}"
    elif f.spec.is_sequence:
        kind = f"sequences of {count(len(f.columns), 'feature')}, up to {count(f.shape[0], 'step')}"
    else:
        kind = f"table, {count(f.size, 'column')}"
    anchor = f" + {s.anchor:g} × {s.term_titles[ANCHOR]}" if s.anchor else ""
    return [
        ("Data", f"{f.name} ({kind})"),
        (
            "Split",
            f"{f.train_items:,} training and {f.test_items:,} test items; "
            f"{config['data'].get('split', 'the split is not recorded')}",
        ),
        ("Model", f"architecture {s.architecture}{factor}, {parameters:,} parameters, d = {s.dim}"),
        ("Objective", f.method.objective(f.method_settings) + anchor),
        (
            "Training",
            f"{round(f.epochs[-1], 1):g} of {s.epochs} epochs, {steps[-1]:,.0f} steps of {f.batch_size} items; Adam, "
            f"learning rate {s.learning_rate:g}{schedule}, weight decay {s.weight_decay:g}; seed {s.seed}"
            + (f"; {precision}" if precision else ""),
        ),
        (
            "Time",
            f"{timedelta(seconds=math.ceil(seconds))} for training steps, "
            f"{steps[-1] * f.batch_size / seconds:,.0f} items per second, "
            f"on {config.get('device', 'an unrecorded device')}",
        ),
        ("Versions", ", ".join(f"{name} {version}" for name, version in config.get("versions", {}).items())),
        ("Status", f.status),
    ]


def command(config: dict[str, Any]) -> str | None:
    """The command that repeats the run, or None if the run folder does not record how the data were loaded."""
    data, settings, method = config["data"], config["train"], config["method"]
    if "source" not in data or settings["architecture"] == "custom":
        return None
    options = {name.replace("_", "-"): value for name, value in settings.items()}
    reading = ("label", "item_kind", "image_size", "test_fraction")
    options |= {name.replace("_", "-"): data.get(name) for name in reading}
    options |= {"split-seed": data.get("seed"), "drop": ",".join(map(str, data.get("drop") or [])) or None}
    words = ["--out RUN", f"--method {shlex.quote(method['name'])}"]
    words += [f"--set {shlex.quote(f'{name}={value}')}" for name, value in method["settings"].items()]
    words += [shlex.join([f"--{name}", str(value)]) for name, value in options.items() if value is not None]
    lines = [f"eccentric train {shlex.quote(str(data['source']))}"]
    for word in words:
        if len(lines[-1]) + len(word) > 66:
            lines.append(" ")
        lines[-1] += f" {word}"
    return " \\\n".join(lines)
