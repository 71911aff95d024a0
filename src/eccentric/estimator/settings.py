"""Validation of the estimator's parameters, and their conversion to training settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import torch

from eccentric.data.items import KINDS
from eccentric.estimator import fitting
from eccentric.estimator.warning import warn
from eccentric.methods import registry
from eccentric.models import ARCHITECTURES, STARTS, choose_architecture, choose_start

if TYPE_CHECKING:
    from typing import Self

    import numpy as np
    from sklearn.base import BaseEstimator

    from eccentric.data.items import ItemSpec
    from eccentric.estimator.sources import Source

COMPONENTS = 8  # used for None; the default of the command line
SHORTHANDS = ("weight", "mu")  # parameters that are settings of the method


@dataclass(frozen=True)
class Parameters:
    """The parameters of an estimator as given by the user. The estimator's class documents them."""

    owner: str
    """Name of the estimator's class, for error messages."""
    n_components: int | float | str | None
    method: str
    weight: float | None
    mu: float | None
    method_settings: Mapping[str, Any] | None
    n_runs: int
    item_kind: str
    architecture: str
    start: str
    axes: str
    anchor: float | str
    standardize: bool
    max_epochs: int | str
    batch_size: int | str
    learning_rate: float | str
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int | str
    random_state: int | np.random.RandomState | None
    device: str
    precision: str
    verbose: int

    @classmethod
    def of(cls, estimator: BaseEstimator) -> Self:
        """Read and check the parameters.

        Raises:
            ValueError: a parameter is out of range, or two parameters are incompatible.
        """
        names = [field.name for field in fields(cls) if field.name != "owner"]
        self = cls(owner=type(estimator).__name__, **{name: getattr(estimator, name) for name in names})
        _check(self)
        return self

    @property
    def held_out_fraction(self) -> float:
        return self.validation_fraction if self.early_stopping or self.n_runs > 1 else 0.0


def _check(parameters: Parameters) -> None:
    """Check parameters with the wording of scikit-learn. `TrainConfig` checks the others."""

    def must(name: str, fits: bool, range: str) -> None:
        if not fits:
            owner, value = parameters.owner, getattr(parameters, name)
            raise ValueError(f"The {name!r} parameter of {owner} must be {range}. Got {value!r} instead.")

    def is_whole(value: Any, least: int) -> bool:
        return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least

    def whole(name: str, least: int, other: str | None) -> None:
        value = getattr(parameters, name)
        said_otherwise = value is None if other is None else isinstance(value, str) and value == other
        must(name, is_whole(value, least) or said_otherwise, f"an int in the range [{least}, inf) or {other!r}")

    d = parameters.n_components
    share = isinstance(d, float) and 0 < d < 1
    known = d is None or share or (isinstance(d, str) and d == "auto") or is_whole(d, 1)
    must("n_components", known, "an int in the range [1, inf), a float in the range (0, 1), 'auto' or None")
    whole("max_epochs", 1, "auto")
    whole("batch_size", 2, "auto")
    whole("n_iter_no_change", 1, "auto")
    must("n_runs", is_whole(parameters.n_runs, 1), "an int in the range [1, inf)")
    kinds = ("auto", *KINDS)
    must("item_kind", parameters.item_kind in kinds, f"one of {', '.join(map(repr, kinds))}")
    must("start", parameters.start in STARTS, f"one of {', '.join(map(repr, STARTS))}")
    must("axes", parameters.axes in ("anchored", "principal"), "'anchored' or 'principal'")
    anchor = parameters.anchor
    is_weight = isinstance(anchor, Real) and not isinstance(anchor, bool) and 0 <= anchor < math.inf
    must(
        "anchor",
        is_weight or (isinstance(anchor, str) and anchor == "auto"),
        "a float in the range [0.0, inf) or 'auto'",
    )
    fraction = parameters.validation_fraction
    must("validation_fraction", isinstance(fraction, Real) and 0 <= fraction < 1, "a float in the range [0.0, 1.0)")
    must("method", isinstance(parameters.method, str), "the name of a method")
    own = parameters.method_settings
    must("method_settings", own is None or isinstance(own, Mapping), "a dict of the method's settings or None")
    for name in SHORTHANDS:
        must(name, isinstance(getattr(parameters, name), Real | None), "a number or None")
    rate = parameters.learning_rate
    must("learning_rate", isinstance(rate, Real) or (isinstance(rate, str) and rate == "auto"), "a number or 'auto'")
    if not registry.find(parameters.method).traits.has_spectrum:
        raise ValueError(
            f"method {parameters.method!r} has no principal components, so {parameters.owner} cannot use it; "
            "`eccentric train` can"
        )
    if parameters.n_runs > 1 and not fraction:
        raise ValueError("n_runs > 1 is judged on held-out rows; set validation_fraction above 0")


