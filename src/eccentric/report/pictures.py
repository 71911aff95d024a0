"""The pictures of the report, drawn."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eccentric import plots
from eccentric.inference import decode, encode
from eccentric.padding import pad_like
from eccentric.report import captions
from eccentric.report.captions import GRID, PAIR
from eccentric.report.formats import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.models import Autoencoder
    from eccentric.report.facts import Facts


@dataclass(frozen=True)
class Picture:
    """One figure of the report."""

    name: str
    """File name in figures/, without the suffix."""
    title: str
    caption: str
    alt: str
    png: bytes
    figure: Figure

    @property
    def src(self) -> str:
        return "data:image/png;base64," + base64.b64encode(self.png).decode()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int.from_bytes(self.png[16:20], "big"), int.from_bytes(self.png[20:24], "big")


def draw(
    facts: Facts,
    model: Autoencoder,
    components: DeepComponents | None,
    examples: Tensor,
    random: Callable[[str], Tensor],
) -> list[Picture]:
    """All figures of a run, in the order of the page.

    Args:
        facts: of the run.
        model, components: trained model on the CPU and its components; None for a method without a spectrum.
        examples: a few raw test items, (k, *shape).
        random: function from the name of a way of sampling to random latents.
    """
    redrawn = decode(model, encode(model, examples))
    if facts.spec.is_sequence:
        return _of_sequences(facts, model, components, examples, pad_like(redrawn, examples))
    if components is None:
        if facts.is_image:
            return [_curves(facts), _reconstructions(facts, examples, redrawn), _samples(facts, model, random)]
        return [_curves(facts), _feature_errors(facts, model, examples, redrawn)]
    first = [_curves(facts), _spectrum(facts), _scatter(facts)]
    if not facts.is_image:
        return [*first, _effects(facts, model, components), _feature_errors(facts, model, examples, redrawn)]
    images = [_eigenpairs(facts, model, components), _reconstructions(facts, examples, redrawn)]
    images += [_samples(facts, model, random)]
    return [*first, *images, _grid(facts, model, components)] if facts.dim > 1 else [*first, *images]


def _of_sequences(
    f: Facts, model: Autoencoder, components: DeepComponents | None, examples: Tensor, redrawn: Tensor
) -> list[Picture]:
    redrawing = _sequences(f, examples, redrawn)
    errors = _feature_errors(f, model, examples, redrawn)
    if components is None:
        return [_curves(f), redrawing, errors]
    return [_curves(f), _spectrum(f), _scatter(f), _eigencurves(f, model, components), redrawing, errors]


def _curves(f: Facts) -> Picture:
    m = f.metrics
    terms = {title[0].upper() + title[1:]: m[f"term/{name}"] for name, title in f.settings.term_titles.items()}
    trace = m["trace"] if f.has_spectrum else None
    figure = plots.curves(f.epochs, m["reconstruction"], m["test_reconstruction"], terms, trace, f.dim, f.pca_error)
    return _picture("curves", "Learning curves", figure, captions.curves(f), "Line charts of the losses by epoch.")


def _spectrum(f: Facts) -> Picture:
    alt = f"Bar chart of {count(f.dim, 'eigenvalue')}, trace {f.trace:.2f}."
    return _picture("spectrum", "Spectrum", plots.spectrum(f.eigenvalues), captions.spectrum(f), alt)


def _scatter(f: Facts) -> Picture:
    if f.dim == 1:
        figure = plots.histogram(f.test.p, f.test.labels)
        title, alt = "Items along the component", "Histogram of the first component."
    else:
        figure = plots.scatter(f.test.p, f.test.labels, f.eigenvalues, circle=f.dim == 2)
        title, alt = "The first two components", "Scatter plot of the test items on the first two components."
    return _picture("scatter", title, figure, captions.scatter(f), alt)


def _eigenpairs(f: Facts, model: Autoencoder, components: DeepComponents) -> Picture:
    pairs = _decode(f, model, components.eigenpairs(min(f.dim, plots.MOST_PAIRS), PAIR))
    alt = f"{count(len(pairs), 'pair')} of images, one for each component."
    figure = plots.eigenpairs(pairs, f.eigenvalues)
    return _picture("eigenpairs", "Effect of each component", figure, captions.eigenpairs(f), alt)


def _reconstructions(f: Facts, examples: Tensor, redrawn: Tensor) -> Picture:
    figure = plots.reconstructions(examples.numpy(), redrawn.numpy())
    alt = "Test images and reconstructions."
    return _picture("reconstructions", "Reconstructions", figure, captions.reconstructions(f), alt)


def _samples(f: Facts, model: Autoencoder, random: Callable[[str], Tensor]) -> Picture:
    known = f.method.traits.samplings
    shown = ("standard", "matched") if {"standard", "matched"} <= set(known) else known[:2]
    figure = plots.samples({name: _decode(f, model, random(name)) for name in shown})
    return _picture("samples", "Samples", figure, captions.samples(f, shown), "Random images.")


def _grid(f: Facts, model: Autoencoder, components: DeepComponents) -> Picture:
    chosen = list(range(min(f.dim, 6)))
    half = math.ceil(len(chosen) / 2)
    across, down = chosen[:half], chosen[half:]
    figure = plots.grid(_decode(f, model, components.grid(across, down, GRID)), across, down)
    return _picture("grid", "Combinations of components", figure, captions.grid(across, down), "A grid of images.")


def _effects(f: Facts, model: Autoencoder, components: DeepComponents) -> Picture:
    pairs = _decode(f, model, components.eigenpairs(min(f.dim, plots.MOST_PAIRS), PAIR))
    change = (pairs[:, 1] - pairs[:, 0]) / model.scale.numpy()
    figure = plots.feature_effects(change.reshape(len(pairs), -1), f.columns, f.one_unit)
    alt = "Map of the change of each column with each component."
    return _picture("effects", "Effect of each component", figure, captions.effects(f), alt)


def _feature_errors(f: Facts, model: Autoencoder, examples: Tensor, redrawn: Tensor) -> Picture:
    gap = ((redrawn - examples) / model.scale).numpy()
    # Of sequences, the mean over the real steps.
    errors = np.nanmean(np.square(gap).reshape(-1, len(f.columns)), 0)
    figure = plots.feature_errors(errors, f.columns, f.one_unit)
    caption = captions.feature_errors(f, errors, len(gap))
    return _picture("feature-errors", f"Reconstruction by {f.noun}", figure, caption, f"Error of each {f.noun}.")


def _eigencurves(f: Facts, model: Autoencoder, components: DeepComponents) -> Picture:
    pairs = _decode(f, model, components.eigenpairs(min(f.dim, plots.MOST_PAIRS), PAIR))[:, :, : f.median_steps]
    figure = plots.eigencurves(pairs, f.eigenvalues, f.columns)
    alt = f"{count(len(pairs), 'pair')} of curves, one for each component."
    return _picture("eigenpairs", "Effect of each component", figure, captions.eigencurves(f), alt)


def _sequences(f: Facts, examples: Tensor, redrawn: Tensor) -> Picture:
    figure = plots.curve_reconstructions(examples.numpy(), redrawn.numpy(), f.columns)
    caption = captions.sequences(f, min(len(examples), plots.MOST_SEQUENCES))
    return _picture("reconstructions", "Reconstructions", figure, caption, "Test sequences and reconstructions.")


def _decode(f: Facts, model: Autoencoder, z: Tensor) -> np.ndarray:
    """Decode latents (..., d) to raw items (..., *shape)."""
    return decode(model, z.reshape(-1, f.dim)).numpy().reshape(*z.shape[:-1], *f.shape)


def _picture(name: str, title: str, figure: Figure, caption: str, alt: str) -> Picture:
    return Picture(name, title, caption, alt, plots.png(figure), figure)
