"""The scikit-learn transformer `EccentricAutoencoder`."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from eccentric.estimator import html, inputs, saving, sources, working
from eccentric.estimator.choosing import choose
from eccentric.estimator.learning import learn_next
from eccentric.estimator.learnt import LearntMixin
from eccentric.estimator.measuring import MEASURED, measure
from eccentric.estimator.settings import Parameters
from eccentric.estimator.sharing import Sharing
from eccentric.estimator.state import Fitted, whole_or_not_at_all
from eccentric.estimator.warning import warn_of_constant, warn_of_folds, warn_of_rare
from eccentric.evaluation.folds import Kept
from eccentric.models import rare_columns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.estimator.inputs import Layout
    from eccentric.estimator.repeating import Repeat
    from eccentric.explorer import InlinePage
    from eccentric.models import Autoencoder


class EccentricAutoencoder(LearntMixin, Sharing, TransformerMixin, BaseEstimator):
    """Nonlinear PCA with components that are ordered by variance and whose stability is measured.

    An autoencoder with the Eccentric loss (Li and Blair 2021) learns to reconstruct X from a few latent numbers.
    `transform` returns their coordinates along orthonormal axes, in descending order of variance. With `n_runs` > 1,
    the training is repeated, and `component_stability_` measures how reproducible each component is.

    Training starts from PCA: a linear map in parallel to each network is initialised to PCA. If training does not
    reduce the error on held-out rows significantly, the estimator keeps PCA.

    X may be a table (n, f), or images (n, h, w) or (n, c, h, w), as an array, a data frame, a tensor, a
    `torch.utils.data.Dataset` or `DataLoader`, an array on disk (`np.load(..., mmap_mode="r")`), or a sparse matrix of
    SciPy, whose rows become dense in batches. With `item_kind="sequence"`, X is a list of arrays (steps, features) of
    different lengths. NaN and infinity raise an error.

    Args:
        n_components: number of components d, at most the number of rows and of features; 8 by default, or the largest
            possible number if that is smaller. "auto" adds components one by one, up to 32, as long as each reduces the
            error on held-out rows by more than a component of pure noise would, by at least two standard errors of the
            paired comparison. A float between 0 and 1 selects the smallest number of components whose reconstruction
            explains that fraction of the variance of held-out rows, as in PCA. Both train a model for each number that
            is tried, with the same seeds. For tables, these trainings are longer than with a given number: they end
            when doubling them lowers the error by less than 5 % instead of 10 %.
        method: training method, "eccentric" by default; `eccentric.methods.METHODS` lists all methods.
        weight: factor of the method's term in the objective; None uses the method's default, which is 0.003 for
            "eccentric". With a larger weight of the Eccentric loss, the sum of the variances is closer to d, and the
            error is higher: on the digits of scikit-learn (d = 6), the sum is 13 at 0.001, 9.0 at 0.003 and 6.8 at
            0.01, and the held-out error 0.168, 0.172 and 0.177.
        mu: strength of the repulsion in the Eccentric loss, larger than 1/2; None uses the default of 1.
        method_settings: further settings of the method by name, such as {"beta": 4}.
        n_runs: number of independent trainings. The first model is kept; the others measure the stability of its
            components.
        item_kind: kind of the items. "auto" reads (n, f) as a table and other shapes as images; "table" flattens each
            item to one row; "sequence" reads a list of arrays (steps, features) of different lengths, or an array
            (n, steps, features) in which the last steps of an item may be NaN.
        architecture: "auto" selects "mlp" for tables, the paper's networks for 1x28x28 and 3x64x64 images ("mnist",
            "celeba"), and "conv" for other images.
        start: initial weights. With "pca", the initial reconstruction is that of PCA: a linear map in parallel to each
            network is initialised to PCA, and the networks to zero output. For images, the linear map fades out in the
            first quarter of the training. "random" is the initialisation of the paper. "auto" selects "pca" if the
            method and the architecture support it.
        axes: "anchored" rotates the latents after training to the orthonormal axes that bring them closest to the
            scores of a linear PCA of the same rows. The components may then be slightly correlated. "principal" uses
            the principal axes of the latents, as in the paper. If variances are nearly equal, noise determines these
            axes, and the components are less stable. Neither option changes the reconstruction or the loss. Methods
            that order their latents during training keep their own axes. The axes, means and variances are those of all
            rows, including the held-out ones; for the other runs of `n_runs`, those of their training rows.
        anchor: weight in the objective of the mean squared distance between the latents and the PCA scores, which are
            scaled so that their variances sum to d. It needs a training that starts from PCA. `partial_fit` uses the
            scores of the rows that the model was first trained on, and keeps the weight of `fit`. The larger it is, the
            more reproducible are the components, and the higher is the reconstruction error. "auto" is 0.001 for images
            that start from PCA and 0 otherwise. For tables, try 0.01 or 0.1.
        standardize: scale each column of a table to mean 0 and standard deviation 1. False divides all columns by the
            same number and keeps their proportions, as in PCA, which is appropriate for columns in one unit, such as
            pixels, and for embeddings: columns that are almost constant then have little weight. Images always have
            one scale.
        max_epochs: passes over the training rows. For tables, "auto" trains with a constant learning rate until
            doubling the number of passes lowers the error on held-out rows by less than 10 % or 0.001 and the code
            keeps neighbourhoods no worse than PCA, but at least 400 steps, and then half as long again while the
            learning rate decays; at most 4500 steps in all. For images, sequences, loaders, `early_stopping=False` and
            a given `n_iter_no_change`, "auto" gives 1500 steps. At least three passes.
        batch_size: number of rows per step; "auto" is a sixteenth of the rows, from 32 to 1024, and for images a
            thirty-second, from 32 to 128.
        learning_rate: maximum learning rate of Adam, with a warm-up over a tenth of the steps and cosine decay unless
            `max_epochs` says otherwise. "auto" is 0.001 for tables and 0.004 for images.
        early_stopping: keep the weights with the lowest error on held-out rows if they are better than the initial
            weights in the mean, and the gain is significant (more than two standard errors, or by Wilcoxon's
            signed-rank test at a one-sided level of 2.3 %), and stop when the error no longer improves. Errors on these
            rows are therefore slightly too low; `score` on other rows is unbiased.
        validation_fraction: fraction of rows that is held out for early stopping and `component_stability_`; at most
            10,000 rows. Identical rows of an array in memory are held out together or not at all, because an error on
            rows that also occur in training would hide overfitting. Rows are divided at random if they occur more than
            ten times on average, as in data with few distinct values.
        n_iter_no_change: number of epochs to wait for a lower error; "auto" is a fifth of `max_epochs`, at least 5, or
            for tables the rule of `max_epochs="auto"`.
        random_state: with an int, results are reproducible on the same machine.
        device: a torch device; "auto" uses an accelerator if available.
        precision: precision of the training: "auto", "32-true" or "bf16-mixed".
        verbose: 0 prints nothing; 1 shows a bar on a terminal, or prints about twenty lines per run; 2 prints a line
            per epoch.

    Attributes:
        explained_variance_: (d,) variances of the components, descending.
        explained_variance_ratio_: (d,) fractions of the variance of the latents. `score` is the fraction of the
            variance of the data that all components explain together.
        component_stability_: (d,) with `n_runs` > 1, the mean absolute correlation of each component with its
            counterpart over all pairs of runs, on held-out rows after optimal alignment; 1 means identical components.
            The first run is trained on all training rows. Each other run has its own seed and is trained on the same
            number of rows drawn with replacement, because all runs of a table start from PCA and would agree on noise
            if their rows were identical. Components of noise have a stability of about 0.2 to 0.8.
        component_stability_std_: (d,) standard deviation of the stability over the pairs; 0 for a single pair.
        run_variances_: (n_runs, d) variances of the components in each run, in the order of the first run.
        components_rotation_: (d, d) orthonormal axes in the space of the encoder's latents z, one per row.
        mean_: (d,) mean of the latents; components are (z - mean_) @ components_rotation_.T.
        stability_: with `n_runs` > 1, the stability with values for comparison. `ours` is `component_stability_`; `pca`
            (d,) is the same for linear PCA of the same resampled rows; `null` is the mean correlation that matching
            gives by chance, with the rows of one run permuted; `cka` (linear centred kernel alignment) and `r2` (of
            the best linear map from the components of one run to those of another) do not depend on the axes. Low
            `ours` with high `cka` and `r2` means that the runs span the same space with different axes.
        component_importance_: (d,) increase of the mean squared error on held-out rows if a component is set to its
            mean. This attribute and the next two are measured on at most 1,000 rows.
        error_curve_: (d + 1,) error with only the first k components, for k from 0 to d.
        error_curve_noise_: (d,) noise of each step of this curve: two standard errors of the paired difference.
        component_redundancy_: (d,) R^2 on held-out rows of a component predicted from the others by a smooth
            regression. Near 0, the component carries information of its own; near 1, it is a function of the others,
            such as the curvature of one.
        neighbour_overlap_, pca_neighbour_overlap_: fraction of the ten nearest neighbours among 1,000 training rows
            that are also among the ten nearest by their components, and by the components of PCA.
        neighbour_distance_, pca_neighbour_distance_: mean squared distance along the data (of shortest paths from row
            to nearest row) between the same rows and their ten nearest by components, divided by that of all pairs,
            and the same for PCA. `fit` warns if the first is more than 1.1 times the second.
        choice_: if `n_components` was chosen, the measurements for each number of components: `n_components`, `error`
            on held-out rows, its `noise` (two standard errors), `pca_error`, and with `n_runs` > 1 the mean
            `stability`.
        fell_back_to_pca_: whether the fitted model is PCA, because the gain of training was not significant.
        reconstruction_error_: mean squared error on the held-out rows (on training rows if there are none), in
            standardised units. For a table, 0 is perfect, and 1 is the error of the mean of each column. For images,
            values are scaled to between 0 and 1. `score` is a fraction of the variance for both.
        pca_reconstruction_error_: error of PCA with the same number of components on the same rows.
        history_: columns of the metrics of the training by name, each (rows,).
        n_iter_: number of trained epochs.
        n_components_: number of components d.
        n_features_in_: number of values in an item.
        feature_names_in_: (n_features_in_,) column names, if X has them.
        item_shape_: shape of one item of X.
        n_samples_seen_: number of rows that `partial_fit` has seen.
    """

    n_components_: int
    neighbour_overlap_: float
    pca_neighbour_overlap_: float
    neighbour_distance_: float
    pca_neighbour_distance_: float
    _fitted: Fitted

    def __init__(
        self,
        n_components: int | float | Literal["auto"] | None = None,
        *,
        method: str = "eccentric",
        weight: float | None = None,
        mu: float | None = None,
        method_settings: Mapping[str, Any] | None = None,
        n_runs: int = 1,
        item_kind: Literal["auto", "image", "table", "sequence"] = "auto",
        architecture: str = "auto",
        start: Literal["auto", "pca", "random"] = "auto",
        axes: Literal["anchored", "principal"] = "anchored",
        anchor: float | Literal["auto"] = "auto",
        standardize: bool = True,
        max_epochs: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: float | Literal["auto"] = "auto",
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | Literal["auto"] = "auto",
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
        precision: str = "auto",
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.method = method
        self.weight = weight
        self.mu = mu
        self.method_settings = method_settings
        self.n_runs = n_runs
        self.item_kind = item_kind
        self.architecture = architecture
        self.start = start
        self.axes = axes
        self.anchor = anchor
        self.standardize = standardize
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.device = device
        self.precision = precision
        self.verbose = verbose

    # --- learning ---------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the components of X. If fitting fails, the estimator does not change.

        A `DataLoader` or an iterable data set is read in its order, and no rows are held out, so training does not stop
        early.

        Args:
            X: rows, images or sequences, see above; at least 2.
            y: ignored.

        Raises:
            ValueError, TypeError: X or a parameter is invalid; the wording is that of scikit-learn where it has one.
            EccentricError: training diverged; lower the learning rate.
        """
        with whole_or_not_at_all(self):
            parameters = Parameters.of(self)
            random = check_random_state(self.random_state)
            source = sources.take(
                self,
                X,
                random,
                item_kind=parameters.item_kind,
                fraction=parameters.held_out_fraction,
                repeated=parameters.n_runs > 1,
            )
            if parameters.n_runs > 1 and not len(source.held_out):
                raise ValueError("n_runs > 1 is judged on held-out rows, and here are too few; add rows")
            runs, chosen = choose(parameters, source, random)
            rare = rare_columns(source.sample) if source.spec.is_table and parameters.standardize else []
            self._keep(source.layout, runs[0], measure(runs, source) | chosen, rare)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn from the next rows of a stream, in one pass over X in its order with a constant learning rate.

        The learning rate is `learning_rate`, or 0.001 for "auto". A step uses at least `batch_size` rows, 1024 for
        "auto" (128 images), or all of X if it has fewer rows.

        The first call determines the scale of the columns and, for tables, the PCA initialisation, so pass at least a
        few hundred rows. `partial_fit` also continues after `fit`. Components are fitted to the latest 2000 rows with
        the current encoder, so they change during learning, and `reconstruction_error_` is the error of X before its
        steps. The parameters of the first call are used. After unpickling or loading, Adam starts with new moments.

        Args:
            X: an array, data frame or tensor of at least 2 rows or images.
            y: ignored.
        """
        with whole_or_not_at_all(self):
            before = getattr(self, "_fitted", None)
            if issparse(X):
                X = X.toarray()
            if inputs.is_stream(X):
                raise TypeError("partial_fit takes the rows of one batch; pass the whole data set or loader to fit")
            parameters = Parameters.of(self)
            if parameters.item_kind == "sequence":
                raise ValueError("partial_fit does not take sequences; pass all of them to fit")
            rows, layout = inputs.check_items(self, X, self.item_kind, fitted=before and before.layout, least=2)
            model, stream = learn_next(
                parameters,
                inputs.as_tensor(rows),
                layout.spec,
                model=before and before.model,
                earlier=before and before.config,
                stream=before and before.stream,
                names=self._names,
            )
            self._fitted = Fitted(layout, model, components=None, record=None, stream=stream)
            self._forget(*MEASURED)
            self.item_shape_, self.n_components_ = layout.shape, stream.config.dim
            self.n_samples_seen_ = getattr(self, "n_samples_seen_", 0) + len(rows)
            self.n_iter_ = len(stream.metrics)
            self.reconstruction_error_, self.pca_reconstruction_error_ = stream.metrics[-1].reconstruction, np.nan
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Float[np.ndarray, "n d"]:
        """`fit`, then `transform`."""
        inputs.check_order(X)  # before the work
        components: np.ndarray = self.fit(X).transform(X)
        return components

    # --- using ------------------------------------------------------------------------------------------------------

    def transform(self, X: Any) -> Float[np.ndarray, "n d"]:
        """Coordinates of X along the deep principal components.

        Rows are encoded in batches, so memory is needed only for X and the result; for a data set, a loader, a
        memory-mapped array or a sparse matrix only for the result. Sparse matrices are encoded in float32. The result
        is float32 for float32 tables and for images. Other tables
        are computed in double precision, and the result is float64, as elsewhere in scikit-learn.

        Raises:
            NotFittedError: `fit` was not called.
            ValueError: the features, names or shapes of X differ from those in `fit`; X contains NaN or infinity; or X
                is a loader that shuffles or leaves out rows, so that rows of the result could not be assigned to rows
                of X.
        """
        check_is_fitted(self)
        components = self._found()
        if inputs.is_stream(X):
            inputs.check_order(X)
            stream = inputs.check_stream(self, X, self.item_kind, fitted=self._fitted.layout)
            return working.encode_stream(self._placed(torch.float32), components, stream)
        x, _ = inputs.check_items(self, X, self.item_kind, fitted=self._fitted.layout)
        dtype = torch.float64 if inputs.is_double(x) else torch.float32
        return working.encode_array(self._placed(dtype), components, x)

    def inverse_transform(self, X: Any) -> Shaped[np.ndarray, "n ..."]:
        """Decode coordinates along the components to items in the units and the shape of the fitted items.

        Args:
            X: (n, k) with k <= d; components beyond the first k are set to their mean.

        Returns:
            (n, *item_shape_), float64 for float64 coordinates and float32 otherwise.
        """
        check_is_fitted(self)
        p = check_array(X, dtype=inputs.DOUBLE, estimator=self, input_name="X")
        if p.shape[1] > self.n_components_:
            raise ValueError(f"X has {p.shape[1]} components, but {type(self).__name__} has {self.n_components_}")
        return self._decoded(self._found().decode(torch.from_numpy(np.array(p))))

    def sample(self, n_samples: int = 1, method: str | None = None) -> Shaped[np.ndarray, "n ..."]:
        """Decode random latents to new items (section 4.1 of the paper).

        Args:
            n_samples: number of items.
            method: way of sampling, one of those that the training method supports (`Traits.samplings`). None uses the
                method's default, which is "matched" for "eccentric": a Gaussian with the mean and the covariance of the
                latents. "standard" is N(0, I).

        Returns:
            (n_samples, *item_shape_) float32, in the units of X. If `random_state` is an int, each call returns the
            same items.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"Invalid value for 'n_samples': {n_samples} . The sampling requires at least one sample.")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        return self._decoded(self._fitted.sample(int(n_samples), method, seed))

    def score(self, X: Any, y: Any = None) -> float:
        """Fraction of the variance of X that the reconstruction explains, in standardised units.

        1 is perfect, and 0 is no better than the mean of each feature. Higher is better, so `GridSearchCV` can use the
        score. It increases with `n_components`, as for PCA.

        Raises:
            ValueError: X has fewer than 2 rows, or as for `transform`.
        """
        check_is_fitted(self)
        layout = self._fitted.layout
        if inputs.is_stream(X):
            stream = inputs.check_stream(self, X, self.item_kind, fitted=layout)
            return working.explained_share(self._placed(torch.float32), stream)
        x, _ = inputs.check_items(self, X, self.item_kind, fitted=layout)
        if layout.spec.is_sequence and x.shape[1] > layout.shape[0]:
            raise ValueError(f"X has sequences of {x.shape[1]} steps; score takes at most the {layout.shape[0]} fitted")
        return working.explained_share(self._placed(torch.float32), inputs.parts_of(x, torch.float32))

    # --- files ------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a run folder in the format of `eccentric train` (safetensors and JSON, no pickle).

        Args:
            path: path of the folder, which is created.
            overwrite: replace an existing run.

        Raises:
            FileExistsError: the folder exists and is not empty.
        """
        check_is_fitted(self)
        saving.save(self, self._fitted, path, overwrite)

    def explore(self) -> InlinePage:
        """Show the page of `eccentric explore` in a notebook. The browser must run on the machine of the kernel.

        Returns:
            An object that a notebook shows as a frame; its `close` stops the server.

        Raises:
            NotFittedError: `fit` was not called.
            EccentricError: the extra 'explore' is not installed.
            UsageError: the method has no principal components.
        """
        check_is_fitted(self)
        from eccentric.estimator.pictures import explore

        return explore(self)

    @classmethod
    def load(cls, path: str | Path) -> EccentricAutoencoder:
        """Load a run folder of `save` or `eccentric train`. Parameters that are unknown to this version are ignored.

        Raises:
            EccentricError: there is no run, or a file in it is damaged.
        """
        fitted, known = saving.load(path)
        parameters = cls._get_param_names()
        self = cls(**{name: value for name, value in known["parameters"].items() if name in parameters})
        self._fitted = fitted
        saving.restore(self, fitted, known)
        return self

    # --- inside -----------------------------------------------------------------------------------------------------

    def get_feature_names_out(self, input_features: Any = None) -> Shaped[np.ndarray, " d"]:
        """Names of the output columns: p1, p2, ... `input_features` is ignored."""
        check_is_fitted(self)
        return np.array([f"p{k + 1}" for k in range(self.n_components_)], dtype=object)

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        text: str = super().__repr__(N_CHAR_MAX)
        return f"{text}  # fell back to PCA" if getattr(self, "fell_back_to_pca_", False) else text

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = True
        return tags

    _html_repr = html.page

    def _placed(self, dtype: torch.dtype) -> Autoencoder:
        return self._fitted.placed(str(self.device), dtype)

    def _decoded(self, z: Float[Tensor, "n d"]) -> Shaped[np.ndarray, "n ..."]:
        x = working.decode(self._placed(z.dtype), z, self.item_shape_)
        return x.numpy().reshape(len(z), *self.item_shape_)

    def _forget(self, *names: str) -> None:
        for name in names:
            self.__dict__.pop(name, None)

    def _keep(self, layout: Layout, run: Repeat, measured: dict[str, Any], rare: list[int]) -> None:
        """Set the fitted state and attributes by name, and issue warnings."""
        record = run.record
        self._forget(*MEASURED, "n_samples_seen_")
        self._fitted = Fitted(layout, record.model, record.components, record)
        self.item_shape_, self.n_components_ = layout.shape, record.config.dim
        self.n_iter_ = record.metrics[-1].epoch
        self.reconstruction_error_, self.pca_reconstruction_error_ = record.error, record.pca_error
        self.__dict__.update(measured)
        warn_of_constant(self._names, run.constant)
        warn_of_rare(self._names, rare)
        warn_of_folds(
            Kept(self.neighbour_overlap_, self.neighbour_distance_),
            Kept(self.pca_neighbour_overlap_, self.pca_neighbour_distance_),
        )
