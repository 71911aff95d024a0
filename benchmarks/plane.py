"""What limits two dimensions: `python -m benchmarks.plane --epochs 30`, trainings from a random and from a good layout.

The trainings are those of Table 3 of the paper with d = 2 by the fast recipe, and use no labels. "labels": encoder and
decoder were trained with labels before, by a term that pulls the latents of each class to a place of its own. If such a
training keeps the classes apart and ends with a lower objective, then there is a better layout than the one that is
found from random weights. If the classes mix again, the objective does not separate them.

Prints, for 10,000 test items: mean squared reconstruction error (pixel values from 0 to 1), objective in batches of
100, and error of 15 nearest neighbours with all training items.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import mse_loss

from eccentric import eccentric_loss
from eccentric.data import load
from eccentric.devices import cpu_has_bfloat16
from eccentric.models.architectures import build_networks
from eccentric.training import TrainConfig, train
from eccentric.training.recipes import recipe

if TYPE_CHECKING:
    from torch import nn

    from eccentric.data import Data
    from eccentric.models import Autoencoder

DIM, WEIGHT, MU, BATCH = 2, 0.001, 1.0, 100
LABEL_EPOCHS, LABEL_RATE = 3, 1e-3
PULL = 0.1  # weight of the mean squared distance from the place of the class


def places(classes: int) -> torch.Tensor:
    """Points (classes, 2), spread evenly over a disc on which the mean squared radius is d."""
    k = torch.arange(classes) + 0.5
    radius, angle = 2 * (k / classes).sqrt(), k * math.pi * (3 - math.sqrt(5))
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


def trained_with_labels(data: Data, seed: int) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder whose latents lie near the places of their classes."""
    assert data.train.labels is not None
    torch.manual_seed(seed)
    encoder, decoder = build_networks(data.spec, "auto", DIM)
    for network in (encoder, decoder):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    classes, labels = torch.as_tensor(data.train.labels.astype(int)).unique(return_inverse=True)
    targets = places(len(classes))[labels]
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], LABEL_RATE, fused=True)
    items = len(targets) // BATCH * BATCH
    for _ in range(LABEL_EPOCHS):
        for rows in torch.randperm(len(targets))[:items].split(BATCH):
            x = (data.train.x[rows] / 255).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=cpu_has_bfloat16()):
                z = encoder(x)
                decoded = decoder(z)
            away = (z.float() - targets[rows]).square().sum(1).mean()
            optimizer.zero_grad()
            (mse_loss(decoded.float(), x) + PULL * away).backward()
            optimizer.step()
    return encoder, decoder


@torch.no_grad()
def objective(model: Autoencoder, x: torch.Tensor) -> float:
    """What training minimises, as the mean over batches."""
    found = []
    for batch in x[: len(x) // BATCH * BATCH].split(BATCH):
        z, decoded, target = model(batch)
        found.append(float(model.mean_error(decoded, target) + WEIGHT * eccentric_loss(z, MU)))
    return sum(found) / len(found)


def row(data: Data, start: str, rate: float, seed: int, epochs: int) -> str:
    networks = trained_with_labels(data, seed) if start == "labels" else (None, None)
    settings = {**recipe("fast", data.spec), "epochs": epochs, "dim": DIM, "learning_rate": rate, "seed": seed}
    config = TrainConfig(**settings, settings={"weight": WEIGHT, "mu": MU})
    with tempfile.TemporaryDirectory() as folder:
        run = train(data, config, Path(folder) / "run", encoder=networks[0], decoder=networks[1])
        model, found = run.model(*networks), run.evaluation
    cells = [start, f"{rate:g}", f"{seed}", f"{found['test_reconstruction']:.4f}"]
    cells += [f"{objective(model, data.test.x):.4f}", f"{100 * found['neighbour_error']:.1f} %"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--starts", nargs="+", choices=["random", "labels"], default=["random", "labels"])
    parser.add_argument(
        "--rates", type=float, nargs="+", default=[0.008, 0.002], help="maxima of the one-cycle schedule"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = load("mnist")
    print(
        f"MNIST, d = {DIM}, {given.epochs} epochs; {platform.machine()}, {os.cpu_count()} cores, PyTorch "
        f"{torch.__version__}, one thread"
    )
    print(f"| start | learning rate | seed | error | objective | neighbours |\n|{' --- |' * 6}", flush=True)
    for seed in given.seeds:
        for start in given.starts:
            for rate in given.rates:
                print(row(data, start, rate, seed, given.epochs), flush=True)


if __name__ == "__main__":
    main()
