"""The training loop, which can be stopped after any row of metrics and resumed."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch

from eccentric.errors import EccentricError
from eccentric.inference import reconstruction_error
from eccentric.training.schedule import epochs_with_decay, rate
from eccentric.training.step import GraphedStep, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Shaped
    from torch import Tensor

    from eccentric.models import Autoencoder
    from eccentric.training.batches import Batches
    from eccentric.training.config import TrainConfig
    from eccentric.training.engine import Engine
    from eccentric.training.metrics import Metrics
    from eccentric.training.stopping import Stop


class Training:
    """A training that can be stopped between two rows of metrics and resumed with `load_state_dict`.

    Args:
        model: trained in place.
        batches: `TensorBatches` or `Loaded`.
        config: settings.
        engine: device, precision, ranks and compilation (see `engine.start`).
        test: raw items to measure the reconstruction error on after each epoch.

    Attributes:
        model: the model.
        config: the settings.
        step: number of steps taken.
        epoch: the current epoch, counted from 1; last_epoch + 1 after the last epoch.
        last_epoch: `config.epochs`, unless `decay` has been called.
        row_step: step of the last complete row of metrics.
    """

    def __init__(
        self,
        model: Autoencoder,
        batches: Batches,
        config: TrainConfig,
        engine: Engine,
        test: Shaped[Tensor, "m ..."] | None = None,
    ) -> None:
        self.model = model
        self.step = self.row_step = 0
        self.epoch, self._position = 1, 0  # number of batches of the epoch already used
        self.last_epoch = config.epochs
        self.config = config
        self._batches, self._fabric, self._test = batches, engine.fabric, test
        self._work = Step(model, engine, config)
        self._record = engine.graph and model.method.traits.capturable
        self._graph: GraphedStep | None = None
        self._rate = math.nan
        self._random_states: list[tuple[Tensor, Tensor | None]] = []  # states of all ranks at the last complete row

    def run(self, stop: Stop) -> Iterator[Metrics]:
        """Train to the last epoch, yielding a row of metrics every `log_every` steps and at the end of each epoch.

        On `stop`, it ends after the current step with a row for the steps since the last one; with several ranks, it
        ends after the next row, when the ranks agree. Between two rows, nothing waits for the device.

        Raises:
            EccentricError: a term of the objective is no longer finite, or an epoch had no batches.
        """
        self._work.sums.start_clock()
        while not self.finished:
            self.model.train()
            for x, last in _marking_the_last(self._batches.epoch(self._position)):
                self._train(x)
                self.step += 1
                self._position += 1
                if stop.asked and not last and self._fabric.world_size == 1:
                    yield self._whole_row() if self.step % self.config.log_every == 0 else self._row()
                    return
                if self.step % self.config.log_every == 0 and not last:
                    yield self._whole_row()
                    if self._agreed(stop):
                        return
                    self._work.sums.start_clock()
            if self._position == 0:
                raise EccentricError("an epoch had no batch with at least two items; use more items or larger batches")
            row = self._whole_row()
            if self._test is not None and self._fabric.is_global_zero:
                row = replace(row, test_reconstruction=reconstruction_error(self.model, self._test))
            self.epoch, self._position = self.epoch + 1, 0
            yield row
            if self._agreed(stop):
                return
            self._work.sums.start_clock()

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch > self.last_epoch

    def decay(self) -> None:
        """Begin the decay of a trapezoid with the present epoch, which determines the last epoch."""
        self.last_epoch = min(epochs_with_decay(self.epoch - 1), self.config.epochs)

    def log(self, metrics: Metrics) -> None:
        """Send a row to Fabric's loggers."""
        known = {name: value for name, value in metrics.row().items() if value is not None}
        self._fabric.log_dict(known, metrics.step)

    def state_dict(self) -> dict[str, Any]:
        """The complete state of the training: tensors on the CPU and plain values."""
        return {
            "step": self.step,
            "row_step": self.row_step,
            "epoch": self.epoch,
            "last_epoch": self.last_epoch,
            "position": self._position,
            "model": self.model.state_dict(),
            "optimizer": self._work.optimizer.state_dict()["state"],  # its settings are in the configuration
            "window": self._work.sums.state_dict(),
            "batches": self._batches.state_dict(),
            "random": self._random_states or [self._random_state()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self.row_step = state["step"], state["row_step"]
        self.epoch, self._position = state["epoch"], state["position"]
        if self.config.schedule == "trapezoid":
            self.last_epoch = state["last_epoch"]
        self.model.load_state_dict(state["model"])
        self._work.load_optimizer(state["optimizer"])
        self._work.sums.load_state_dict(state["window"])
        self._batches.load_state_dict(state["batches"])
        states = state["random"]
        if isinstance(states, torch.Tensor):  # version 0.1.0 stored the state of the first rank
            states = [(states, state["random_on_device"])] * self._fabric.world_size
        if self._fabric.global_rank < len(states):  # an additional rank keeps the state of its seed
            on_host, on_device = states[self._fabric.global_rank]
            torch.set_rng_state(on_host)
            if self._fabric.device.type == "cuda" and on_device is not None:
                torch.cuda.set_rng_state(on_device, self._fabric.device)

    def _train(self, x: Shaped[Tensor, "b ..."]) -> None:
        self.model.before_step(self._progress, self.step)
        now = rate(self.config, self.step, self._batches.steps, self.last_epoch)
        if now != self._rate:  # setting it on a GPU launches a kernel
            self._rate = now
            self._work.set_rate(now)
        if self._record and self._graph is None:
            self._graph = self._recorded(x)
        if self._graph is not None and self._graph.takes(x):
            self._graph(x)
        else:
            batch_size = self._batches.batch_size
            self._work(x, share=len(x) * self._fabric.world_size / batch_size if batch_size else 1.0)

    def _recorded(self, x: Shaped[Tensor, "b ..."]) -> GraphedStep | None:
        """The step as a graph; None, with a warning, if a custom network cannot be recorded."""
        try:
            return GraphedStep(self._work, x)
        except RuntimeError as error:
            self._record = False
            cause = error.__context__ or error  # ending a failed capture raises another error
            reason = next(iter(str(cause).splitlines()), type(cause).__name__)
            warnings.warn(
                f"the step cannot be recorded as a CUDA graph ({reason}); continuing without it", stacklevel=2
            )
            return None

    def _row(self) -> Metrics:
        return self._work.sums.metrics(self.step, self.epoch, self._fabric)

    @property
    def _progress(self) -> float:
        """The completed fraction of the training."""
        steps = self._batches.steps
        done = self.epoch - 1 + (self._position / steps if steps else 0.0)
        return min(done / self.last_epoch, 1.0)

    def _whole_row(self) -> Metrics:
        row = self._row()
        self._work.sums.reset()
        self.row_step = self.step
        if self._fabric.world_size > 1:  # each rank draws different noise
            self._random_states = [self._random_state()] * self._fabric.world_size
            torch.distributed.all_gather_object(self._random_states, self._random_state())
        return row

    def _random_state(self) -> tuple[Tensor, Tensor | None]:
        """States of PyTorch's generators on the host and on the device."""
        device = self._fabric.device
        return torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def _agreed(self, stop: Stop) -> bool:
        """Whether any rank was asked to stop. All ranks then know the signal."""
        if self._fabric.world_size > 1:
            own = torch.tensor([float(stop.asked), float(stop.signum)], device=self._fabric.device)
            asked, signum = cast("Tensor", self._fabric.all_reduce(own, reduce_op="max")).tolist()
            stop.asked, stop.signum = bool(asked), int(signum)
        return stop.asked


def _marking_the_last(batches: Iterator[Tensor]) -> Iterator[tuple[Tensor, bool]]:
    """Each batch, and whether it is the last one, which a loader over a stream only reveals at the next request."""
    ahead = next(batches, None)
    while ahead is not None:
        x, ahead = ahead, next(batches, None)
        yield x, ahead is None
