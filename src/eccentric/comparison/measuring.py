"""What is measured for every method alike, from the finished runs of a candidate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from eccentric.errors import UsageError
from eccentric.evaluation.baselines import fit_kernel_pca, fit_pca
from eccentric.evaluation.classifiers import train_classifier
from eccentric.evaluation.fidelity import fidelity
from eccentric.evaluation.probes import neighbour_error, neighbours_for, subset_errors
from eccentric.evaluation.random_latents import SAMPLINGS, random_latents
from eccentric.evaluation.repeatability import repeatability
from eccentric.inference import decode, in_batches, reconstruction_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eccentric.comparison.plan import Rows
    from eccentric.comparison.trainings import Trained
    from eccentric.data import Data, Split
    from eccentric.evaluation.baselines import Baseline
    from eccentric.evaluation.extractors import Extractor
    from eccentric.evaluation.repeatability import Repeatability
    from eccentric.models import Autoencoder
    from eccentric.runs import Run

PROBES = {10: 1, 100: 1, 1000: 5}
"""Labelled items -> neighbours that vote, as in the paper's Table 3."""
MOST_SAMPLES = 10_000
CLASSIFIER_ITEMS = 20_000
"""Items that the classifier for the Fréchet distance sees at least, all epochs together."""

Values = dict[str, list[float]]
"""By the name of a measure, one value for each seed, or each pair of seeds."""


@dataclass(frozen=True)
class Measured:
    """The numbers of one candidate; what it has no value for is absent.

    Attributes:
        validation: reconstruction error on the validation rows, by which its weight is chosen; one for each seed.
        values: by column of the result.
    """

    validation: list[float]
    values: Values = field(default_factory=dict)


def measure_agreement(trained: Trained, rows: Rows) -> Measured:
    """Reconstruction errors and repeatability: what every weight of a method is measured by."""
    values: Values = {"error": [float(run.evaluation["test_reconstruction"]) for run in trained.runs]}
    validation = [reconstruction_error(run.model(), rows.validation.x) for run in trained.runs]
    if len(trained.runs) > 1:
        train, test = ([latents_of(run, split) for run in trained.runs] for split in ("train", "test"))
        values |= _agreement(repeatability(train, test), trained.runs[0].has_spectrum)
    return Measured(validation, values)


def latents_of(run: Run, split: str) -> np.ndarray:
    """Coordinates along the components, (n, d); the latents themselves where there are no components."""
    found = run.latents(split)
    return found.p if run.has_spectrum else np.asarray(found.z)


def _agreement(found: Repeatability, has_components: bool) -> Values:
    values = {"cka": found.cka.tolist(), "r2": found.r2.tolist()}
    if has_components:
        values |= {"mcc": found.mcc.tolist(), "mcc_null": found.null.tolist()}
        values |= {f"mcc_{k}": [float(value)] for k, value in enumerate(found.by_component, 1)}
    return values


def measure_rest(trained: Trained, rows: Rows, extractor: Extractor | None) -> Values:
    """Everything else, for the weight that was chosen."""
    values: Values = {}
    for seed, run in enumerate(trained.runs):
        for name, value in _of_run(run, rows.data, extractor, seed).items():
            values.setdefault(name, []).append(value)
    return values


def _of_run(run: Run, data: Data, extractor: Extractor | None, seed: int) -> dict[str, float]:
    model = run.model()
    speed = run.metrics["items_per_second"]
    batch = min(run.config["train"]["batch_size"], len(data.train.x))
    values = {"seconds_per_step": float(batch / np.median(speed))}
    if run.has_spectrum:
        eigenvalues = run.components.eigenvalues.numpy()
        values |= _spectrum(eigenvalues) | _numbered("error_first", _errors_by_count(model, run, data.test.x))
    train, test = latents_of(run, "train"), latents_of(run, "test")
    values |= probe_errors(train, test, data)
    if extractor is not None:
        z = torch.from_numpy(np.asarray(run.latents("train").z))
        count = min(len(data.test.x), len(data.train.x), MOST_SAMPLES)
        components = run.components if run.has_spectrum else None
        for sampling in model.method.traits.samplings:
            drawn = random_latents(model.method, components, lambda z=z: z, count, sampling, seed)  # type: ignore[misc]
            column = f"frechet_{sampling if sampling in SAMPLINGS else 'own'}"
            values[column] = _frechet(data, extractor, decode(model, drawn), seed)
    return values


