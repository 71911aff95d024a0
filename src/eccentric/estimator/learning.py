"""Learning from a stream: an optimiser that goes on from call to call, and the latest rows."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from eccentric.errors import EccentricError
from eccentric.estimator.fitting import components_of
from eccentric.training import engine as engines
from eccentric.training.step import Step

if TYPE_CHECKING:
    from jaxtyping import Shaped
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.models import Autoencoder
    from eccentric.training.config import TrainConfig
    from eccentric.training.metrics import Metrics

RECENT = 2000  # rows that the components of a stream are taken from


class Learner:
    """Takes the steps of `partial_fit` at a constant rate.

    Args:
        model: trained in place.
        config: settings.
    """

    def __init__(self, model: Autoencoder, config: TrainConfig, images: bool) -> None:
        engine = engines.start(config, work=0.0, images=images, ranks=False)
        self.model, self.config, self.engine, self.fabric = model, config, engine, engine.fabric
        self._step = Step(model, engine, config)
        self._taken = 0

    def learn(self, x: Shaped[Tensor, "n ..."]) -> Metrics:
        """One pass over x in the order it has, in batches of `config.batch_size` or somewhat more.

        Should it fail or be interrupted, model and optimizer are what they were.

        Args:
            x: raw, at least 2 items.

        Returns:
            Means over this pass; `reconstruction` is the error of each batch before it was learnt from.

        Raises:
            EccentricError: training diverged.
        """
        model, optimizer, taken = self.model, self._step.optimizer, self._taken
        before = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
        self.model.to(self.fabric.device).train()
        self._step.sums.start_clock()
        try:
            # Rounded down, so that no batch is smaller than `batch_size`: one of a single item makes no pair.
            for batch in x.tensor_split(max(1, len(x) // self.config.batch_size)):
                self._step(batch.to(self.fabric.device))
                self._taken += 1
            row = self._step.sums.metrics(self._taken, 1, self.fabric)
            if not all(weight.isfinite().all() for weight in self.model.parameters()):
                raise EccentricError(
                    f"the weights became NaN or infinite in step {self._taken}; lower the learning rate"
                )
            return row
        except BaseException:
            model.load_state_dict(before[0])
            optimizer.load_state_dict(before[1])
            self._taken = taken
            raise
        finally:
            self._step.sums.reset()
            self.model.eval()


class Recent:
    """The last rows of a stream, in constant memory."""

    def __init__(self) -> None:
        self.x: Tensor | None = None

    def add(self, x: Shaped[Tensor, "n ..."]) -> None:
        self.x = x[-RECENT:].clone() if self.x is None else torch.cat([self.x, x[-RECENT:]])[-RECENT:].clone()

    def components(self, model: Autoencoder) -> DeepComponents:
        """Of these rows' latents by the present encoder."""
        assert self.x is not None
        device = next(model.parameters()).device
        return components_of(model, (part.to(device) for part in self.x.split(500)))