def dimensions(parameters: Parameters, rows: int, features: int) -> int:
    """Number of components for the given numbers of rows and features, if `n_components` is an int or None.

    Raises:
        ValueError: the number of components is too large.
    """
    most = min(rows, features)
    if parameters.n_components is None:
        return min(COMPONENTS, most)
    if isinstance(parameters.n_components, str | float):
        raise ValueError(f"partial_fit cannot choose n_components={parameters.n_components!r}; pass an int")
    if parameters.n_components > most:
        raise ValueError(
            f"n_components={parameters.n_components} must be between 1 and min(n_samples, n_features)={most}"
        )
    return int(parameters.n_components)


def method_settings(parameters: Parameters, dim: int) -> dict[str, Any]:
    """The method's settings given by the user, with the method's suggestions for the others."""
    given = dict(parameters.method_settings or {})
    for name in SHORTHANDS:
        if (value := getattr(parameters, name)) is not None:
            given[name] = float(value)  # converted to a Python value for config.json
    return registry.find(parameters.method).estimator_settings(given, dim)


def start(parameters: Parameters, spec: ItemSpec) -> str:
    """`start` for `TrainConfig`. "auto" means PCA, also for images, if the method and the architecture support it."""
    method = registry.find(parameters.method)
    if parameters.start != "auto" or not spec.is_image or not method.traits.starts_from_pca:
        return parameters.start
    chosen = ARCHITECTURES[choose_architecture(parameters.architecture, spec, method)]
    return parameters.start if chosen.without_pca else "pca"


def anchor(parameters: Parameters, spec: ItemSpec) -> float:
    """Weight of the distance from PCA scores.

    Raises:
        ValueError: the training does not start from PCA.
    """
    method, chosen = registry.find(parameters.method), start(parameters, spec)
    architecture = choose_architecture(parameters.architecture, spec, method)
    from_pca = method.traits.starts_from_pca and choose_start(chosen, spec, architecture) == "pca"
    if isinstance(parameters.anchor, str):
        return fitting.IMAGE_ANCHOR if spec.is_image and from_pca and method.traits.axes == "principal" else 0.0
    if parameters.anchor and not from_pca:
        raise ValueError(
            f"anchor={parameters.anchor} needs a training that starts from PCA, and with method={parameters.method!r}, "
            f"start={parameters.start!r} and architecture={architecture!r} it does not; leave anchor to 'auto'"
        )
    return float(parameters.anchor)


def common(parameters: Parameters, dim: int, spec: ItemSpec, rate: float) -> dict[str, Any]:
    """Settings for `TrainConfig` that do not depend on the number of rows; `rate` replaces "auto"."""
    given = parameters.learning_rate
    return {
        "dim": dim,
        "method": parameters.method,
        "settings": method_settings(parameters, dim),
        "learning_rate": rate if isinstance(given, str) else float(given),
        "architecture": parameters.architecture,
        "start": start(parameters, spec),
        "anchor": anchor(parameters, spec),
        "axes": parameters.axes,
        "device": str(parameters.device),
        "precision": parameters.precision,
        "log_every": 1000,
    }


def settle(parameters: Parameters, dim: int, source: Source) -> dict[str, Any]:
    """All settings for `TrainConfig` except for the seed, with the values of "auto" for these rows."""
    items = source.items
    images = source.spec.is_image
    auto = parameters.batch_size == "auto"
    size = source.step or (fitting.batch_size_for(items, images) if auto else int(parameters.batch_size))
    if items is not None and size > items:
        if not auto:
            message = f"Got batch_size {size}, larger than the {items} rows to train on. It is going to be clipped."
            warn(message)
        size = items
    steps = source.batches(size, 0, torch.device("cpu")).steps
    # Training ends when it has converged, which needs held-out rows, a method that does not depend on the number of
    # epochs, and a known number of steps. For images it has not been measured.
    open_ended = (
        source.spec.is_table
        and not registry.find(parameters.method).traits.scheduled
        and parameters.max_epochs == "auto"
        and parameters.n_iter_no_change == "auto"
        and parameters.early_stopping
        and len(source.held_out) > 0
        and steps is not None
    )
    if open_ended:
        epochs, schedule = fitting.epochs_for(steps, fitting.MOST_STEPS), "trapezoid"
    else:
        epochs = fitting.epochs_for(steps) if parameters.max_epochs == "auto" else int(parameters.max_epochs)
        schedule = "one-cycle"
    rate = fitting.IMAGE_RATE if images else fitting.RATE
    return {**common(parameters, dim, source.spec, rate), "epochs": epochs, "batch_size": size, "schedule": schedule}


def patience(parameters: Parameters, epochs: int) -> int | None:
    """Number of epochs to wait for a lower error on held-out rows; None trains to the end."""
    if not parameters.early_stopping:
        return None
    given = parameters.n_iter_no_change
    return max(5, round(fitting.PATIENCE * epochs)) if given == "auto" else int(given)
