"""What a fitted estimator holds: all of it or nothing of it."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from eccentric.devices import find_device
from eccentric.errors import UsageError
from eccentric.estimator.record import Record
from eccentric.evaluation.random_latents import random_latents
from eccentric.evaluation.redundancy import redundancy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float
    from sklearn.base import BaseEstimator
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.estimator.inputs import Layout
    from eccentric.estimator.learning import Streamed
    from eccentric.models import Autoencoder
    from eccentric.training.metrics import Metrics

MOST_JUDGED = 2000  # rows that redundancy is measured on


@dataclass
class Fitted:
    """What an estimator has learnt.

    Attributes:
        layout: what the items are.
        model: on the CPU, in float32 and evaluation mode.
        components: of the model's latents; None while those of a stream were not asked for.
        record: of the run; None after `partial_fit`.
        stream: what `partial_fit` goes on from; None after `fit`.
    """

    layout: Layout
    model: Autoencoder
    components: DeepComponents | None
    record: Record | None
    stream: Streamed | None = None
    _redundancy: Float[np.ndarray, " d"] | None = None

    def found(self) -> DeepComponents:
        """The components; those of a stream are computed when they are first asked for."""
        if self.components is None:
            assert self.stream is not None
            self.components = self.stream.recent.components(self.model, self.stream.config.axes)
        return self.components

    def whole_record(self) -> Record:
        """The record of the run, or one of what was learnt from a stream."""
        if self.record is not None:
            return self.record
        assert self.stream is not None
        return Record.of_stream(self.model, self.found(), self.stream, self.layout.spec)

    def redundancy(self) -> Float[np.ndarray, " d"]:
        """How well each component is predicted from the others, computed when it is first asked for."""
        if self._redundancy is None:
            record = self.whole_record()
            train, test = record.train.p, record.test.p
            if record.train.rows is record.test.rows or np.array_equal(record.train.rows, record.test.rows):
                train, test = train[::2], train[1::2]  # nothing was held out
            self._redundancy = redundancy(train, test[:MOST_JUDGED])
        return self._redundancy

    def metrics(self) -> list[Metrics]:
        """Rows of metrics, of the run or of the stream."""
        if self.record is not None:
            return self.record.metrics
        assert self.stream is not None
        return self.stream.metrics

    def sample(self, n: int, sampling: str | None, seed: int) -> Float[Tensor, "n d"]:
        """Random latents; None takes the method's most natural way of sampling.

        Raises:
            ValueError: the way of sampling does not suit the method.
        """
        method = self.model.method
        chosen = method.traits.samplings[0] if sampling is None else sampling
        try:
            return random_latents(method, self.found(), self._training_latents, n, chosen, seed)
        except UsageError as error:
            raise ValueError(str(error)) from None

    def _training_latents(self) -> Float[Tensor, "m d"]:
        saved = self.whole_record().train
        return self.found().decode(torch.from_numpy(saved.p)) if saved.z is None else torch.from_numpy(saved.z)

    def placed(self, device: str, dtype: torch.dtype) -> Autoencoder:
        """The model on a device, in a precision. On the CPU in float32 it is the model itself, else a copy."""
        found = find_device(device)
        if found.type == "cpu" and dtype == torch.float32:
            return self.model
        return copy.deepcopy(self.model).to(found, torch.float32 if found.type == "mps" else dtype)


@contextmanager
def whole_or_not_at_all(estimator: BaseEstimator) -> Iterator[None]:
    """Should the block fail, the estimator is what it was; a parameter's UsageError becomes a ValueError."""
    before = dict(estimator.__dict__)
    try:
        yield
    except BaseException as error:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        if isinstance(error, UsageError):
            raise ValueError(str(error)) from None
        raise
