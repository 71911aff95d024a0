"""The training step beside its rivals, on one of the paper's networks: `python -m benchmarks.training`.

Ours with its defaults, ours compiled, ours in float32 and not compiled, an eager loop as one would write it in an
afternoon, and pythae's trainer (`pip install pythae`) take turns, so that what disturbs the machine disturbs them all;
each in a process of its own, so that none profits from what another does to the memory. Time is the median over rounds
of the mean over a round's steps, data loading included; a ratio is that of a rival over ours. What the first round
takes beyond that, compiling included, stands apart. The floor is the networks' arithmetic at the speed of this device's
own matrix product, in float32 and in bfloat16. Then several seeds at once against one after another. Leave the machine
alone while it runs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss

from eccentric import eccentric_loss
from eccentric.bench.loss import conditions
from eccentric.data import ItemSpec
from eccentric.models import build_model, build_networks
from eccentric.training import Stop, TrainConfig, engine, find_device
from eccentric.training.batches import TensorBatches
from eccentric.training.loop import Training

SHAPES = {"mnist": (1, 28, 28), "celeba": (3, 64, 64)}
SPECS = {network: ItemSpec("image", shape, "uint8") for network, shape in SHAPES.items()}
DIMS = {"mnist": 8, "celeba": 64}
BATCH = 100
Rival = Callable[[], float]
SEVERAL_ROUNDS, SEVERAL_EPOCHS = 5, 10
STARTING = 300  # seconds; who is not there by then will not come
OURS = "eccentric"


def images(network: str, count: int) -> Tensor:
    """Smooth random pictures of the network's size; what they show does not change the time."""
    channels, *size = SHAPES[network]
    coarse = torch.rand(count, channels, 7, 7, generator=torch.Generator().manual_seed(0))
    return (255 * interpolate(coarse, size=size, mode="bilinear")).to(torch.uint8)


def ours(network: str, x: Tensor, device: torch.device, **settings: Any) -> Rival:
    """The training loop itself; a call is an epoch."""
    config = TrainConfig(dim=DIMS[network], epochs=10**6, log_every=10**9, device=str(device), **settings)
    model = build_model(SPECS[network], network, config.dim, method=config.make_method)
    started = engine.start(config, work=0, images=True)
    training = Training(model, TensorBatches(x, BATCH, 0, started.fabric.device), config, started)
    rows = training.run(Stop())
    return lambda: _seconds(lambda: next(rows), device)


def eager(network: str, x: Tensor, device: torch.device) -> Rival:
    """A loop as one would write it in an afternoon, float32, the same objective."""
    model = build_model(SPECS[network], network, DIMS[network]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, weight_decay=1e-6)
    x = x.to(device)

    def epoch() -> None:
        for rows in torch.randperm(len(x), device=device).split(BATCH):
            z, reconstruction, target = model(x[rows])
            loss = mse_loss(reconstruction, target) + 0.001 * eccentric_loss(z)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return lambda: _seconds(epoch, device)


