"""The estimator's two pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from eccentric.estimator.transformer import EccentricAutoencoder


def spectrum(estimator: EccentricAutoencoder) -> Figure:
    """Variances, and where training was repeated their range and the stability."""
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


def components(estimator: EccentricAutoencoder) -> Figure:
    """The change of the features, or of images, from the minus to the plus side of each component."""
    from eccentric import plots

    model = estimator._model
    pairs = estimator._found().eigenpairs(min(estimator.n_components_, plots.MOST_PAIRS))
    k, _, d = pairs.shape
    with torch.no_grad():
        decoded = model.decoder(pairs.reshape(-1, d)).numpy()
    sides = decoded.reshape(k, 2, *decoded.shape[1:])
    if estimator._spec.is_image:
        return plots.eigenpairs(255 * sides, estimator.explained_variance_)
    return plots.feature_effects(sides[:, 1] - sides[:, 0], _names(estimator), model.scale.ndim == 0)


def _names(estimator: EccentricAutoencoder) -> list[str]:
    names = getattr(estimator, "feature_names_in_", [f"x{j}" for j in range(estimator.n_features_in_)])
    return [str(name) for name in names]
