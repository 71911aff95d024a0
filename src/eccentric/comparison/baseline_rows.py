"""PCA and kernel PCA as rows of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eccentric.comparison.grids import BASELINES
from eccentric.comparison.quantities import (
    MOST_SAMPLES,
    agreement_values,
    frechet,
    numbered,
    probe_errors,
    spectrum_values,
)
from eccentric.errors import UsageError
from eccentric.evaluation.baselines import fit_kernel_pca, fit_pca
from eccentric.evaluation.repeatability import repeatability

if TYPE_CHECKING:
    from collections.abc import Callable

    from eccentric.comparison.plan import Rows
    from eccentric.data import Data, Split
    from eccentric.evaluation.baselines import Baseline
    from eccentric.evaluation.extractors import Extractor

__all__ = ["flat", "measure_baselines"]


def measure_baselines(
    rows: Rows, dim: int, runs: int, standardize: Callable[[torch.Tensor], torch.Tensor], extractor: Extractor | None
) -> tuple[dict[str, Any], list[str]]:
    """Measure PCA and kernel PCA, fitted to all training rows. Repeatability is measured between bootstrap samples.

    A sample for kernel PCA contains each row at most once, because kernel PCA chooses its widths on held-out rows.

    Returns:
        The measurements by name, and a sentence on each baseline that is left out.
    """
    data = rows.data
    train, test, validation = (flat(split, standardize) for split in (data.train, data.test, rows.validation))
    measured, notes = {}, []
    for name, fit in zip(BASELINES, (fit_pca, fit_kernel_pca), strict=True):
        try:
            fitted = fit(train, dim)
            samples = [np.random.default_rng(seed).integers(len(train), size=len(train)) for seed in range(runs)]
            fits = [fit(train[np.unique(rows) if name == "kernel-pca" else rows], dim) for rows in samples]
        except UsageError as error:
            notes.append(f"{name} is left out: {error}")
            continue
        p, p_test = fitted.encode(train), fitted.encode(test)
        values = probe_errors(p, p_test, data) | spectrum_values(fitted.eigenvalues)
        values |= numbered("error_first", fitted.errors(test)) | {"error": fitted.error(test)}
        if extractor is not None:
            distance = _frechet_of_baseline(fitted, data, extractor)
            values |= {"frechet_matched": distance, "frechet_natural": distance}
        agreement = repeatability([one.encode(train) for one in fits], [one.encode(test) for one in fits])
        alone = {column: [value] for column, value in values.items()}
        measured[name] = {
            "validation": [fitted.error(validation)],
            "values": alone | agreement_values(agreement, has_components=True),
        }
    return measured, notes


def flat(split: Split, standardize: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
    """Items as rows (n, features), in the units of the networks; NaN in the padding of sequences."""
    flat: np.ndarray = standardize(split.x[:]).flatten(1).numpy()
    return flat


def _frechet_of_baseline(fitted: Baseline, data: Data, extractor: Extractor) -> float:
    count = min(len(data.test.x), len(data.train.x), MOST_SAMPLES)
    p = np.random.default_rng(0).normal(size=(count, fitted.dim)) * np.sqrt(fitted.eigenvalues)
    images = torch.from_numpy(255 * fitted.decode(p)).reshape(count, *data.shape)
    return frechet(data, extractor, images)
