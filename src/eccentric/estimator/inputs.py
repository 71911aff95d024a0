"""Validation of X with scikit-learn's messages, and reading of X in batches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.utils.validation import check_array, validate_data
from torch.utils.data import DataLoader, Dataset, RandomSampler, SubsetRandomSampler, WeightedRandomSampler

from eccentric.data.items import ItemSpec
from eccentric.errors import UsageError
from eccentric.estimator.refusing import refuse
from eccentric.estimator.sequences import read_sequences
from eccentric.training.batches import data_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from jaxtyping import Shaped
    from sklearn.base import BaseEstimator
    from torch import Tensor

MOST_NUMBERS = 1_000_000  # numbers in a batch that is checked, encoded or decoded: 8 MB in double precision
MOST_ROWS, MOST_IMAGES = 4096, 256  # maximum number of items in a batch, so that activations fit a CPU's caches
STREAM_BATCH = 1024  # items of a data set read at once
DOUBLE = (np.float64, np.float32)
SHUFFLING = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)


@dataclass(frozen=True)
class Layout:
    """Shape and kind of the items of X.

    Attributes:
        shape: shape of an item as passed by the user: (f,), (h, w), (c, h, w) or (steps, features).
        spec: specification of an item as used by the networks.
    """

    shape: tuple[int, ...]
    spec: ItemSpec

    @property
    def size(self) -> int:
        """Number of values in an item."""
        return math.prod(self.shape)


def is_stream(X: Any) -> bool:
    """Whether X is a PyTorch data set or loader, or a sparse matrix: it is dense only batch by batch."""
    return isinstance(X, Dataset | DataLoader) or issparse(X)


def check_order(X: Any) -> None:
    """Check that X yields all items in order, which a result with one row per item requires.

    Raises:
        ValueError: X is a loader that shuffles its items or leaves some out.
    """
    if not isinstance(X, DataLoader):
        return
    if isinstance(X.sampler, SHUFFLING):
        raise ValueError("the DataLoader shuffles, so rows would come in another order; pass its data set instead")
    if X.drop_last and len(X.sampler) % (X.batch_size or 1):  # type: ignore[arg-type]
        raise ValueError("the DataLoader drops its last batch, so rows would be missing; pass its data set instead")


def check_items(
    estimator: BaseEstimator, X: Any, item_kind: str, *, fitted: Layout | None = None, least: int = 1
) -> tuple[Shaped[np.ndarray, "n ..."], Layout]:
    """Validate X, and return it as an array and its layout. The array is a table (n, f) or images (n, c, h, w).

    The array has the dtype of X if that is a numeric dtype of NumPy. A memory-mapped array stays on disk. Items with
    more than one axis are images, or rows of a table if `item_kind` is "table". If `item_kind` is "sequence", the steps
    beyond the end of a sequence are NaN, see `read_sequences`; the lengths may differ from those in `fit`.

    Args:
        estimator: scikit-learn's checks set or compare its `n_features_in_` and `feature_names_in_`.
        X: input of the user, except for streams.
        item_kind: parameter of the estimator.
        fitted: layout that X must have; None determines layout and names from X.
        least: minimum number of items; the loss requires two.

    Raises:
        ValueError, TypeError: errors of scikit-learn, with the row and column of the first number that is not finite.
    """
    refuse(X)
    if isinstance(X, torch.Tensor):
        X = X.detach().cpu()
        X = (X.float() if X.dtype == torch.bfloat16 else X).numpy()
    if (item_kind if fitted is None else fitted.spec.kind) == "sequence":
        steps, features = (0, None) if fitted is None else fitted.spec.shape
        sequences = read_sequences(X, least, features, steps)
        layout = fitted or Layout(sequences.shape[1:], spec_of(sequences.shape[1:], item_kind))
        if fitted is None:
            _forget_columns(estimator, layout)
        return sequences, layout
    if getattr(X, "ndim", 2) in (3, 4):
        images: np.ndarray = check_array(
            X, dtype="numeric", allow_nd=True, ensure_all_finite=False, ensure_min_samples=least, estimator=estimator
        )
        _check_finite(estimator, images, None)
        layout = fitted or Layout(images.shape[1:], spec_of(images.shape[1:], item_kind, str(images.dtype)))
        if fitted is None:
            if layout.spec.is_image:
                _check_channels(images)
            _forget_columns(estimator, layout)
        _check_shape(estimator, images.shape[1:], layout)
        return images.reshape(len(images), *layout.spec.shape), layout
    try:
        numbers = isinstance(X, np.ndarray) and X.dtype.kind in "iufb"  # converted batch by batch
        table: np.ndarray = validate_data(
            estimator,
            X,
            reset=fitted is None,
            dtype=None if numbers else DOUBLE,
            ensure_all_finite=False,
            ensure_min_samples=least,
        )
    except ValueError as error:
        raise _naming_the_column(error, X) from None
    _check_finite(estimator, table, getattr(X, "columns", None))
    layout = fitted or Layout(table.shape[1:], spec_of(table.shape[1:], item_kind))
    _check_shape(estimator, table.shape[1:], layout)
    return table, layout


def check_sparse(estimator: BaseEstimator, X: Any, *, reset: bool, least: int = 1) -> Mapped:
    """Validate a sparse matrix, and return its rows as a data set. scikit-learn's checks set or compare its features.

    Raises:
        ValueError, TypeError: errors of scikit-learn, except for numbers that are not finite, which `Stream` finds.
    """
    x = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse="csr",
        dtype=DOUBLE,
        ensure_all_finite=False,
        ensure_min_samples=least,
    )
    return Mapped(x)


def check_stream(
    estimator: BaseEstimator, X: Dataset[Any] | DataLoader[Any], item_kind: str, *, fitted: Layout | None = None
) -> Stream:
    """X as batches of items, each checked when it is read. The arguments are those of `check_items`.

    Raises:
        ValueError: the shape of the first batch differs from that in `fit`, or X is empty.
    """
    kind = item_kind if fitted is None else fitted.spec.kind
    if issparse(X):
        data = check_sparse(estimator, X, reset=fitted is None)
        stream = Stream(DataLoader(data, STREAM_BATCH, collate_fn=as_it_is), kind, range(len(data)))
    else:
        stream = Stream(X if isinstance(X, DataLoader) else DataLoader(X, STREAM_BATCH), kind)
    if fitted is None and not issparse(X):
        _forget_columns(estimator, stream.layout)
    _check_shape(estimator, stream.layout.shape, fitted or stream.layout)
    return stream


def _forget_columns(estimator: BaseEstimator, layout: Layout) -> None:
    """Set the attributes that scikit-learn's checks set for a table. The items have a size, but no column names."""
    estimator.n_features_in_ = layout.size
    vars(estimator).pop("feature_names_in_", None)


