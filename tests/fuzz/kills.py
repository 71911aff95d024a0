"""Saves of an estimator over an older one, killed at random moments."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from pathlib import Path

    from eccentric import EccentricAutoencoder

__all__ = ["kill_a_save", "make_estimator"]


def make_estimator() -> EccentricAutoencoder:
    from eccentric import EccentricAutoencoder

    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    x = np.random.default_rng(0).normal(size=(60, 4))
    return EccentricAutoencoder(n_components=2, max_epochs=1, device="cpu", random_state=0).fit(x)


def kill_a_save(estimator: EccentricAutoencoder, folder: Path, random: np.random.Generator) -> str:
    """Save, save again over it in a child, kill the child, load. "right" if what is loaded is whole."""
    path = folder / "estimator"
    if random.integers(3):
        estimator.save(path)
    child = os.fork()
    if not child:
        try:
            while True:
                estimator.save(path, overwrite=True)
        finally:
            os._exit(1)
    time.sleep(float(random.uniform(0, 0.1)))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    loaded = type(estimator).load(path)
    same = np.array_equal(loaded.explained_variance_, estimator.explained_variance_)
    return "right" if same else "wrong: another estimator"
