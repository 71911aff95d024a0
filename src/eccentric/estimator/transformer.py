"""The transformer: parameters, what it learns, and what it does with data."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
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
from eccentric.estimator.warning import warn_of_constant, warn_of_folds

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
    """Nonlinear PCA: deep principal components, ordered by variance, and which of them to trust.

    An autoencoder with the Eccentric loss (Li and Blair 2021) learns to reconstruct X from a few numbers. `transform`
    returns their coordinates along orthonormal axes, in descending order of variance. With `n_runs` > 1 the training is
    repeated, and `component_stability_` measures how reproducible each component is.

    Training starts from PCA: a linear map beside each network is set to PCA's. If training improves the error on
    held-out rows by no more than chance may, the estimator keeps PCA. X may be a table (n, f), or images (n, h, w) or
    (n, c, h, w), as an array, a data frame, a tensor, a `torch.utils.data.Dataset` or `DataLoader`, or an array on disk
    (`np.load(..., mmap_mode="r")`); or with `item_kind="sequence"` a list of arrays (steps, features) of different
    lengths. NaN, infinity and sparse matrices are refused.

    Args:
        n_components: d, at most the number of rows and of features; by default 8, or as many as there can be. "auto"
            adds components one by one, up to 32, while the error on held-out rows falls by more than a component of
            pure noise would make it fall, beyond two standard errors of the paired comparison. A float between 0 and 1
            takes the fewest components whose reconstruction explains that share of the held-out rows' variance, as in
            PCA. Both train the model for several numbers of components, which takes that many times as long; the seeds
            are the same, so the result is that of `fit` with the number found.
        method: what the autoencoder is trained for, "eccentric" by default; `eccentric.methods.METHODS` lists them.
        weight: factor of the method's term in the objective; None takes the method's default, which is 0.003 for
            "eccentric". A larger weight of the Eccentric loss holds the sum of the variances nearer to d, but makes
            the variances equal, and components of equal variance mix from run to run. On the embedded digits (d = 6)
            the sum is 14 at 0.001, 9.7 at 0.003 and 7.0 at 0.01, and the correlation of components between seeds is
            0.97, 0.97 and 0.92.
        mu: strength of the repulsion in the Eccentric loss, larger than 1/2; None takes the default of 1.
        method_settings: further settings of the method by name, such as {"beta": 4}.
        n_runs: independent trainings; the first is kept, the others say how stable its components are.
        item_kind: what the items of X are. "auto" takes (n, f) for a table and other shapes for images; "table" makes
            one row of each item, whatever its shape; "sequence" takes a list of arrays (steps, features) of different
            lengths, or an array (n, steps, features) that may end in steps of NaN.
        architecture: "auto" takes a table's networks ("mlp"), for 1x28x28 and 3x64x64 images the paper's ("mnist",
            "celeba"), for others "conv".
        start: initial weights. "pca" begins at PCA's reconstruction: a linear map beside each network is set to PCA's,
            and the networks add nothing at first. "random" is the paper's. "auto" takes PCA wherever the method and the
            architecture can start from it.
        axes: "anchored" rotates the latents, once after training, to the orthonormal axes that bring them nearest to
            the scores of a linear PCA of the same rows. The components may then be slightly correlated. "principal"
            takes the principal axes of the latents, as in the paper. Where their variances are nearly equal, noise
            decides on these axes, so the components are less stable. Neither changes the reconstruction or the loss.
            Methods that order their latents by training keep their own axes.
        standardize: bring each column of a table to mean 0 and standard deviation 1. False keeps the columns'
            proportions, as PCA does, which suits embeddings; all are then divided by one number. Images have one scale.
        max_epochs: passes over the training rows; "auto" takes 1500 steps, but at least three passes.
        batch_size: rows a step; "auto" is a sixteenth of the rows, from 32 to 1024 (128 for images).
        learning_rate: Adam's highest rate; it rises for a tenth of the steps, and falls along a cosine. "auto" is 0.001
            for tables and 0.004 for images.
        early_stopping: keep the weights that reconstruct held-out rows best, if they do so by more than two standard
            errors better than the first, and stop when no better ones come. Errors on these rows are a little low for
            it; `score` on rows of your own is not.
        validation_fraction: of the rows held out for this and for `component_stability_`; at most 10,000 rows.
        n_iter_no_change: epochs to wait for a better error; "auto" is a fifth of `max_epochs`, at least 5.
        random_state: an int gives the same numbers again on the same machine.
        device: a torch device; "auto" takes the accelerator if there is one.
        precision: of the training: "auto", "32-true" or "bf16-mixed".
        verbose: 0 is silent; 1 shows a bar on a terminal, and prints some twenty lines a run elsewhere; 2 prints a line
            for each epoch.

    Attributes:
        explained_variance_: (d,) variances of the components, descending.
        explained_variance_ratio_: (d,) their shares of the variance of the latents. `score` is the share of the data's
            variance that all components explain together.
        component_stability_: (d,) with `n_runs` > 1, the mean absolute correlation of each component with its
            counterpart over all pairs of runs, on held-out rows after optimal alignment; 1 is the same every time. The
            first run is the one that is kept. Each of the others has a seed of its own, and learns from as many rows
            drawn with replacement: as all runs of a table start at PCA, on the very same rows they would agree on
            noise. Components of noise come to about 0.2 to 0.8, by chance and by their variances.
        component_stability_std_: (d,) its standard deviation over the pairs; 0 where there is one.
        run_variances_: (n_runs, d) the components' variances in each run, in the order of the first.
        components_rotation_: (d, d) the orthonormal axes in the space of the encoder's latents z, one a row.
        mean_: (d,) the mean of the latents; components are (z - mean_) @ components_rotation_.T.
        stability_: with `n_runs` > 1, what stability is to be compared with: `ours` is `component_stability_`; `pca`
            (d,) is the same for linear PCA of the same resampled rows; `null` is the mean correlation that matching
            gives by chance, when the rows of one run are permuted; `cka` (linear centred kernel alignment) and `r2` (of
            the best linear map from one run's components to another's) do not depend on the axes. Low `ours` with high
            `cka` and `r2` means the same space with other axes.
        component_importance_: (d,) increase of the mean squared error on held-out rows when a component is held at its
            mean. Measured on at most 1,000 rows, as the next two.
        error_curve_: (d + 1,) error when only the first k components are kept, for k from 0 to d.
        error_curve_noise_: (d,) noise of each step of this curve: two standard errors of the paired difference.
        component_redundancy_: (d,) R^2 on held-out rows of a component predicted from the others by a smooth
            regression. Near 0 the component says something of its own; near 1 it is a function of the others, such as
            the curvature of one.
        neighbour_overlap_, pca_neighbour_overlap_: share of the ten nearest neighbours among 1,000 training rows that
            are also among the ten nearest by their components, and by those of PCA.
        choice_: if `n_components` was chosen, what was measured of each number of components: `n_components`, `error`
            on held-out rows, its `noise` (two standard errors), `pca_error`, and with `n_runs` > 1 the mean
            `stability`.
        fell_back_to_pca_: whether the fitted model is PCA, because training gained no more than chance.
        reconstruction_error_: mean squared error on the held-out rows (on training rows if there are none), in
            standardised units. Of a table 0 is perfect, 1 is no better than the mean of each column; of images it is
            that of values brought to between 0 and 1. `score` is a share of the variance for both.
        pca_reconstruction_error_: of PCA with as many components, on the same rows.
        history_: columns of the training's metrics by name, each (rows,).
        n_iter_: epochs trained.
        n_components_: d.
        n_features_in_: numbers in an item.
        feature_names_in_: (n_features_in_,) column names, if X had them.
        item_shape_: of one item of X.
        n_samples_seen_: rows that `partial_fit` has learnt from.
    """

    n_components_: int
    neighbour_overlap_: float
    pca_neighbour_overlap_: float
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
        """Learn the components of X. A fit that fails leaves the estimator as it was.

        Of a `DataLoader` or an iterable data set nothing can be held out: it is trained on as it comes, to the end.

        Args:
            X: rows or images, see above; at least 2.
            y: ignored.

        Raises:
            ValueError, TypeError: X or a parameter cannot be used; scikit-learn's wording where it has one.
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
            self._keep(source.layout, runs[0], measure(runs, source) | chosen)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn from the next rows of a stream: one pass over X in its order, at a constant rate.

        That is `learning_rate`, or 0.001 for "auto". A step takes `batch_size` rows or somewhat more, for "auto" 1024
        (128 images), or all of X where it has fewer.
        The first call settles the scale of the columns and, for tables, the start from the PCA of its rows: let it have
        some hundreds. It also goes on from a `fit`. Components are those of the latest 2000 rows by the present
        encoder, so they move as it learns, and `reconstruction_error_` is that of X before it was learnt from.
        Parameters are those of the first call. An estimator that was pickled or loaded goes on with new moments in
        Adam.

        Args:
            X: an array, data frame or tensor of at least 2 rows or images.
            y: ignored.
        """
        with whole_or_not_at_all(self):
            before = getattr(self, "_fitted", None)
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
        """Coordinates of X along the deep principal components, in X's precision.

        Rows are encoded batch by batch: memory is that of X and of the result, whatever X's length; of a data set,
        loader or memory-mapped array only the result is held. float32 (and images) give float32; other tables are
        computed in double precision and give float64, as elsewhere in scikit-learn.

        Raises:
            NotFittedError: `fit` was not called.
            ValueError: X has other features, names or shapes than were fitted, or holds NaN or infinity; or it is a
                loader that shuffles or leaves rows out, so that no row of the result would belong to any of X.
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
        """Items for coordinates along the components, in the units and the shape of the items that were fitted.

        Args:
            X: (n, k) with k <= d; components beyond the first k are held at their mean.

        Returns:
            (n, *item_shape_), float64 for float64 coordinates and else float32.
        """
        check_is_fitted(self)
        p = check_array(X, dtype=inputs.DOUBLE, estimator=self, input_name="X")
        if p.shape[1] > self.n_components_:
            raise ValueError(f"X has {p.shape[1]} components, but {type(self).__name__} has {self.n_components_}")
        return self._decoded(self._found().decode(torch.from_numpy(np.array(p))))

    def sample(self, n_samples: int = 1, method: str | None = None) -> Shaped[np.ndarray, "n ..."]:
        """New items, decoded from random latents (section 4.1 of the paper).

        Args:
            n_samples: how many.
            method: a way of sampling that suits what the autoencoder is trained for (`Traits.samplings`); None takes
                the most natural, which is "matched" for "eccentric": a Gaussian of the latents' mean and covariance.
                "standard" is N(0, I).

        Returns:
            (n_samples, *item_shape_) float32, in the units of X. With an int as `random_state` the same each time.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"Invalid value for 'n_samples': {n_samples} . The sampling requires at least one sample.")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        return self._decoded(self._fitted.sample(int(n_samples), method, seed))

    def score(self, X: Any, y: Any = None) -> float:
        """The share of X's variance that its reconstruction explains, in standardised units: 1 is perfect.

        Zero is no better than the mean of each feature. Higher is better, so that `GridSearchCV` can choose by it; it
        grows with `n_components`, as it does for PCA.

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
        """Write a run folder, as `eccentric train` does and `eccentric report` draws: safetensors, JSON, no pickle.

        Args:
            path: of the folder, made here.
            overwrite: replace a run that lies there.

        Raises:
            FileExistsError: something lies there.
        """
        check_is_fitted(self)
        saving.save(self, self._fitted, path, overwrite)

    def explore(self) -> InlinePage:
        """Show the page of `eccentric explore` in a notebook; the browser must run on the kernel's machine.

        Returns:
            What a notebook shows as a frame; its `close` stops the server.

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
        """Open what `save` or `eccentric train` wrote. Parameters that this version does not know are ignored.

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

    def _keep(self, layout: Layout, run: Repeat, measured: dict[str, Any]) -> None:
        """Take over a training, and attributes by name; warn of what the user should know."""
        record = run.record
        self._forget(*MEASURED, "n_samples_seen_")
        self._fitted = Fitted(layout, record.model, record.components, record)
        self.item_shape_, self.n_components_ = layout.shape, record.config.dim
        self.n_iter_ = record.metrics[-1].epoch
        self.reconstruction_error_, self.pca_reconstruction_error_ = record.error, record.pca_error
        self.__dict__.update(measured)
        warn_of_constant(self._names, run.constant)
        warn_of_folds(self.neighbour_overlap_, self.pca_neighbour_overlap_)
