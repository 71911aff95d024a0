"""The quantities of a comparison: spectra, errors by number of components, probes, Fréchet distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from eccentric.errors import UsageError
from eccentric.evaluation.classifiers import train_classifier
from eccentric.evaluation.fidelity import frechet_distance
from eccentric.evaluation.probes import neighbour_error, neighbours_for, subset_errors
from eccentric.evaluation.random_latents import SAMPLINGS, random_latents
from eccentric.inference import decode, in_batches

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eccentric.data import Data
    from eccentric.evaluation.extractors import Extractor
    from eccentric.evaluation.repeatability import Repeatability
    from eccentric.models import Autoencoder
    from eccentric.runs import Run

PROBES = {10: 1, 100: 1, 1000: 5}
"""Number of neighbours that vote, by number of labelled items, as in the paper's Table 3."""
MOST_SAMPLES = 10_000
CLASSIFIER_ITEMS = 20_000
"""Minimum number of items, over all epochs, on which the classifier for the Fréchet distance is trained."""

Values = dict[str, list[float]]
"""One value for each seed or pair of seeds, by name of the quantity."""


def of_run(run: Run, data: Data, extractor: Extractor | None, seed: int) -> dict[str, float]:
    """Measure one run, except for its reconstruction error and repeatability; values by column of the result."""
    model = run.model()
    speed = run.metrics["items_per_second"]
    batch = min(run.config["train"]["batch_size"], len(data.train.x))
    values = {"seconds_per_step": float(batch / np.median(speed))}
    if run.has_spectrum:
        eigenvalues = run.components.eigenvalues.numpy()
        values |= spectrum_values(eigenvalues) | numbered("error_first", _errors_by_count(model, run, data.test.x))
    train, test = latents_of(run, "train"), latents_of(run, "test")
    values |= probe_errors(train, test, data)
    if extractor is not None:
        z = torch.from_numpy(np.asarray(run.latents("train").z))
        count = min(len(data.test.x), len(data.train.x), MOST_SAMPLES)
        components = run.components if run.has_spectrum else None
        for sampling in model.method.traits.samplings:
            drawn = random_latents(model.method, components, lambda z=z: z, count, sampling, seed)  # type: ignore[misc]
            distance = frechet(data, extractor, decode(model, drawn))
            values[f"frechet_{sampling if sampling in SAMPLINGS else 'own'}"] = distance
            values.setdefault("frechet_natural", distance)  # the first one is the default
    return values


def agreement_values(found: Repeatability, has_components: bool) -> Values:
    """The columns of repeatability."""
    names = ["cka", "r2", "cka_null", "r2_null", *(["mcc", "mcc_null"] if has_components else [])]
    values = {name: getattr(found, name).tolist() for name in names}
    if has_components:
        values["mcc_spearman"] = found.spearman.tolist()
        for column, by_component in (("mcc", found.by_component), ("spearman", found.spearman_by_component)):
            values |= {f"{column}_{k}": [float(value)] for k, value in enumerate(by_component, 1)}
    return values


def latents_of(run: Run, split: str) -> np.ndarray:
    """Coordinates along the components, (n, d); the latents if the method has no components."""
    found = run.latents(split)
    return found.p if run.has_spectrum else np.asarray(found.z)


def _errors_by_count(model: Autoencoder, run: Run, x: torch.Tensor) -> list[float]:
    """Mean squared error for k = 1, ..., d if all components but the first k are set to their mean."""
    z = in_batches(model.encode, x, model)
    p, target = run.components.encode(z), model.standardize(x[:])
    errors = []
    for k in range(1, p.shape[1] + 1):
        found = in_batches(model.decoder, run.components.decode(p[:, :k]), model)
        errors.append(float(model.item_errors(found, target).mean()))
    return errors


def spectrum_values(eigenvalues: np.ndarray) -> dict[str, float]:
    """The eigenvalues and their effective dimension, the squared sum divided by the sum of squares."""
    total, squares = eigenvalues.sum(), np.square(eigenvalues).sum()
    effective = float(total**2 / squares) if squares > 0 else 0.0
    return {"effective_dimension": effective, **numbered("eigenvalue", eigenvalues)}


def numbered(name: str, values: list[float] | np.ndarray) -> dict[str, float]:
    """One column per value, named NAME_1, NAME_2, and so on."""
    return {f"{name}_{k}": float(value) for k, value in enumerate(values, 1)}


def probe_errors(train: np.ndarray, test: np.ndarray, data: Data) -> dict[str, float]:
    """Nearest-neighbour errors with few labels and with all labels; empty if the labels are not classes."""
    labels, test_labels = data.train.labels, data.test.labels
    if labels is None or test_labels is None or 2 * len(data.label_names) > len(train):
        return {}
    counts = {count: neighbours for count, neighbours in PROBES.items() if count <= len(train)}
    few = subset_errors(train, labels, test, test_labels, counts)
    values = {f"neighbour_error_{count}": float(errors.mean()) for count, errors in few.items()}
    every = neighbour_error(train, labels, test, test_labels, neighbours_for(len(train)))
    return values | {"neighbour_error": every}


def find_extractor(data: Data, folder: Path, on_note: Callable[[str], None]) -> Extractor | None:
    """A classifier of the labels that provides the features for the Fréchet distance; None if it cannot be trained."""
    if not data.is_image:
        return None
    epochs = max(2, -(-CLASSIFIER_ITEMS // len(data.train.x)))
    try:
        return train_classifier(data, folder, epochs=epochs)
    except UsageError as error:
        on_note(f"Fréchet distances are not measured: {error}")
        return None


def frechet(data: Data, extractor: Extractor, images: torch.Tensor) -> float:
    """Fréchet distance between images and the same number of test items."""
    chosen = torch.randperm(len(data.test.x), generator=torch.Generator().manual_seed(0))[: len(images)]
    real, fake = extractor(data.test.x[chosen]), extractor(images.round().clamp(0, 255).to(torch.uint8))
    return frechet_distance(real, fake)
