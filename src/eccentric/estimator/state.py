"""The fitted state of an estimator, which is replaced as a whole."""

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
    from eccentric.training.config import TrainConfig
    from eccentric.training.metrics import Metrics

MOST_JUDGED = 2000  # number of rows on which redundancy is measured


@dataclass
class Fitted:
    """Fitted state of an estimator.

    Attributes:
        layout: shape and kind of the items.
        model: model on the CPU, in float32 and evaluation mode.
        components: components of the model's latents; None for a stream whose components are not yet computed.
        record: record of the run; None after `partial_fit`.
        stream: state of `partial_fit`; None after `fit`.
    """

    layout: Layout
    model: Autoencoder
    components: DeepComponents | None
    record: Record | None
    stream: Streamed | None = None
    _redundancy: Float[np.ndarray, " d"] | None = None

    @property
    def config(self) -> TrainConfig:
        """Settings of the training."""
        if self.record is not None:
            return self.record.config
        assert self.stream is not None
        return self.stream.config

    def found(self) -> DeepComponents:
        """The components. Those of a stream are computed on first access."""
        if self.components is None:
            assert self.stream is not None
            self.components = self.stream.recent.components(self.model, self.stream.config.axes)
        return self.components

    def whole_record(self) -> Record:
        """The record of the run, or one of the stream."""
        if self.record is not None:
            return self.record
        assert self.stream is not None
        return Record.of_stream(self.model, self.found(), self.stream, self.layout.spec)

    def redundancy(self) -> Float[np.ndarray, " d"]:
        """R^2 of the prediction of each component from the others, computed on first access."""
        if self._redundancy is None:
            record = self.whole_record()
            train, test = record.train.p, record.test.p
            if record.train.rows is record.test.rows or np.array_equal(record.train.rows, record.test.rows):
                train, test = train[::2], train[1::2]  # no rows were held out
            self._redundancy = redundancy(train, test[:MOST_JUDGED])
        return self._redundancy

    def metrics(self) -> list[Metrics]:
        """Rows of metrics of the run or of the stream."""
        if self.record is not None:
            return self.record.metrics
        assert self.stream is not None
        return self.stream.metrics

    def sample(self, n: int, sampling: str | None, seed: int) -> Float[Tensor, "n d"]:
        """Random latents. None uses the method's default way of sampling.

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
        """The model on a device in a precision: the model itself for float32 on the CPU, otherwise a copy."""
        found = find_device(device)
        if found.type == "cpu" and dtype == torch.float32:
            return self.model
        return copy.deepcopy(self.model).to(found, torch.float32 if found.type == "mps" else dtype)


@contextmanager
def whole_or_not_at_all(estimator: BaseEstimator) -> Iterator[None]:
    """Restore the estimator if the block fails, and convert a UsageError about a parameter to a ValueError."""
    before = dict(estimator.__dict__)
    try:
        yield
    except BaseException as error:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        if isinstance(error, UsageError):
            raise ValueError(str(error)) from None
        raise
