"""One optimisation step, run eagerly or replayed as a CUDA graph, without synchronisation with the device."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from eccentric.methods import Term
from eccentric.models.general import Bypass
from eccentric.models.skip import LinearSkip
from eccentric.models.start import distance_from_scores
from eccentric.training.config import ANCHOR
from eccentric.training.metrics import MetricAccumulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float, Shaped

    from eccentric.methods import Method, Outputs
    from eccentric.models import Autoencoder
    from eccentric.training.config import TrainConfig
    from eccentric.training.engine import Engine

WARM_UP = 3  # steps before a capture, in which libraries choose their algorithms and reserve their memory


class Step:
    """Forward pass, reconstruction error and weighted terms in float32, backward pass, Adam, and sums for the metrics.

    With several ranks, the average of the gradients equals the gradient of one process with the whole batch: a mean
    over items is weighted by the rank's share of the items, and a term of the union batch uses the batches of all
    ranks.

    Args:
        model: trained in place on Fabric's device. Its method defines the objective.
        engine: device, precision, ranks, and whether to compile.
        config: settings of Adam.

    Attributes:
        optimizer: Adam for the parameters of encoder, decoder and method.
        sums: sums for the next row of metrics; `sums.reset()` sets them to zero.
    """

    def __init__(self, model: Autoencoder, engine: Engine, config: TrainConfig) -> None:
        fabric = engine.fabric
        self._model, self._fabric = model.to(fabric.device), fabric
        # The fastest layout for two-dimensional convolutions: 1.5 times as fast on a CPU.
        self._layout = torch.channels_last if fabric.device.type in ("cpu", "cuda") else torch.contiguous_format
        for parameter in model.parameters():
            if parameter.ndim == 4:
                # Not contiguous(), which does not change a first layer with one channel: its strides fit both layouts,
                # and PyTorch would assume the other one.
                parameter.data = parameter.data.to(memory_format=self._layout)
        self._images = engine.images
        self._anchor = config.anchor
        if self._anchor:
            assert isinstance(model.encoder, Bypass | LinearSkip)
            model.encoder.linear.requires_grad_(False)  # the anchors stay where they are
        self._method = model.method
        self._method.sync = fabric.world_size > 1
        on_cuda = fabric.device.type == "cuda"
        self.optimizer = torch.optim.Adam(
            model.parameters(),
            # A graph reads the rate from the device.
            lr=torch.tensor(config.learning_rate, device=fabric.device) if on_cuda else config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
            capturable=on_cuda,
        )
        networks: nn.Module = _Networks(model.encoder, model.decoder, model.method)
        if engine.compile and model.method.traits.compilable:
            networks = torch.compile(networks)  # type: ignore[assignment]
        self._networks, self._wrapped_optimizer = fabric.setup(networks, self.optimizer)
        self.sums = MetricAccumulator(model.method.decoder_width, config.term_titles, fabric.device)

    def __call__(self, x: Shaped[Tensor, "b ..."], share: float = 1.0) -> None:
        """Train on raw data.

        Args:
            x: items of this rank.
            share: weight of their mean error relative to that of other ranks; 1 if all batches have the same size.
        """
        target = self._model.standardize(x)  # float32 here; Fabric converts the inputs of the networks
        if self._images:
            target = target.contiguous(memory_format=self._layout)
        outputs: Outputs = self._networks(target)
        reconstruction = share * self._model.mean_error(outputs.reconstruction, target)
        objective, values = reconstruction, [reconstruction.detach()]
        terms = self._method.terms(outputs, target, self._model.encoder, self._model.decoder)
        if self._anchor:
            encoder = self._model.encoder
            assert isinstance(encoder, Bypass | LinearSkip)
            terms = {**terms, ANCHOR: Term(distance_from_scores(encoder, outputs.z, target), self._anchor)}
        for value, weight, over in terms.values():
            scaled = share * value if over == "items" else value
            objective = objective + weight * scaled
            values.append(scaled.detach())
        self._wrapped_optimizer.zero_grad()
        self._fabric.backward(objective)
        self._wrapped_optimizer.step()
        self._method.after_step()
        self.sums.add(objective.detach(), values, outputs.z.detach())

    def load_optimizer(self, state: dict[int, dict[str, Tensor]]) -> None:
        """Load the state of Adam from its `state_dict`."""
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        for parameter, kept in self.optimizer.state.items():
            for name, value in kept.items():
                if value.shape == parameter.shape:  # Adam assumes the same memory layout as that of the weights
                    kept[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of Adam for the following steps."""
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def state(self) -> Iterator[Tensor]:
        """All tensors that a step changes."""
        yield from (tensor.detach() for tensor in (*self._model.parameters(), *self._model.buffers()))
        yield from self.sums.state()
        for state in self.optimizer.state.values():
            yield from (value for value in state.values() if isinstance(value, Tensor))


class GraphedStep:
    """A `Step` for batches of one shape, recorded once and replayed with a single launch.

    Recording changes neither weights, optimizer nor sums.

    Args:
        step: on one CUDA device.
        x: a batch with the shape of all batches.
    """

    def __init__(self, step: Step, x: Shaped[Tensor, "b ..."]) -> None:
        self._x = x.clone()
        before = [tensor.clone() for tensor in step.state()]
        random = torch.cuda.get_rng_state(x.device)
        stream = torch.cuda.current_stream(x.device)
        try:
            self._graph = self._recorded(step)
        except BaseException:
            # A capture that fails leaves its stream current, and the generator waiting for a replay.
            torch.cuda.set_stream(stream)
            generator = torch.cuda.default_generators[x.device.index]
            generator.graphsafe_set_state(generator.clone_state())
            raise
        finally:
            with torch.no_grad():
                # Adam creates its state as zeros in its first step; it comes last.
                for tensor, old in itertools.zip_longest(step.state(), before):
                    tensor.zero_() if old is None else tensor.copy_(old)
            torch.cuda.set_rng_state(random, x.device)

    def _recorded(self, step: Step) -> torch.cuda.CUDAGraph:
        side = torch.cuda.Stream(self._x.device)
        side.wait_stream(torch.cuda.current_stream(self._x.device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                step(self._x)
        torch.cuda.current_stream(self._x.device).wait_stream(side)
        step.optimizer.zero_grad(set_to_none=True)  # so that the graph allocates its own gradients
        graph = torch.cuda.CUDAGraph()
        # Other threads, such as one that pins the batches to come, may go on calling CUDA. PyTorch's own stream for
        # captures is on the device that was the first to make a graph.
        with torch.cuda.graph(graph, stream=side, capture_error_mode="thread_local"):
            step(self._x)
        return graph

    def takes(self, x: Shaped[Tensor, "b ..."]) -> bool:
        """Whether x has the recorded shape and type."""
        return x.shape == self._x.shape and x.dtype == self._x.dtype

    def __call__(self, x: Shaped[Tensor, "b ..."]) -> None:
        self._x.copy_(x)
        self._graph.replay()


class _Networks(nn.Module):
    """The module that Fabric wraps. It contains all calls of the networks."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, method: Method) -> None:
        super().__init__()
        self.encoder, self.decoder, self.method = encoder, decoder, method

    def forward(self, target: Float[Tensor, "b ..."]) -> Outputs:
        outputs: Outputs = self.method(self.encoder, self.decoder, target)
        return outputs
