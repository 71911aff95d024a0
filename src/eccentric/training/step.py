"""One optimisation step, run eagerly or replayed as a CUDA graph. Nothing in it waits for the device."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

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
    """Forward, the mean squared error and the method's weighted terms in float32, backward, Adam, sums for the metrics.

    On several ranks the average of the ranks' gradients is that of one process with the whole batch: a mean over items
    counts by the rank's share of them, and a term of the union batch sees the batches of all ranks.

    Args:
        model: trained in place, on Fabric's device from here on. Its method says what is minimised.
        engine: device, precision, ranks, and whether to compile.
        config: Adam's settings.

    Attributes:
        optimizer: Adam, over the parameters of encoder, decoder and method.
        sums: what the next row of metrics is computed from; `sums.reset()` sets them to zero.
    """

    def __init__(self, model: Autoencoder, engine: Engine, config: TrainConfig) -> None:
        fabric = engine.fabric
        self._model, self._fabric = model.to(fabric.device), fabric
        # How two-dimensional convolutions are fastest: 1.5 times on a CPU.
        self._layout = torch.channels_last if fabric.device.type in ("cpu", "cuda") else torch.contiguous_format
        for parameter in model.parameters():
            if parameter.ndim == 4:
                # Not contiguous(), which leaves a first layer of one channel as it is: its strides fit either layout,
                # and PyTorch takes them for the other.
                parameter.data = parameter.data.to(memory_format=self._layout)
        self._images = engine.images
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
        self.sums = MetricAccumulator(model.method.decoder_width, model.method.term_titles, fabric.device)

    def __call__(self, x: Shaped[Tensor, "b ..."], share: float = 1.0) -> None:
        """Train on raw data.

        Args:
            x: this rank's items.
            share: how much their mean error counts beside those of other ranks; 1 where all batches are equal.
        """
        target = self._model.standardize(x)  # here in float32; Fabric rounds what goes through the networks
        if self._images:
            target = target.contiguous(memory_format=self._layout)
        outputs: Outputs = self._networks(target)
        reconstruction = share * self._model.mean_error(outputs.reconstruction, target)
        objective, values = reconstruction, [reconstruction.detach()]
        terms = self._method.terms(outputs, target, self._model.encoder, self._model.decoder)
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
        """Take over Adam's state, as its `state_dict` has it."""
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        for parameter, kept in self.optimizer.state.items():
            for name, value in kept.items():
                if value.shape == parameter.shape:  # Adam takes for granted that it lies in memory as the weights do
                    kept[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)

    def set_rate(self, rate: float) -> None:
        """Set Adam's learning rate for the steps to come."""
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def state(self) -> Iterator[Tensor]:
        """Every tensor that a step changes."""
        yield from (tensor.detach() for tensor in (*self._model.parameters(), *self._model.buffers()))
        yield from self.sums.state()
        for state in self.optimizer.state.values():
            yield from (value for value in state.values() if isinstance(value, Tensor))


class GraphedStep:
    """A `Step` for batches of one shape, recorded once and replayed with a single launch.

    Recording leaves no trace: weights, optimizer and sums are afterwards what they were before.

    Args:
        step: on one CUDA device.
        x: a batch, of the shape of all others.
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
                # Adam makes its state in its first step, as zeros; it comes last.
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
        step.optimizer.zero_grad(set_to_none=True)  # so that the graph has gradients of its own
        graph = torch.cuda.CUDAGraph()
        # Other threads, such as one that pins the batches to come, may go on calling CUDA. PyTorch's own stream for
        # captures is on the device that was the first to make a graph.
        with torch.cuda.graph(graph, stream=side, capture_error_mode="thread_local"):
            step(self._x)
        return graph

    def takes(self, x: Shaped[Tensor, "b ..."]) -> bool:
        """Whether x is as what was recorded."""
        return x.shape == self._x.shape and x.dtype == self._x.dtype

    def __call__(self, x: Shaped[Tensor, "b ..."]) -> None:
        self._x.copy_(x)
        self._graph.replay()


class _Networks(nn.Module):
    """What Fabric wraps: every call of a network, from standardised data to what the terms are computed from."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, method: Method) -> None:
        super().__init__()
        self.encoder, self.decoder, self.method = encoder, decoder, method

    def forward(self, target: Float[Tensor, "b ..."]) -> Outputs:
        outputs: Outputs = self.method(self.encoder, self.decoder, target)
        return outputs
