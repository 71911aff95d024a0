"""Sources of training data for `fit`: batches of training rows, a sample for initialisation, and held-out rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from eccentric.data.tables import blurred
from eccentric.estimator.inputs import (
    STREAM_BATCH,
    Layout,
    Mapped,
    Stream,
    as_it_is,
    as_tensor,
    check_items,
    check_sparse,
    check_stream,
    is_stream,
    parts_of,
)
from eccentric.estimator.splitting import identical, split
from eccentric.estimator.warning import warn_of_blurred
from eccentric.training.batches import Loaded, TensorBatches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jaxtyping import Int, Shaped
    from sklearn.base import BaseEstimator
    from torch import Tensor

    from eccentric.data.items import ItemSpec
    from eccentric.training.batches import Batches

MOST_SAMPLED = 25_000_000  # numbers in the sample of a stream, from which scale and PCA are computed: 100 MB
MOST_KEPT = 10_000  # training rows whose encodings are kept, and on which errors are measured if none are held out


@dataclass(frozen=True)
class Source:
    """Training rows in memory, on disk, or from a loader.

    Attributes:
        layout: shape and kind of the items.
        items: number of training rows; None for a loader of unknown length.
        sample: raw training rows in memory: all rows of an array, or a random choice of (or the first) rows of a
            stream.
        held_out: raw held-out rows; empty for a loader, and for fewer than about 20 rows.
        sample_rows, held_out_rows: indices of these rows in X; counted from 0 for a loader without indices.
        batches: function of (batch size, seed, device) that returns the batches for training.
        rows: function that returns all training rows once, as raw batches.
        bootstrap: function that returns a source with the same number of training rows, drawn with replacement; None
            for a loader.
        step: number of rows per step, if a loader determines it.
    """

    layout: Layout
    items: int | None
    sample: Shaped[Tensor, "n ..."]
    held_out: Shaped[Tensor, "m ..."]
    sample_rows: Int[np.ndarray, " n"]
    held_out_rows: Int[np.ndarray, " m"]
    batches: Callable[[int, int, torch.device], Batches]
    rows: Callable[[], Iterable[Tensor]]
    bootstrap: Callable[[np.random.RandomState], Source] | None
    step: int | None = None

    @property
    def spec(self) -> ItemSpec:
        return self.layout.spec

    @property
    def kept(self) -> Int[np.ndarray, " k"]:
        """Indices of up to 10,000 rows of `sample`, evenly spaced because the rows may be sorted."""
        return np.linspace(0, len(self.sample) - 1, min(len(self.sample), MOST_KEPT)).astype(int)

    @property
    def known(self) -> Shaped[Tensor, "k ..."]:
        """All rows that are in memory: `sample` and the held-out rows."""
        return torch.cat([self.sample, self.held_out]) if len(self.held_out) else self.sample

    def every_row(self) -> Iterator[Tensor]:
        """All training rows once, then the held-out rows, as raw batches."""
        yield from self.rows()
        yield from parts_of(self.held_out.numpy(), self.held_out.dtype)

    @property
    def judged(self) -> Shaped[Tensor, "m ..."]:
        """The rows on which errors are measured: the held-out rows, or training rows if there are none."""
        return self.held_out if len(self.held_out) else self.sample[self.kept]


def some(x: Shaped[Tensor, "n ..."]) -> Shaped[Tensor, "m ..."]:
    """At most 1,000 items, on which importance and neighbourhoods are measured.

    They are evenly spaced over x, because x may be sorted.
    """
    return x[torch.from_numpy(np.linspace(0, len(x) - 1, min(len(x), 1000)).astype(int))]


def take(
    estimator: BaseEstimator, X: Any, random: np.random.RandomState, *, item_kind: str, fraction: float, repeated: bool
) -> Source:
    """Validate X as passed to `fit`, and return it as a source. scikit-learn's checks set the feature names.

    Args:
        estimator: estimator on which the checks set attributes.
        X: see the estimator's class.
        random: generator that chooses the held-out rows.
        item_kind: parameter of the estimator.
        fraction: fraction of rows to hold out.
        repeated: whether there will be several runs, which are compared on held-out rows.

    Raises:
        ValueError, TypeError: see `check_items`; or X is a loader and repeated runs need held-out rows.
    """
    if not is_stream(X):
        x, layout = check_items(estimator, X, item_kind, least=2)
        if isinstance(X, np.memmap) and not layout.spec.is_sequence:
            return from_dataset(Mapped(x), layout, fraction, random)
        if layout.spec.is_table:
            names = getattr(estimator, "feature_names_in_", None)
            warn_of_blurred(names, np.flatnonzero(blurred(x)).tolist())
        return from_array(x, layout, fraction, random)
    stream = check_stream(estimator, X, item_kind)
    if issparse(X):
        return from_dataset(check_sparse(estimator, X, reset=True, least=2), stream.layout, fraction, random)
    if isinstance(X, Dataset) and not isinstance(X, IterableDataset):
        if len(X) < 2:  # type: ignore[arg-type]
            raise ValueError("Found a data set with 1 sample(s) while a minimum of 2 is required.")
        return from_dataset(X, stream.layout, fraction, random)
    if repeated:
        raise ValueError("n_runs > 1 needs rows to hold out, which a loader cannot give; pass its data set instead")
    return from_loader(stream)


def from_array(
    x: Shaped[np.ndarray, "n ..."], layout: Layout, fraction: float, random: np.random.RandomState
) -> Source:
    """An array in memory, copied once as float32 or uint8."""
    train, held = split(len(x), fraction, random, identical(x) if fraction else None)
    return _resident(layout, as_tensor(x[train]), train, as_tensor(x[held]), held)


def _resident(layout: Layout, kept: Tensor, train: np.ndarray, held_out: Tensor, held: np.ndarray) -> Source:
    def bootstrap(random: np.random.RandomState) -> Source:
        rows = _with_replacement(len(kept), random)
        return _resident(layout, kept[rows], train[rows], held_out, held)

    return Source(
        layout=layout,
        items=len(kept),
        sample=kept,
        held_out=held_out,
        sample_rows=train,
        held_out_rows=held,
        batches=lambda size, seed, device: TensorBatches(kept, size, seed, device),
        rows=lambda: parts_of(kept.numpy(), kept.dtype),
        bootstrap=bootstrap,
    )


def from_dataset(data: Dataset[Any], layout: Layout, fraction: float, random: np.random.RandomState) -> Source:
    """Items that are read on demand: a map-style data set, or an array on disk or a sparse matrix (`Mapped`).

    Identical rows are not recognised, because all rows would have to be read.
    """
    train, held = split(len(data), fraction, random)  # type: ignore[arg-type]
    held_out = torch.cat(list(_stream(data, layout.spec, held))) if len(held) else None
    return _indexed(data, layout, train, held_out, held, random)


def _indexed(
    data: Dataset[Any],
    layout: Layout,
    train: np.ndarray,
    held_out: Tensor | None,
    held: np.ndarray,
    random: np.random.RandomState,
) -> Source:
    def bootstrap(random: np.random.RandomState) -> Source:
        return _indexed(data, layout, train[_with_replacement(len(train), random)], held_out, held, random)

    stream = _stream(data, layout.spec, train)
    most = max(2, MOST_SAMPLED // layout.size)
    chosen = train if len(train) <= most else np.sort(random.choice(train, most, replace=False))
    sample = torch.cat(list(_stream(data, layout.spec, chosen)))
    return Source(
        layout=layout,
        items=len(train),
        sample=sample,
        held_out=sample[:0] if held_out is None else held_out,
        sample_rows=chosen,
        held_out_rows=held,
        batches=lambda size, seed, device: Loaded(_stream(data, layout.spec, train, size, seed), device),
        rows=lambda: stream,
        bootstrap=bootstrap,
    )


def _stream(
    data: Dataset[Any], spec: ItemSpec, rows: np.ndarray, size: int = STREAM_BATCH, seed: int | None = None
) -> Stream:
    """Selected rows of a data set: in order, or with a seed in random order and without incomplete batches."""
    keep_whole: Any = as_it_is if isinstance(data, Mapped) else None
    return Stream(
        DataLoader(
            Subset(data, rows.tolist()),
            size,
            shuffle=seed is not None,
            drop_last=seed is not None and len(rows) >= size,
            generator=None if seed is None else torch.Generator().manual_seed(seed),
            collate_fn=keep_whole,
        ),
        spec.kind,
        rows.tolist() if seed is None else None,
    )


def from_loader(stream: Stream) -> Source:
    """A loader of the user, which is read in its order. No rows can be held out."""
    most = max(2, MOST_SAMPLED // stream.layout.size)
    sample = torch.cat(list(_first(stream, most)))[:most]
    if len(sample) < 2:
        raise ValueError(f"Found array with {len(sample)} sample(s) while a minimum of 2 is required.")
    items = len(sample)
    return Source(
        layout=stream.layout,
        items=items if items < most else None,
        sample=sample,
        held_out=sample[:0],
        sample_rows=np.arange(items),
        held_out_rows=np.arange(0),
        batches=lambda size, seed, device: Loaded(stream, device),
        rows=lambda: stream,
        bootstrap=None,
        step=stream.first,
    )


def _with_replacement(n: int, random: np.random.RandomState) -> np.ndarray:
    rows: np.ndarray = np.sort(random.randint(n, size=n))
    return rows


def _first(stream: Iterable[Tensor], most: int) -> Iterator[Tensor]:
    seen = 0
    for x in stream:
        yield x
        seen += len(x)
        if seen >= most:
            return
