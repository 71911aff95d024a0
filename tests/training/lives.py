"""A training that is killed again and again: `python -m tests.training.lives OUT KILLS SEED`.

Each life is a fork of this process, which has imported everything but computed nothing, so that a life costs no start.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from eccentric.data import from_arrays
from eccentric.training import Run, TrainConfig, train

CONFIG = TrainConfig(
    dim=2, epochs=12, batch_size=20, learning_rate=1e-3, log_every=2, checkpoint_seconds=0, device="cpu", compile="off"
)


def settings():
    """Networks with batch statistics and dropout: weights, buffers and random state must all come back."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
    decoder = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 5))
    x = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    return {"data": from_arrays(x), "config": CONFIG, "encoder": encoder, "decoder": decoder}


def live(out: Path) -> int:
    """Resume the run in a process of its own; its number."""
    child = os.fork()
    if not child:
        status = 1
        try:
            train(**settings(), out=out, resume=True)
            status = 0
        finally:
            os._exit(status)
    return child


def main() -> None:
    out, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    moments = random.Random(seed)
    for life in range(kills):
        child = live(out)
        checkpoints = out / "checkpoint"
        before = newest(checkpoints)
        deadline = time.monotonic() + 60
        # Now and then at once, mostly after the life has got somewhere.
        while life % 5 and newest(checkpoints) == before and time.monotonic() < deadline and not finished(out):
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.1))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    child = live(out)
    assert os.waitpid(child, 0)[1] == 0
    assert Run(out).config["status"] == "finished"


def newest(folder: Path) -> str:
    return max((path.name for path in folder.glob("step-*.pt.sha256")), default="")


def finished(out: Path) -> bool:
    return (out / "latents.parquet").exists()


if __name__ == "__main__":
    main()
