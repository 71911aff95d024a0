"""Attributes of a fitted estimator that are computed on access, and its plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from eccentric.estimator import fitting, pictures

if TYPE_CHECKING:
    from jaxtyping import Float
    from matplotlib.figure import Figure

    from eccentric.components import DeepComponents
    from eccentric.estimator.state import Fitted


class LearntMixin:
    """Attributes and plots of an estimator whose fitted state is `_fitted`."""

    _fitted: Fitted

    @property
    def explained_variance_(self) -> Float[np.ndarray, " d"]:
        return self._found().eigenvalues.numpy()

    @property
    def explained_variance_ratio_(self) -> Float[np.ndarray, " d"]:
        variances = self.explained_variance_
        return variances / max(variances.sum(), np.finfo(float).tiny)

    @property
    def components_rotation_(self) -> Float[np.ndarray, "d d"]:
        return self._found().basis.numpy()

    @property
    def mean_(self) -> Float[np.ndarray, " d"]:
        return self._found().mean.numpy()

    @property
    def component_redundancy_(self) -> Float[np.ndarray, " d"]:
        self._must_be_fitted()
        return self._fitted.redundancy()

    @property
    def history_(self) -> dict[str, Float[np.ndarray, " rows"]]:
        self._must_be_fitted()
        return fitting.history(self._fitted.metrics())

    def plot_spectrum(self) -> Figure:
        """Plot the variances of the components, and with `n_runs` > 1 their range over the runs and the stability."""
        check_is_fitted(self)
        return pictures.spectrum(self)

    def plot_choice(self) -> Figure:
        """Plot the error on held-out rows, and with `n_runs` > 1 the stability, against the number of components.

        If `n_components` is "auto" or a fraction, each point is a training with that number of components, and the
        stability is the mean over its components. Otherwise each point is the error of the fitted model with only its
        first components (see `error_curve_`), and the stability is that of each component.
        """
        check_is_fitted(self)
        return pictures.choice(self)

    def plot_components(self) -> Figure:
        """Plot the effect of each component on the features: a map of columns, or a pair of images per component.

        Both show the change from two standard deviations below the mean of a component to two above.
        """
        check_is_fitted(self)
        return pictures.components(self._fitted, self._names)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    @property
    def _names(self) -> Any:
        """Names of the columns, or None."""
        return getattr(self, "feature_names_in_", None)

    def _found(self) -> DeepComponents:
        self._must_be_fitted()
        return self._fitted.found()

    def _must_be_fitted(self) -> None:
        """Raise AttributeError if the estimator is not fitted."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"this {type(self).__name__} is not fitted yet")
