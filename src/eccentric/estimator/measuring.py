"""Attributes of a fitted estimator that are measured on held-out rows and between repeated runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import Bunch

from eccentric.alignment import align, component_stability
from eccentric.estimator.sources import some
from eccentric.evaluation.importance import importance
from eccentric.evaluation.repeatability import repeatability
from eccentric.inference import encode, in_batches

if TYPE_CHECKING:
    from torch import Tensor

    from eccentric.estimator.repeating import Repeat
    from eccentric.estimator.sources import Source

MEASURED = (
    "fell_back_to_pca_",
    "component_importance_",
    "error_curve_",
    "error_curve_noise_",
    "neighbour_overlap_",
    "pca_neighbour_overlap_",
    "neighbour_distance_",
    "pca_neighbour_distance_",
    "component_stability_",
    "component_stability_std_",
    "run_variances_",
    "stability_",
    "choice_",
)
"""Attributes that are saved with an estimator."""


def measure(runs: list[Repeat], source: Source) -> dict[str, Any]:
    """Attributes of the first run by name, and with several runs its stability.

    Args:
        runs: trainings with the same number of components.
        source: the rows.
    """
    first = runs[0]
    model, components = first.record.model, first.record.components
    judged = some(source.judged)

    def decode(p: Tensor) -> Tensor:
        return in_batches(model.decoder, components.decode(p), model)

    found = importance(components.encode(encode(model, judged)), model.standardize(judged), decode)
    kept, pca = first.neighbourhoods.kept(model), first.neighbourhoods.pca
    measured = {
        "fell_back_to_pca_": first.record.fell_back,
        "component_importance_": found.by_component,
        "error_curve_": found.curve,
        "error_curve_noise_": found.noise,
        "neighbour_overlap_": kept.overlap,
        "pca_neighbour_overlap_": pca.overlap,
        "neighbour_distance_": kept.distance,
        "pca_neighbour_distance_": pca.distance,
    }
    return measured | (_stability(runs, source) if len(runs) > 1 else {})


def _stability(runs: list[Repeat], source: Source) -> dict[str, Any]:
    """Stability of each component of the first run on held-out rows, and that of PCA and by chance."""
    train, held_out = ([getattr(run.record, split).p for run in runs] for split in ("train", "test"))
    agreement, whole = component_stability(train, held_out), repeatability(train, held_out)
    kept = some(source.sample)
    linear, judged = ([run.pca.scores(x).numpy() for run in runs] for x in (kept, source.held_out))
    variances = [
        (align(p, train[0]).matrix ** 2) @ run.record.components.eigenvalues.numpy()
        for p, run in zip(train, runs, strict=True)
    ]
    return {
        "component_stability_": agreement.correlation,
        "component_stability_std_": agreement.spread,
        "run_variances_": np.array(variances),
        "stability_": Bunch(
            ours=agreement.correlation,
            pca=component_stability(linear, judged).correlation,
            null=float(whole.mcc_null.mean()),
            cka=float(whole.cka.mean()),
            r2=float(whole.r2.mean()),
        ),
    }


def to_json(value: Any) -> Any:
    """Convert an attribute for config.json: arrays to lists, and NaN, which JSON does not support, to None."""
    if isinstance(value, dict):
        return {name: to_json(own) for name, own in value.items()}
    if isinstance(value, np.ndarray):
        return [None if own != own else own for own in value.tolist()]
    return value


def from_json(value: Any) -> Any:
    """Convert the output of `to_json` back."""
    if isinstance(value, dict):
        return Bunch(**{name: from_json(own) for name, own in value.items()})
    if isinstance(value, list):
        return np.array(value, float if None in value else None)
    return value
