"""Sources of batches: rows on the device, rows on the host, or a loader of the user."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch.utils.data import DataLoader, Dataset

from eccentric.data.sparse_rows import SparseRows
from eccentric.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jaxtyping import Shaped
    from torch import Tensor

FREE_SHARE = 0.5  # fraction of an accelerator's free memory available for data; the network needs the rest


class Batches(Protocol):
    """A source of batches whose state can be saved and restored."""

    batch_size: int | None
    """Number of items of a batch over all ranks; None if each rank has its own batches."""

    steps: int | None
    """Number of batches in an epoch; None if a loader does not report it."""

    def epoch(self, skip: int = 0) -> Iterator[Shaped[Tensor, "b ..."]]:
        """Iterate over the batches of the next epoch, raw and on the device, without the first `skip` batches."""

    def state_dict(self) -> dict[str, Any]:
        """State from which `load_state_dict` repeats the current epoch."""

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class TensorBatches:
    """Rows of a tensor in a new random order in each epoch; an incomplete last batch is dropped.

    Data are stored and gathered on the device. The order is drawn on the host, so that it depends only on the seed and
    a run can be resumed on another device; this takes less than a hundredth of the time of an epoch. Data that would
    need more than half of an accelerator's free memory stay on the host, in memory or memory-mapped, where a separate
    process gathers batches in advance. A sparse matrix always stays on the host, and each batch is made dense.

    Args:
        x: all training items, raw.
        batch_size: number of items of a batch over all ranks; at most len(x).
        seed: seed of the order of items, which is the same on all ranks.
        device: where batches are wanted.
        rank, ranks: this rank gets every `ranks`-th item of each batch, starting with the rank-th.
    """

    def __init__(
        self,
        x: Shaped[Tensor, "n ..."],
        batch_size: int,
        seed: int,
        device: torch.device,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if batch_size < ranks:
            raise UsageError(
                f"a batch of {batch_size} cannot be divided among {ranks} ranks; use a larger --batch-size"
            )
        self.batch_size: int | None = batch_size
        self.steps: int | None = len(x) // batch_size
        self._device, self._share = device, slice(rank, None, ranks)
        sparse = isinstance(x, SparseRows)
        self._on_host = not _fits(x, device) or (sparse and device.type != "cpu")
        self._x = x if self._on_host or sparse else x.to(device)
        self._generator = torch.Generator().manual_seed(seed)
        self._before = self._generator.get_state()

    def epoch(self, skip: int = 0) -> Iterator[Shaped[Tensor, "b ..."]]:
        self._before = self._generator.get_state()
        order = torch.randperm(len(self._x), generator=self._generator).to(self._x.device)
        batches = [batch[self._share] for batch in order.split(self.batch_size) if len(batch) == self.batch_size]
        yield from self._gathered_ahead(batches[skip:]) if self._on_host else (self._x[rows] for rows in batches[skip:])
        self._before = self._generator.get_state()

    def _gathered_ahead(self, batches: list[Tensor]) -> Iterator[Shaped[Tensor, "b ..."]]:
        loader: DataLoader[Tensor] = DataLoader(
            _Rows(self._x),
            sampler=batches,
            batch_size=None,
            num_workers=1,
            prefetch_factor=4,
            pin_memory=self._device.type == "cuda",
            generator=torch.Generator(),  # not the global one, which a resumed run restores
            worker_init_fn=_ignore_signals,
        )
        for x in loader:
            yield x.to(self._device, non_blocking=True)

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self._before}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._before = state["generator"]
        self._generator.set_state(self._before)


def _ignore_signals(worker: int) -> None:
    """Ignore signals that launchers send to the whole process group: the training handles them and still needs its
    worker.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


class Loaded:
    """Batches of any iterable, such as a DataLoader, which is responsible for shuffling and for sharding over ranks.

    A resumed training skips the batches of its epoch that were seen before the interruption. This is exact if the order
    of an epoch follows from PyTorch's random state at its beginning, as is the default of a DataLoader. Batches of one
    item contain no pair and are dropped.

    Args:
        loader: yields raw tensors (b, ...), or tuples and lists that begin with one.
        device: where batches are wanted.
    """

    def __init__(self, loader: Iterable[Any], device: torch.device) -> None:
        self._loader, self._device = loader, device
        self._before = torch.get_rng_state()
        self.batch_size: int | None = None
        try:
            self.steps: int | None = len(loader)  # type: ignore[arg-type]
        except TypeError:
            self.steps = None

    def epoch(self, skip: int = 0) -> Iterator[Shaped[Tensor, "b ..."]]:
        if skip:
            now = torch.get_rng_state()
            torch.set_rng_state(self._before)
        else:
            self._before = torch.get_rng_state()
        batches = (x for batch in self._loader if len(x := data_of(batch)) > 1)
        for number, x in enumerate(batches):
            if number < skip:
                continue
            if skip and number == skip:
                torch.set_rng_state(now)
            yield x.to(self._device, non_blocking=True)

    def state_dict(self) -> dict[str, Any]:
        return {"random": self._before}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._before = state["random"]


def data_of(batch: Any) -> Tensor:
    """The data of a batch from a loader: the tensor itself, or the first element of a tuple or list.

    Raises:
        UsageError: there is no tensor of shape (b, ...).
    """
    first = batch[0] if isinstance(batch, tuple | list) and batch else batch
    if not isinstance(first, torch.Tensor) or first.ndim < 2:
        kind = f"a tensor of shape {tuple(first.shape)}" if isinstance(first, torch.Tensor) else type(first).__name__
        raise UsageError(
            f"a loader must yield tensors of shape (b, ...) or tuples that start with such a tensor, not {kind}"
        )
    return first


def _fits(x: Tensor, device: torch.device) -> bool:
    if device.type != "cuda":
        return True  # the memory of the host, or memory shared by accelerator and host
    free, _ = torch.cuda.mem_get_info(device)
    return x.element_size() * x.nelement() <= FREE_SHARE * free


class _Rows(Dataset["Tensor"]):
    """A data set that returns several rows for a list of indices."""

    def __init__(self, x: Tensor) -> None:
        self._x = x

    def __getitem__(self, rows: Any) -> Tensor:
        return self._x[rows]