class Stream:
    """A loader of finite float32 or uint8 tensors (b, *shape). Errors name the batch and the position in it.

    Attributes:
        layout: shape and kind of the items.
        first: items of the first batch.
    """

    def __init__(self, loader: Iterable[Any], item_kind: str = "auto", rows: Sequence[int] | None = None) -> None:
        """`rows` are the rows of the data set in the order of the loader, for error messages."""
        self._loader = loader
        self._rows = rows
        first = next(iter(loader), None)
        if first is None:
            raise ValueError("Found a data set with 0 sample(s) while a minimum of 1 is required.")
        x = _tensor_of(first)
        self.first, shape = len(x), tuple(x.shape[1:])
        if len(shape) > 3:
            raise ValueError(f"Found items of shape {shape}; a table has (f,), images (h, w) or (c, h, w)")
        self.layout = Layout(shape, spec_of(shape, item_kind, str(x.dtype).removeprefix("torch.")))

    def __len__(self) -> int:
        """Number of batches. Raises TypeError if the loader has no length."""
        return len(self._loader)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Shaped[Tensor, "b ..."]]:
        seen = 0
        for number, batch in enumerate(self._loader):
            x = _tensor_of(batch)
            if tuple(x.shape[1:]) != self.layout.shape:
                raise ValueError(
                    f"batch {number} holds items of shape {tuple(x.shape[1:])}, others {self.layout.shape}"
                )
            x = x.reshape(len(x), *self.layout.spec.shape)
            x = x if x.dtype == torch.uint8 else x.float()
            if x.is_floating_point() and not x.isfinite().all():
                place = (~x.isfinite()).nonzero()[0].tolist()
                where = f"batch {number}, row {place[0]}"
                if self._rows is not None:
                    where = f"row {self._rows[seen + place[0]]} of the data set"
                raise ValueError(
                    f"Input X contains NaN or infinity. The first is in {where}, at {place[1:]} of the item."
                )
            seen += len(x)
            yield x


class Mapped(Dataset["Tensor"]):
    """Rows of an array on disk or of a sparse matrix (CSR), read many at a time."""

    def __init__(self, x: Any) -> None:
        self._x = x

    def __len__(self) -> int:
        return int(self._x.shape[0])

    def __getitems__(self, rows: list[int]) -> Tensor:
        found = self._x[np.asarray(rows)]
        return as_tensor(found.toarray() if issparse(found) else found)


def as_it_is(batch: Any) -> Any:
    return batch