def _errors_by_count(model: Autoencoder, run: Run, x: torch.Tensor) -> list[float]:
    """Mean squared error with the first k components kept and the others at their mean, for k = 1 ... d."""
    z = in_batches(model.encode, x, model)
    p, target = run.components.encode(z), model.standardize(x)
    errors = []
    for k in range(1, p.shape[1] + 1):
        found = in_batches(model.decoder, run.components.decode(p[:, :k]), model)
        errors.append(float((found - target).square().mean()))
    return errors


def _spectrum(eigenvalues: np.ndarray) -> dict[str, float]:
    total, squares = eigenvalues.sum(), np.square(eigenvalues).sum()
    effective = float(total**2 / squares) if squares > 0 else 0.0
    return {"effective_dimension": effective, **_numbered("eigenvalue", eigenvalues)}


def _numbered(name: str, values: list[float] | np.ndarray) -> dict[str, float]:
    return {f"{name}_{k}": float(value) for k, value in enumerate(values, 1)}


def probe_errors(train: np.ndarray, test: np.ndarray, data: Data) -> dict[str, float]:
    """Nearest-neighbour errors with a few labels and with all; none where labels do not make classes."""
    labels, test_labels = data.train.labels, data.test.labels
    if labels is None or test_labels is None or 2 * len(data.label_names) > len(train):
        return {}
    counts = {count: neighbours for count, neighbours in PROBES.items() if count <= len(train)}
    few = subset_errors(train, labels, test, test_labels, counts)
    values = {f"neighbour_error_{count}": float(errors.mean()) for count, errors in few.items()}
    every = neighbour_error(train, labels, test, test_labels, neighbours_for(len(train)))
    return values | {"neighbour_error": every}


def find_extractor(data: Data, folder: Path, on_note: Callable[[str], None]) -> Extractor | None:
    """A classifier of the labels, whose features the Fréchet distance is measured in; None where there can be none."""
    if not data.is_image:
        return None
    epochs = max(2, -(-CLASSIFIER_ITEMS // len(data.train.x)))
    try:
        return train_classifier(data, folder, epochs=epochs)
    except UsageError as error:
        on_note(f"Fréchet distances are not measured: {error}")
        return None


def _frechet(data: Data, extractor: Extractor, images: torch.Tensor, seed: int) -> float:
    chosen = torch.randperm(len(data.test.x), generator=torch.Generator().manual_seed(0))[: len(images)]
    real, fake = extractor(data.test.x[chosen]), extractor(images.round().clamp(0, 255).to(torch.uint8))
    return fidelity(real, fake, seed=seed).frechet


def measure_baselines(
    rows: Rows, dim: int, runs: int, standardize: Callable[[torch.Tensor], torch.Tensor], extractor: Extractor | None
) -> tuple[dict[str, Measured], list[str]]:
    """PCA and kernel PCA, fitted once on all training rows; repeatability is that of fits to bootstrap samples.

    Each sample of kernel PCA holds a row once, since it chooses its widths on rows that it holds out.
    """
    data = rows.data
    train, test, validation = (_flat(split, standardize) for split in (data.train, data.test, rows.validation))
    measured, notes = {}, []
    for name, fit in {"pca": fit_pca, "kernel-pca": fit_kernel_pca}.items():
        try:
            fitted = fit(train, dim)
            samples = [np.random.default_rng(seed).integers(len(train), size=len(train)) for seed in range(runs)]
            fits = [fit(train[np.unique(rows) if name == "kernel-pca" else rows], dim) for rows in samples]
        except UsageError as error:
            notes.append(f"{name} is left out: {error}")
            continue
        p, p_test = fitted.encode(train), fitted.encode(test)
        values = probe_errors(p, p_test, data) | _spectrum(fitted.eigenvalues)
        values |= _numbered("error_first", fitted.errors(test)) | {"error": fitted.error(test)}
        if extractor is not None:
            values["frechet_matched"] = _frechet_of_baseline(fitted, data, extractor)
        agreement = repeatability([one.encode(train) for one in fits], [one.encode(test) for one in fits])
        alone = {column: [value] for column, value in values.items()}
        measured[name] = Measured([fitted.error(validation)], alone | _agreement(agreement, True))
    return measured, notes


def _flat(split: Split, standardize: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
    flat: np.ndarray = standardize(split.x).flatten(1).numpy()
    return flat


def _frechet_of_baseline(fitted: Baseline, data: Data, extractor: Extractor) -> float:
    count = min(len(data.test.x), len(data.train.x), MOST_SAMPLES)
    p = np.random.default_rng(0).normal(size=(count, fitted.dim)) * np.sqrt(fitted.eigenvalues)
    images = torch.from_numpy(255 * fitted.decode(p)).reshape(count, *data.shape)
    return _frechet(data, extractor, images, 0)
