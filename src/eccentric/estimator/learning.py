"""Learning from a stream (`partial_fit`): an optimiser that is kept between calls, and the latest rows."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from sklearn.utils import check_random_state

from eccentric.errors import EccentricError
from eccentric.estimator import fitting, settings
from eccentric.estimator.warning import warn_of_constant
from eccentric.models.pca import fit_pca
from eccentric.training import engine as engines
from eccentric.training.config import TrainConfig
from eccentric.training.step import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Shaped
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.data.items import ItemSpec
    from eccentric.estimator.settings import Parameters
    from eccentric.models import Autoencoder
    from eccentric.training.metrics import Metrics

RECENT = 2000  # number of latest rows to which the components of a stream are fitted


class IncrementalTrainer:
    """Performs the steps of `partial_fit` with a constant learning rate.

    Args:
        model: model, which is trained in place.
        config: settings of the training.
    """

    def __init__(self, model: Autoencoder, config: TrainConfig, images: bool) -> None:
        engine = engines.start(config, work=0.0, images=images, ranks=False)
        self.model, self.config, self.engine, self.fabric = model, config, engine, engine.fabric
        self._step = Step(model, engine, config)
        self._taken = 0

    def learn(self, x: Shaped[Tensor, "n ..."]) -> Metrics:
        """Make one pass over x in its order, in batches of at least `config.batch_size` items.

        If the pass fails or is interrupted, model and optimizer are restored.

        Args:
            x: raw items, at least 2.

        Returns:
            Means over this pass. `reconstruction` is the error of each batch before its step.

        Raises:
            EccentricError: training diverged.
        """
        model, optimizer, taken = self.model, self._step.optimizer, self._taken
        before = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
        self.model.to(self.fabric.device).train()
        self._step.sums.start_clock()
        try:
            # The number of batches is rounded down, so no batch is smaller than `batch_size`. The loss needs two items.
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
    """The latest rows of a stream, in constant memory."""

    def __init__(self) -> None:
        self.x: Tensor | None = None

    def add(self, x: Shaped[Tensor, "n ..."]) -> None:
        self.x = x[-RECENT:].clone() if self.x is None else torch.cat([self.x, x[-RECENT:]])[-RECENT:].clone()

    def components(self, model: Autoencoder, axes: str) -> DeepComponents:
        """Fit the components to the latents of these rows, computed by the current encoder on the CPU."""
        assert self.x is not None
        pca = fit_pca(model, self.x, model.method.decoder_width)
        return fitting.find_components(model, self.x.split(500), axes, pca)


@dataclass
class Streamed:
    """State that `partial_fit` keeps between calls.

    Attributes:
        config: settings of the training.
        trainer: trainer, which is left out of a pickle because it refers to a device.
        recent: the latest rows.
        metrics: one row of metrics per call.
    """

    config: TrainConfig
    trainer: IncrementalTrainer | None
    recent: Recent = field(default_factory=Recent)
    metrics: list[Metrics] = field(default_factory=list)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "trainer": None}


def learn_next(
    parameters: Parameters,
    x: Shaped[Tensor, "n ..."],
    spec: ItemSpec,
    *,
    model: Autoencoder | None,
    earlier: TrainConfig | None,
    stream: Streamed | None,
    names: Sequence[str] | None,
) -> tuple[Autoencoder, Streamed]:
    """Learn from the next rows of a stream.

    Args:
        parameters: parameters of the estimator; those of the first call are used.
        x: raw rows.
        spec: specification of one item.
        model: model to train further; None creates one for x.
        earlier: settings with which that model was trained. `anchor` stays the same, because only a linear map that
            was not trained contains PCA scores.
        stream: state of the previous call.
        names: names of the columns, for warnings.

    Returns:
        The model after x, on the CPU in evaluation mode, and the state for the next call.
    """
    if stream is None or stream.trainer is None:
        auto = fitting.batch_size_for(None, spec.is_image)
        size = auto if parameters.batch_size == "auto" else int(parameters.batch_size)
        seed = int(check_random_state(parameters.random_state).randint(2**31 - 1))
        dim = settings.dimensions(parameters, len(x), spec.size) if model is None else model.method.dim
        config = TrainConfig(
            **settings.common(parameters, dim, spec, fitting.RATE), epochs=1, batch_size=size, seed=seed
        )
        if earlier is not None:
            config = replace(config, anchor=earlier.anchor)
        if model is None:
            model, constant = fitting.make_model(config, x, spec, parameters.standardize)
            warn_of_constant(names, constant)
        stream = Streamed(config, IncrementalTrainer(copy.deepcopy(model), config, images=spec.is_image))
    trainer = stream.trainer
    assert trainer is not None
    row = trainer.learn(x)
    stream.recent.add(x)
    stream.metrics.append(row)
    return copy.deepcopy(trainer.model).to_inference(), stream