def parts_of(x: Shaped[np.ndarray, "n ..."], dtype: torch.dtype) -> Iterator[Shaped[Tensor, "b ..."]]:
    """Parts of an array as tensors of one floating-point dtype. Only the current part is copied."""
    size = batch_rows(x.shape[1:])
    for start in range(0, len(x), size):
        part = x[start : start + size]
        # `as_tensor`, which `fit` uses for all numeric dtypes of NumPy, would convert double precision to float32.
        yield (torch.from_numpy(np.array(part, np.float64)) if is_double(x) else as_tensor(part)).to(dtype)


def is_double(x: Shaped[np.ndarray, "n ..."]) -> bool:
    """Whether the computation uses double precision, which is the case for all tables except float32."""
    return x.dtype == np.float64 or (x.ndim == 2 and x.dtype != np.float32)


def batch_rows(shape: Sequence[int]) -> int:
    """Number of items per batch for items of a shape."""
    most = MOST_IMAGES if len(shape) > 1 else MOST_ROWS
    return max(1, min(most, MOST_NUMBERS // max(1, math.prod(shape))))


def as_tensor(x: Shaped[np.ndarray, "n ..."]) -> Shaped[Tensor, "n ..."]:
    """Copy to a tensor: uint8 images stay uint8 (0 to 255), all others become float32 (bool as 0 and 1)."""
    return torch.from_numpy(np.array(x, np.uint8 if x.dtype == np.uint8 and x.ndim > 2 else np.float32))


def _tensor_of(batch: Any) -> Tensor:
    try:
        return data_of(batch)
    except UsageError as error:
        raise ValueError(str(error)) from None


def spec_of(shape: Sequence[int], item_kind: str, dtype: str = "float32") -> ItemSpec:
    """Specification of items of a shape, as used by the networks.

    Args:
        shape: shape of an item of X: (f,), (h, w) or (c, h, w).
        item_kind: parameter of the estimator.
        dtype: dtype of X; all items except uint8 images are converted to float32.

    Raises:
        ValueError: items of that shape cannot be of that kind.
        UsageError: there is no architecture for that kind.
    """
    kind = item_kind if item_kind != "auto" else "table" if len(shape) == 1 else "image"
    if kind == "table":
        return ItemSpec("table", (math.prod(shape),))
    if kind == "image" and len(shape) > 1:
        return ItemSpec("image", (1,) * (3 - len(shape)) + tuple(shape), "uint8" if dtype == "uint8" else "float32")
    if kind == "sequence" and len(shape) == 2:
        return ItemSpec("sequence", (shape[0], shape[1]))
    wanted = "(n, h, w) or (n, c, h, w)" if kind == "image" else "(n, steps, features)"
    raise ValueError(f"item_kind={kind!r} needs X of shape {wanted}, but an item of X has the shape {tuple(shape)}")


def _check_channels(images: np.ndarray) -> None:
    if images.ndim == 4 and images.shape[3] in (1, 3, 4) and images.shape[1] > 4:
        raise ValueError(
            f"Found images of shape {images.shape[1:]}, but (channels, height, width) is expected; "
            "np.moveaxis(X, -1, 1) puts the channels first"
        )


def _check_shape(estimator: BaseEstimator, shape: tuple[int, ...], fitted: Layout) -> None:
    if tuple(shape) == tuple(fitted.shape):
        return
    name, features = type(estimator).__name__, int(np.prod(shape))
    if len(shape) == len(fitted.shape) == 1:
        raise ValueError(f"X has {features} features, but {name} is expecting {fitted.size} features as input")
    raise ValueError(f"X has items of shape {tuple(shape)}, but {name} is expecting {tuple(fitted.shape)} as input")


def _check_finite(estimator: BaseEstimator, x: np.ndarray, columns: Any) -> None:
    """Raise scikit-learn's error with the position of the first such number. Reads in parts to limit the memory."""
    if x.dtype.kind not in "fc":
        return
    size = batch_rows(x.shape[1:])
    for start in range(0, len(x), size):
        part = x[start : start + size]
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(part.astype(np.float32, copy=False))  # precision of the networks
        if bad.any():
            place = np.argwhere(bad)[0]
            value = part[tuple(place)]
            what = "NaN" if np.isnan(value) else "infinity or a value too large for dtype('float32')"
            column = repr(str(columns[place[1]])) if columns is not None else ", ".join(map(str, place[1:]))
            raise ValueError(
                f"Input X contains {what}.\n{type(estimator).__name__} does not accept such values: the first is in "
                f"row {start + place[0]}, column {column}. Drop it, or see sklearn.impute for estimators that fill "
                "gaps."
            )


def _naming_the_column(error: ValueError, X: Any) -> ValueError:
    """Add the column of a data frame to scikit-learn's error, which names only the value that is not a number."""
    if "could not convert" in str(error) and hasattr(X, "columns"):
        for name in X.columns:
            try:
                np.asarray(X[name]).astype(np.float64)
            except (ValueError, TypeError):
                return ValueError(f"{error} (column {str(name)!r}); encode or drop it")
    return error
