"""CIFAR-10 with a ResNet-18 on two views: the recipe of eb_jepa, for one GPU. Not measured here.

    python examples/self_supervised_cifar10.py CIFAR10 --out runs/cifar10 --regularizer eccentric --weight 0.1
    python examples/self_supervised_cifar10.py CIFAR10 --out runs/cifar10-vicreg --regularizer vicreg --weight 1
    torchrun --nproc-per-node 2 examples/self_supervised_cifar10.py CIFAR10 --out runs/cifar10

CIFAR10 is whatever `eccentric.data.load` reads: a folder of images with one folder for each class under train/ and
test/, a Parquet folder, or a hub id such as uoft-cs/cifar10. Rerun the command to resume after the last whole epoch.

From eb_jepa (facebookresearch, examples/image_jepa): 300 epochs, batches of 256, ResNet-18 whose first convolution is
3x3 without stride and without max-pooling, a projector of three layers with 2,048 numbers, LARS with learning rate 0.3,
weight decay 1e-4 and momentum 0.9, ten epochs of warm-up, a cosine to zero, bfloat16. It reports a linear probe of
91.0 % for SIGReg and 90.1 % for VICReg. What differs here: the padding of the first convolution, the views (`VIEWS`),
the learning rate, which changes with each step, the convention of the weights, and the linear probe, which is fitted
after the training and scored on 5,000 of the test images.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from eccentric import diagnostics
from eccentric.devices import find_device
from eccentric.errors import EccentricError
from eccentric.files import write_json
from eccentric.inference import in_batches
from eccentric.two_views import REGULARIZERS, TwoViewLoss, Views
from eccentric.two_views.data import material
from eccentric.two_views.probing import probe

if TYPE_CHECKING:
    from torch import Tensor

VIEWS = Views(scale=(0.45, 1.0), flip=True, contrast=0.4, grey=0.2, noise=0.02)


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outside),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inside != outside:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet18(channels: int, width: int = 64) -> nn.Sequential:
    """ResNet-18 for 32x32 images; 8 * width features."""
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    inside = width
    for number in range(4):
        outside = width * 2**number
        layers += [Block(inside, outside, 1 if number == 0 else 2), Block(outside, outside, 1)]
        inside = outside
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def projector(features: int, hidden: int, out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inside in (features, hidden):
        layers += [nn.Linear(inside, hidden), nn.BatchNorm1d(hidden), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, out))


class LARS(torch.optim.Optimizer):
    """Layer-wise adaptive rate scaling (You et al. 2017), with momentum; vectors are neither scaled nor decayed."""

    def __init__(self, parameters: Any, lr: float, weight_decay: float = 1e-4, momentum: float = 0.9) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "trust": 0.02})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        assert closure is None
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                update = p.grad
                if p.ndim > 1:
                    size, slope = p.norm(), p.grad.norm()
                    ratio = group["trust"] * size / (slope + group["weight_decay"] * size + 1e-8)
                    ratio = torch.where((size > 0) & (slope > 0), (ratio / group["lr"]).clamp(max=1), 1.0)
                    update = (update + group["weight_decay"] * p) * ratio
                state = self.state[p]
                state["momentum"] = group["momentum"] * state.get("momentum", 0) + update
                p.sub_(group["lr"] * state["momentum"])


def rate(step: int, steps: int, warm_up: int, peak: float = 0.3) -> float:
    """Linear warm-up, then a cosine to zero."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak / 2 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--out", type=Path, required=True, help="folder for the result and the checkpoint")
    parser.add_argument("--regularizer", choices=list(REGULARIZERS), default="eccentric")
    parser.add_argument("--weight", type=float, default=0.1)
    parser.add_argument("--projector", type=int, nargs=2, default=(2048, 2048), metavar=("HIDDEN", "OUT"))
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--batch", type=int, default=256, help="over all ranks")
    parser.add_argument("--width", type=int, default=64, help="of the ResNet; 64 is ResNet-18")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    try:
        train(args)
    except EccentricError as error:
        sys.exit(f"error: {error}")


def train(args: argparse.Namespace) -> None:
    ranks, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    device = find_device()
    if ranks > 1:
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        dist.init_process_group()
    data = material(args.data)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    encoder = resnet18(data.train.images.shape[1], args.width).to(device)
    head = projector(8 * args.width, *args.projector).to(device)
    model: nn.Module = nn.Sequential(encoder, head)
    loss = TwoViewLoss(args.weight, args.regularizer, sync=ranks > 1)
    optimizer = LARS(model.parameters(), lr=0.3)
    if ranks > 1:
        model = DistributedDataParallel(
            nn.SyncBatchNorm.convert_sync_batchnorm(model) if device.type == "cuda" else model
        )
    share, images = args.batch // ranks, data.train.images.to(device)
    steps_an_epoch = len(images) // args.batch
    steps, warm_up = args.epochs * steps_an_epoch, min(10, args.epochs) * steps_an_epoch
    checkpoint, first = args.out / "checkpoint.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        encoder.load_state_dict(saved["encoder"])
        head.load_state_dict(saved["head"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["epoch"]
    for epoch in range(first, args.epochs):
        torch.manual_seed(1000 * args.seed + epoch)  # one order for all ranks
        order = torch.randperm(len(images))[: steps_an_epoch * args.batch].view(steps_an_epoch, args.batch)
        torch.manual_seed(1000 * args.seed + epoch + 10**6 * (1 + rank))  # views of their own
        model.train()
        for number, rows in enumerate(order):
            for group in optimizer.param_groups:
                group["lr"] = rate(epoch * steps_an_epoch + number, steps, warm_up)
            batch = images[rows[rank * share : (rank + 1) * share].to(device)]
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                a, b = model(torch.cat([VIEWS(batch), VIEWS(batch)])).float().chunk(2)
            value = loss(a, b)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        found = diagnostics(a.detach(), sync=ranks > 1).scalars()
        if rank == 0:
            print(
                f"epoch {epoch + 1}: loss {value.item():.4f}, trace {found['trace']:.4g}, "
                f"effective rank {found['effective_rank']:.1f}",
                flush=True,
            )
            state = {"encoder": encoder.state_dict(), "head": head.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save({**state, "epoch": epoch + 1}, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
    if rank == 0:
        report(args, encoder, data)
    if ranks > 1:
        dist.destroy_process_group()


def report(args: argparse.Namespace, encoder: nn.Module, data: Any) -> None:
    def features(part: Any) -> Any:
        return in_batches(lambda x: encoder(x.float() / 255), part.images, encoder, 500)

    # All training images teach the probe: no weight is chosen here.
    train, test = features(data.train), features(data.others["test"])
    (scores,) = probe(train.numpy(), data.train.targets, [(test.numpy(), data.others["test"].targets)])
    rank = diagnostics(test, warn=False).effective_rank.item()
    settings = {key: str(value) for key, value in vars(args).items()}
    write_json(args.out / "result.json", {**settings, **scores._asdict(), "effective_rank": rank})
    print(f"linear probe {100 * scores.linear:.1f} %, neighbours {100 * scores.neighbours:.1f} %, rank {rank:.1f}")


if __name__ == "__main__":
    main()
