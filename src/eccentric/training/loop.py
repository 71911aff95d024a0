"""The training loop: mean squared error over pixels + weight * Eccentric loss, Adam, one generator of metrics."""

from __future__ import annotations

import math
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import mse_loss

from eccentric.components import DeepComponents
from eccentric.errors import EccentricError, UsageError
from eccentric.loss import EccentricLoss

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.models import Autoencoder
    from eccentric.training.config import TrainConfig

EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class Metrics:
    """One row of metrics.csv: means over the steps since the row before, or None where nothing was measured."""

    step: int
    epoch: int
    objective: float
    reconstruction: float
    """Mean squared error over pixels (or standardised columns)."""
    eccentric: float
    """The Eccentric loss, before its weight."""
    mean_radius: float
    """Mean length of the latents; about sqrt(d) when the loss has its way."""
    trace: float
    """Sum of the variances of the latents."""
    largest_eigenvalue: float
    smallest_eigenvalue: float
    test_reconstruction: float | None
    """On the test split, at the end of each epoch."""
    images_per_second: float


def find_device(name: str) -> torch.device:
    """A torch device by name; "auto" is the accelerator if there is one.

    Raises:
        UsageError: there is no such device here.
    """
    if name == "auto":
        found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return found or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used ({reason}); choose auto or cpu") from None
    return device


def fit(
    model: Autoencoder,
    train: Shaped[Tensor, "n ..."],
    test: Shaped[Tensor, "m ..."],
    config: TrainConfig,
    stop: Stop,
) -> Iterator[Metrics]:
    """Train `model` in place on its device, yielding metrics as it goes; ends early, after a whole step, on `stop`.

    Raises:
        EccentricError: the objective is no longer finite.
    """
    device = next(model.parameters()).device
    x = train.to(device)
    batch_size = min(config.batch_size, len(x))
    steps_per_epoch = len(x) // batch_size
    order = torch.Generator().manual_seed(config.seed)
    regularizer = EccentricLoss(config.mu, config.N)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    window = _Window()
    step = 0
    for epoch in range(1, config.epochs + 1):
        model.train()
        permutation = torch.randperm(len(x), generator=order).to(device)
        for batch in permutation[: steps_per_epoch * batch_size].split(batch_size):
            z, reconstruction, target = model(x[batch])
            recon, eccentric = mse_loss(reconstruction, target), regularizer(z)
            objective = recon + config.weight * eccentric
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            step += 1
            window.add(objective, recon, eccentric, z)
            if stop.asked:
                break
            if step % config.log_every == 0 and step % steps_per_epoch:
                yield window.metrics(step, epoch)
                window = _Window()
        # At the end of each epoch, and when stopped.
        yield replace(window.metrics(step, epoch), test_reconstruction=reconstruction_error(model, test))
        if stop.asked:
            return
        window = _Window()


class _Window:
    """The steps since the last row. Values stay on the device until the row is made, so that no step waits for it."""

    def __init__(self) -> None:
        self._terms: list[Tensor] = []
        self._latents: list[Tensor] = []
        self._start = time.perf_counter()

    def add(self, objective: Tensor, recon: Tensor, eccentric: Tensor, z: Float[Tensor, "b d"]) -> None:
        self._terms.append(torch.stack([objective.detach(), recon.detach(), eccentric.detach()]))
        self._latents.append(z.detach())

    def metrics(self, step: int, epoch: int) -> Metrics:
        objective, recon, eccentric = torch.stack(self._terms).mean(0).tolist()
        seconds = time.perf_counter() - self._start  # after the device has caught up
        for name, value in (("reconstruction error", recon), ("Eccentric loss", eccentric)):
            if not math.isfinite(value):
                raise EccentricError(f"the {name} is {value} by step {step}; lower the learning rate and train again")
        z = torch.cat(self._latents)
        components = DeepComponents().fit(z)
        eigenvalues = components.eigenvalues
        return Metrics(
            step=step,
            epoch=epoch,
            objective=objective,
            reconstruction=recon,
            eccentric=eccentric,
            mean_radius=z.norm(dim=1).mean().item(),
            trace=eigenvalues.sum().item(),
            largest_eigenvalue=eigenvalues[0].item(),
            smallest_eigenvalue=eigenvalues[-1].item(),
            test_reconstruction=None,
            images_per_second=len(z) / seconds,
        )


@torch.no_grad()
def reconstruction_error(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> float:
    """Mean squared error over pixels of the model in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    total = torch.zeros((), device=device)
    for batch in x.split(EVALUATION_BATCH):
        _, reconstruction, target = model(batch.to(device))
        total += mse_loss(reconstruction, target) * len(batch)
    return total.item() / len(x)


@torch.no_grad()
def encode(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
    """Latents of raw data in evaluation mode, on the CPU."""
    model.eval()
    device = next(model.parameters()).device
    return torch.cat([model.encode(batch.to(device)).cpu() for batch in x.split(EVALUATION_BATCH)])


@torch.no_grad()
def decode(model: Autoencoder, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
    """Raw data from latents in evaluation mode, on the CPU."""
    model.eval()
    device = next(model.parameters()).device
    return torch.cat([model.decode(batch.to(device)).cpu() for batch in z.split(EVALUATION_BATCH)])


class Stop:
    """A request to end training after the step in hand, and the signal that made it (0 if none did)."""

    def __init__(self) -> None:
        self.asked = False
        self.signum = 0


@contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """A request that the first Ctrl-C or termination makes; a second one ends the program at once."""
    stop = Stop()

    def ask(signum: int, _: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked, stop.signum = True, signum

    # Python allows signal handlers in the main thread only.
    signals = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    previous = {number: signal.signal(number, ask) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
