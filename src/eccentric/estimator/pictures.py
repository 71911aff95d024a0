"""Plots of the estimator, and its explorer page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccentric.inference import in_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from sklearn.base import BaseEstimator

    from eccentric.estimator.state import Fitted
    from eccentric.explorer import InlinePage


def spectrum(estimator: BaseEstimator) -> Figure:
    """Plot the variances, and with repeated training their range and the stability."""
    from eccentric import plots
    from eccentric.plots.stability import stable_spectrum

    if not hasattr(estimator, "component_stability_"):
        return plots.spectrum(estimator.explained_variance_)
    return stable_spectrum(
        estimator.explained_variance_,
        estimator.run_variances_,
        estimator.component_stability_,
        estimator.component_stability_std_,
    )


def choice(estimator: BaseEstimator) -> Figure:
    """Plot the error on held-out rows and the stability against the number of components.

    Raises:
        AttributeError: there are no measurements, because the estimator was fitted by `partial_fit`.
    """
    from eccentric.plots.choice import choice as draw

    table = getattr(estimator, "choice_", None)
    d = estimator.n_components_
    if table is not None:
        known = np.isfinite(table.stability).any()
        return draw(
            table.n_components,
            table.error,
            table.noise,
            d,
            pca_error=table.pca_error,
            stability=table.stability if known else None,
            title="trained with each number of components",
        )
    stability = getattr(estimator, "component_stability_", None)
    return draw(
        np.arange(d + 1),
        estimator.error_curve_,
        np.r_[0.0, estimator.error_curve_noise_],
        d,
        stability=None if stability is None else np.r_[np.nan, stability],
        title="the first components of the fitted model kept",
    )


def components(fitted: Fitted, names: Sequence[str] | None) -> Figure:
    """Plot the change of the features or images from the minus side to the plus side of each component.

    Args:
        fitted: fitted state.
        names: names of the columns of a table.
    """
    from eccentric import plots

    found, model, spec = fitted.found(), fitted.model, fitted.layout.spec
    pairs = found.eigenpairs(min(found.dim, plots.MOST_PAIRS))
    k, _, d = pairs.shape
    decoded = in_batches(model.decoder, pairs.reshape(-1, d), model).numpy()
    sides = decoded.reshape(k, 2, *decoded.shape[1:])
    if spec.is_image:
        return plots.eigenpairs(255 * sides, found.eigenvalues.numpy())
    if spec.is_sequence:
        features = [f"x{j}" for j in range(spec.shape[1])]
        scaled = sides * model.scale.numpy() + model.shift.numpy()
        return plots.eigencurves(scaled, found.eigenvalues.numpy(), features)
    columns = [str(name) for name in names] if names is not None else [f"x{j}" for j in range(spec.size)]
    return plots.feature_effects(sides[:, 1] - sides[:, 0], columns, model.scale.ndim == 0)


def explore(estimator: BaseEstimator) -> InlinePage:
    """The explorer page of the estimator, which is saved in a temporary run folder that exists as long as the page."""
    import tempfile
    from pathlib import Path

    from eccentric.explorer import InlinePage
    from eccentric.runs import Run

    folder = tempfile.TemporaryDirectory(prefix="eccentric-")
    path = Path(folder.name) / type(estimator).__name__
    estimator.save(path)
    page = InlinePage(Run(path))
    page.folder = folder
    return page
