"""What a user may pass as X: checked in scikit-learn's words, and read as batches of items."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
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

MOST_NUMBERS = 1_000_000  # in a batch that is checked, encoded or decoded: 8 MB in double precision
MOST_ROWS, MOST_IMAGES = 4096, 256  # in it, for what the networks' layers hold of each; less fits a CPU's caches
STREAM_BATCH = 1024  # items of a data set read at once
DOUBLE = (np.float64, np.float32)
SHUFFLING = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)


@dataclass(frozen=True)
class Layout:
    """What the items of X are.

    Attributes:
        shape: of an item as the user passes it: (f,), (h, w), (c, h, w) or (steps, features).
        spec: of an item as the networks take it.
    """

    shape: tuple[int, ...]
    spec: ItemSpec

    @property
    def size(self) -> int:
        """Numbers in an item."""
        return math.prod(self.shape)


def is_stream(X: Any) -> bool:
    """Whether X is a PyTorch data set or loader, read batch by batch and never held."""
    return isinstance(X, Dataset | DataLoader)


def check_order(X: Any) -> None:
    """Before a result that has a row for each item.

    Raises:
        ValueError: X is a loader that gives its items in random order, or not all of them.
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
    """X as an array, a table (n, f) or images (n, c, h, w), and what its items are.

    The array has the type of X if NumPy has it for numbers. A memory-mapped array stays on disk. Items of more than one
    axis are images, or rows of a table if `item_kind` is "table". Sequences, of `item_kind` "sequence", are NaN beyond
    their ends, see `read_sequences`; they may have other lengths than those that were fitted.

    Args:
        estimator: scikit-learn's checks set or compare its `n_features_in_` and `feature_names_in_`.
        X: whatever the user passed, but no stream.
        item_kind: the estimator's parameter.
        fitted: the layout that X must have; None learns layout and names from X.
        least: the minimum number of items; two make a pair to learn from.

    Raises:
        ValueError, TypeError: scikit-learn's own, with the row and column of the first number that is not finite.
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


def check_stream(
    estimator: BaseEstimator, X: Dataset[Any] | DataLoader[Any], item_kind: str, *, fitted: Layout | None = None
) -> Stream:
    """X as batches of items that are checked as they come. The arguments are those of `check_items`.

    Raises:
        ValueError: the first batch has not the shape that was fitted, or X yields nothing.
    """
    loader = X if isinstance(X, DataLoader) else DataLoader(X, STREAM_BATCH)
    stream = Stream(loader, item_kind if fitted is None else fitted.spec.kind)
    if fitted is None:
        _forget_columns(estimator, stream.layout)
    _check_shape(estimator, stream.layout.shape, fitted or stream.layout)
    return stream


def _forget_columns(estimator: BaseEstimator, layout: Layout) -> None:
    """Set what scikit-learn's own checks set for a table: the items have a size, but no names of columns."""
    estimator.n_features_in_ = layout.size
    vars(estimator).pop("feature_names_in_", None)


class Stream:
    """A loader whose batches are float32 or uint8 tensors (b, *shape), finite; an error names the batch and the place.

    Attributes:
        layout: what the items are.
        first: items of the first batch.
    """

    def __init__(self, loader: Iterable[Any], item_kind: str = "auto", rows: Sequence[int] | None = None) -> None:
        """`rows` are those of the data set that the loader gives, in its order, for errors."""
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
        """Batches; TypeError where the loader does not know."""
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
    """Rows of an array on disk, many at once."""

    def __init__(self, x: Shaped[np.ndarray, "n ..."]) -> None:
        self._x = x

    def __len__(self) -> int:
        return len(self._x)

    def __getitems__(self, rows: list[int]) -> Tensor:
        return as_tensor(self._x[np.asarray(rows)])


def parts_of(x: Shaped[np.ndarray, "n ..."], dtype: torch.dtype) -> Iterator[Shaped[Tensor, "b ..."]]:
    """Parts of an array as tensors of one floating-point type; nothing but the part in hand is copied."""
    size = batch_rows(x.shape[1:])
    for start in range(0, len(x), size):
        part = x[start : start + size]
        # Only double precision passes by `as_tensor`, through which `fit` takes every kind of number that NumPy has.
        yield (torch.from_numpy(np.array(part, np.float64)) if is_double(x) else as_tensor(part)).to(dtype)


def is_double(x: Shaped[np.ndarray, "n ..."]) -> bool:
    """Whether it is worked on in double precision: tables, but for those of float32."""
    return x.dtype == np.float64 or (x.ndim == 2 and x.dtype != np.float32)


def batch_rows(shape: Sequence[int]) -> int:
    """How many items of a shape are worked on at once."""
    most = MOST_IMAGES if len(shape) > 1 else MOST_ROWS
    return max(1, min(most, MOST_NUMBERS // max(1, math.prod(shape))))


def as_tensor(x: Shaped[np.ndarray, "n ..."]) -> Shaped[Tensor, "n ..."]:
    """Images of uint8 as they are (0 to 255), all else in float32 (bool as 0 and 1), in memory of its own."""
    return torch.from_numpy(np.array(x, np.uint8 if x.dtype == np.uint8 and x.ndim > 2 else np.float32))


def split(n: int, fraction: float, random: np.random.RandomState, most: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows held out, ascending. None are held out where that would be fewer than two."""
    held = min(most, int(np.ceil(fraction * n)))
    if held < 2 or n - held < 2:
        return np.arange(n), np.arange(0)
    order = random.permutation(n)
    return np.sort(order[held:]), np.sort(order[:held])


def _tensor_of(batch: Any) -> Tensor:
    try:
        return data_of(batch)
    except UsageError as error:
        raise ValueError(str(error)) from None


def spec_of(shape: Sequence[int], item_kind: str, dtype: str = "float32") -> ItemSpec:
    """What items of a shape are to the networks.

    Args:
        shape: of an item of X: (f,), (h, w) or (c, h, w).
        item_kind: the parameter of that name.
        dtype: of X; anything but uint8 images is worked on as float32.

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
    """scikit-learn's error, and where the first such number is. In parts, so that a file is not read into memory."""
    if x.dtype.kind not in "fc":
        return
    size = batch_rows(x.shape[1:])
    for start in range(0, len(x), size):
        part = x[start : start + size]
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(part.astype(np.float32, copy=False))  # the precision of the networks
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
    """scikit-learn says which value is not a number; in a data frame, say which column it is in as well."""
    if "could not convert" in str(error) and hasattr(X, "columns"):
        for name in X.columns:
            try:
                np.asarray(X[name]).astype(np.float64)
            except (ValueError, TypeError):
                return ValueError(f"{error} (column {str(name)!r}); encode or drop it")
    return error
