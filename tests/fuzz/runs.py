"""Run folders with flipped bits, wrong types, missing and foreign files."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.fuzz.files import damaged

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["make_run", "read_run", "spoil"]

VALUES: list[Any] = [None, -1, 0, 1.5, "x", "", [], {}, [1], {"a": 1}, True, 10**30, float("inf")]


def make_run(folder: Path) -> Path:
    """A small run to copy and spoil."""
    from eccentric.data import from_arrays
    from eccentric.training import TrainConfig, train

    x = np.random.default_rng(0).normal(size=(60, 4))
    labels = np.arange(60) % 2
    return train(from_arrays(x, labels), TrainConfig(dim=2, epochs=1, device="cpu"), folder / "run").path


def spoil(whole: Path, folder: Path, random: np.random.Generator) -> Path:
    """A copy of a run with one file spoilt."""
    path = folder / "run"
    shutil.copytree(whole, path)
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix not in (".html", ".png", ".svg"))
    file = files[int(random.integers(len(files)))]
    kind = random.integers(4)
    if kind == 0 and file.suffix == ".json":
        _set_at_random(file, random)
    elif kind == 1:
        file.unlink()
    elif kind == 2:
        other = files[int(random.integers(len(files)))]
        file.write_bytes(other.read_bytes())
    else:
        file.write_bytes(damaged(file.read_bytes(), random))
    return path


def _set_at_random(file: Path, random: np.random.Generator) -> None:
    value = json.loads(file.read_text())
    inside = value
    while isinstance(inside, dict) and inside:
        key = list(inside)[int(random.integers(len(inside)))]
        if isinstance(inside[key], dict) and random.integers(3):
            inside = inside[key]
            continue
        inside[key] = VALUES[int(random.integers(len(VALUES)))]
        break
    file.write_text(json.dumps(value))


def read_run(path: Path) -> None:
    """Read every part of a run."""
    import torch

    from eccentric.runs import Run

    run = Run(path)
    _ = run.config, run.metrics, run.evaluation, run.examples, run.feature_names, run.shape
    components, model = run.components, run.model()
    run.latents("train")
    with torch.no_grad():
        components.sample(2)
    del model