def pythae(network: str, x: Tensor, device: torch.device) -> Rival:
    """An epoch of pythae's BaseTrainer, a plain autoencoder of the same networks; ImportError where it is missing."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import AE, AEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    class Encoder(BaseEncoder):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Tensor) -> Any:
            return ModelOutput(embedding=self.network(x))

    class Decoder(BaseDecoder):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.network(z))

    encoder, decoder = build_networks(SPECS[network], network, DIMS[network])
    model = AE(AEConfig(input_dim=SHAPES[network], latent_dim=DIMS[network]), Encoder(encoder), Decoder(decoder))

    config = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=BATCH,
        learning_rate=1e-4,
        optimizer_cls="Adam",
        optimizer_params={"weight_decay": 1e-6},
        no_cuda=device.type != "cuda",
    )
    trainer = BaseTrainer(model, BaseDataset(x.float() / 255, torch.zeros(len(x))), None, config)
    trainer.prepare_training()
    return lambda: _seconds(lambda: trainer.train_step(1), device)


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


class Racer:
    """A rival in a process of its own, waiting for its turns; it takes one at once.

    Raises:
        RuntimeError: it cannot be made or cannot run here; why.
    """

    def __init__(self, make: Callable[..., Rival], *arguments: Any, **settings: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_take_turns, args=(theirs, make, arguments, settings), daemon=True)
        self._process.start()
        theirs.close()
        started = self._pipe.recv()
        if isinstance(started, str):
            raise RuntimeError(started)
        self.first: float = started

    def __call__(self) -> float:
        self._pipe.send(True)
        return float(self._pipe.recv())

    def stop(self) -> None:
        self._pipe.send(False)
        self._process.join()


def _take_turns(pipe: Any, make: Callable[..., Rival], arguments: tuple[Any, ...], settings: dict[str, Any]) -> None:
    try:
        rival = make(*arguments, **settings)
        pipe.send(rival())  # compiling happens here
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}".splitlines()[0])
        return
    while pipe.recv():
        pipe.send(rival())


def race(racers: dict[str, Racer], rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of a round of each, in turns: the median, and how many more the very first one took."""
    taken: dict[str, list[float]] = {name: [] for name in racers}
    for _ in range(rounds):
        for name, racer in racers.items():
            taken[name].append(racer())
    for racer in racers.values():
        racer.stop()
    usual = {name: statistics.median(times) for name, times in taken.items()}
    return usual, {name: racers[name].first - usual[name] for name in racers}


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of a large matrix product."""
    side = 2048 if device.type == "cpu" else 8192
    a = torch.randn(side, side, device=device).to(dtype)
    times = []
    for _ in range(8):
        start = time.perf_counter()
        torch.mm(a, a)
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return 2 * side**3 / min(times)


def _train_alone(network: str, device: str, steps: int, threads: int, ready: Any, times: Any) -> None:
    torch.set_num_threads(threads)
    epoch = ours(network, images(network, steps * BATCH), torch.device(device))
    epoch()
    ready.wait(timeout=STARTING)
    times.put(sum(epoch() for _ in range(SEVERAL_EPOCHS)))


def several(network: str, device: torch.device, steps: int, runs: int) -> tuple[float, float]:
    """Seconds for so many steps of one run with all threads, and of `runs` side by side that share them."""
    cores = len(os.sched_getaffinity(0))
    found = []
    for count in (1, runs):
        context = multiprocessing.get_context("spawn")
        ready, times = context.Barrier(count), context.Queue()
        arguments = (network, str(device), steps, max(1, cores // count), ready, times)
        processes = [context.Process(target=_train_alone, args=arguments) for _ in range(count)]
        for process in processes:
            process.start()
        found.append(max(times.get(timeout=STARTING + 100) for _ in processes))
        for process in processes:
            process.join()
    return found[0], found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=tuple(SHAPES), default="mnist")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, help="of a round; 10 on a CPU, 500 on a GPU")
    parser.add_argument("--runs", type=int, default=2, help="seeds at once")
    options = parser.parse_args()
    device = find_device(options.device)
    steps = options.steps or (500 if device.type == "cuda" else 10)
    x = images(options.network, steps * BATCH)  # an epoch is a round

    model = build_model(SPECS[options.network], options.network, DIMS[options.network])
    flops = engine.work_of(model, x) * BATCH
    common = (options.network, x, device)
    makers: dict[str, tuple[Callable[..., Rival], dict[str, Any]]] = {
        OURS: (ours, {}),
        "eccentric, float32, not compiled": (ours, {"precision": "32-true", "compile": "off"}),
        "eccentric, compiled": (ours, {"compile": "on"}),
        "plain eager loop": (eager, {}),
        "pythae's trainer": (pythae, {}),
    }
    racers = {}
    for name, (make, settings) in makers.items():
        try:
            racers[name] = Racer(make, *common, **settings)
        except RuntimeError as error:
            print(f"{name}: left out ({error})")
    rounds, starts = race(racers, options.rounds)
    found = {name: seconds / steps for name, seconds in rounds.items()}
    print(
        f"{conditions(device)}\nthe paper's {options.network} network, batch {BATCH}, {flops / 1e9:.3g} GFLOP a step\n"
    )
    print("\n| | a step | images a second | ratio | to start, s |\n| --- | --- | --- | --- | --- |")
    for name, seconds in found.items():
        ratio = "" if name == OURS else f"{seconds / found[OURS]:.2f}x"
        print(f"| {name} | {1e3 * seconds:.3g} ms | {BATCH / seconds:,.0f} | {ratio} | {starts[name]:.1f} |")
    # Convolutions in float32 are TF32 on a GPU, unless PyTorch is told otherwise.
    torch.backends.cuda.matmul.allow_tf32 = True
    for dtype, name in ((torch.float32, "TF32" if device.type == "cuda" else "float32"), (torch.bfloat16, "bfloat16")):
        seconds = flops / matmul_rate(device, dtype)
        print(f"| floor in {name} | {1e3 * seconds:.3g} ms | {BATCH / seconds:,.0f} | | |")
    if options.runs > 1:
        pairs = [several(options.network, device, steps, options.runs) for _ in range(SEVERAL_ROUNDS)]
        shares = sorted(side_by_side / (options.runs * one) for one, side_by_side in pairs)
        print(
            f"\n{options.runs} seeds at once take {statistics.median(shares):.2f} of the time one after another "
            f"(median of {SEVERAL_ROUNDS}; from {shares[0]:.2f} to {shares[-1]:.2f})"
        )


if __name__ == "__main__":
    main()
