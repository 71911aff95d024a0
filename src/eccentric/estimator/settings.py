"""The estimator's parameters: checked, and turned into the settings of a training."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import torch

from eccentric.data.items import KINDS
from eccentric.estimator import fitting
from eccentric.methods import registry

if TYPE_CHECKING:
    from eccentric.estimator.sources import Source
    from eccentric.estimator.transformer import EccentricAutoencoder

COMPONENTS = 8  # what None stands for, the default of the command line
SHORTHANDS = ("weight", "mu")  # parameters that stand for settings of the method


def check_parameters(estimator: EccentricAutoencoder) -> None:
    """In scikit-learn's words; what is left is checked by `TrainConfig`.

    Raises:
        ValueError: one is out of range, or two do not go together.
    """

    def must(name: str, fits: bool, range: str) -> None:
        if not fits:
            owner, value = type(estimator).__name__, getattr(estimator, name)
            raise ValueError(f"The {name!r} parameter of {owner} must be {range}. Got {value!r} instead.")

    def is_whole(value: Any, least: int) -> bool:
        return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least

    def whole(name: str, least: int, other: str | None) -> None:
        value = getattr(estimator, name)
        said_otherwise = value is None if other is None else isinstance(value, str) and value == other
        must(name, is_whole(value, least) or said_otherwise, f"an int in the range [{least}, inf) or {other!r}")

    whole("n_components", 1, None)
    whole("max_epochs", 1, "auto")
    whole("batch_size", 2, "auto")
    whole("n_iter_no_change", 1, "auto")
    must("n_runs", is_whole(estimator.n_runs, 1), "an int in the range [1, inf)")
    kinds = ("auto", *KINDS)
    must("item_kind", estimator.item_kind in kinds, f"one of {', '.join(map(repr, kinds))}")
    fraction = estimator.validation_fraction
    must("validation_fraction", isinstance(fraction, Real) and 0 <= fraction < 1, "a float in the range [0.0, 1.0)")
    must("method", isinstance(estimator.method, str), "the name of a method")
    own = estimator.method_settings
    must("method_settings", own is None or isinstance(own, Mapping), "a dict of the method's settings or None")
    for name in SHORTHANDS:
        must(name, isinstance(getattr(estimator, name), Real | None), "a number or None")
    rate = estimator.learning_rate
    must("learning_rate", isinstance(rate, Real) or (isinstance(rate, str) and rate == "auto"), "a number or 'auto'")
    if estimator.n_runs > 1 and not fraction:
        raise ValueError("n_runs > 1 is judged on held-out rows; set validation_fraction above 0")


def held_out_fraction(estimator: EccentricAutoencoder) -> float:
    return estimator.validation_fraction if estimator.early_stopping or estimator.n_runs > 1 else 0.0


def dimensions(estimator: EccentricAutoencoder, rows: int) -> int:
    """d, for so many rows.

    Raises:
        ValueError: there cannot be so many components.
    """
    most = min(rows, estimator.n_features_in_)
    if estimator.n_components is None:
        return min(COMPONENTS, most)
    if estimator.n_components > most:
        raise ValueError(
            f"n_components={estimator.n_components} must be between 1 and min(n_samples, n_features)={most}"
        )
    return int(estimator.n_components)


def method_settings(estimator: EccentricAutoencoder, dim: int) -> dict[str, Any]:
    """The method's settings that the user gave, and what the method suggests for the rest."""
    given = dict(estimator.method_settings or {})
    for name in SHORTHANDS:
        if (value := getattr(estimator, name)) is not None:
            given[name] = float(value)  # a plain value, since config.json holds it
    return registry.find(estimator.method).estimator_settings(given, dim)


def common(estimator: EccentricAutoencoder, dim: int, rate: float) -> dict[str, Any]:
    """For `TrainConfig`, what does not depend on the number of rows; `rate` is what "auto" stands for."""
    given = estimator.learning_rate
    return {
        "dim": dim,
        "method": estimator.method,
        "settings": method_settings(estimator, dim),
        "learning_rate": rate if isinstance(given, str) else float(given),
        "architecture": estimator.architecture,
        "device": str(estimator.device),
        "precision": estimator.precision,
        "log_every": 1000,
    }


def settle(estimator: EccentricAutoencoder, source: Source) -> dict[str, Any]:
    """For `TrainConfig`, all but the seed, with every "auto" settled for these rows."""
    items = source.items
    images = source.spec.is_image
    auto = estimator.batch_size == "auto"
    size = source.step or (fitting.batch_size_for(items, images) if auto else int(estimator.batch_size))
    if items is not None and size > items:
        if not auto:
            message = f"Got batch_size {size}, larger than the {items} rows to train on. It is going to be clipped."
            warnings.warn(message, stacklevel=3)
        size = items
    steps = source.batches(size, 0, torch.device("cpu")).steps
    epochs = fitting.epochs_for(steps) if estimator.max_epochs == "auto" else int(estimator.max_epochs)
    dim = dimensions(estimator, len(source.sample) + len(source.held_out))
    rate = fitting.IMAGE_RATE if images else fitting.RATE
    return {**common(estimator, dim, rate), "epochs": epochs, "batch_size": size, "schedule": "one-cycle"}


def patience(estimator: EccentricAutoencoder, epochs: int) -> int | None:
    """Epochs to wait for a better error on held-out rows; None to train to the end."""
    if not estimator.early_stopping:
        return None
    given = estimator.n_iter_no_change
    return max(5, round(fitting.PATIENCE * epochs)) if given == "auto" else int(given)
