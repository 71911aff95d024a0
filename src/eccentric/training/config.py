"""What a training run is told: one frozen table of settings with the paper's defaults (A.5)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from eccentric.errors import UsageError
from eccentric.loss import EccentricLoss
from eccentric.models import ARCHITECTURES

CHOICES = {
    "schedule": ("constant", "one-cycle"),
    "precision": ("auto", "32-true", "bf16-mixed"),
    "compile": ("auto", "on", "off"),
}


def _setting(default: Any, help: str) -> Any:
    """A field with its meaning, which the command line shows."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one run; the defaults are the paper's (A.5) where it gives one.

    `architecture` is "custom" in the record of a run that was given its own modules.

    Raises:
        UsageError: a setting is out of range.
    """

    dim: int = _setting(8, "Latent dimensions, and so components (the paper's d).")
    weight: float = _setting(0.001, "Factor of the Eccentric loss (lambda); smaller, the variances differ more.")
    mu: float = _setting(1.0, "Strength of the repulsion.")
    N: float | Literal["paper", "exact"] = _setting("paper", "Kernel constant: paper, exact, or a positive number.")
    epochs: int = _setting(100, "Passes over the training data; the paper has 1000 for MNIST, 100 for CelebA.")
    batch_size: int = _setting(100, "Items a step; the last, shorter batch of an epoch is left out.")
    learning_rate: float = _setting(1e-4, "Adam's learning rate; the highest one, where the schedule changes it.")
    schedule: str = _setting("constant", "Of the learning rate: constant, or one-cycle (up a tenth, down a cosine).")
    weight_decay: float = _setting(1e-6, "Adam's weight decay.")
    architecture: str = _setting("auto", "auto (by shape), mnist, celeba, conv or mlp.")
    width: float = _setting(1.0, "Factor on the channels of every hidden layer of the architecture.")
    seed: int = _setting(0, "Seed of the initial weights and the order of batches.")
    device: str = _setting("auto", "A torch device; auto takes the accelerator if there is one.")
    precision: str = _setting(
        "auto", "auto, 32-true or bf16-mixed; auto takes bfloat16 for images, where it is native."
    )
    compile: str = _setting("auto", "auto, on or off; auto compiles where it pays for itself; off is plain PyTorch.")
    log_every: int = _setting(50, "Steps between rows of metrics.csv; an epoch's end makes one as well.")
    checkpoint_seconds: float = _setting(60.0, "Work that a power cut may cost; checkpoints follow rows of metrics.")

    def __post_init__(self) -> None:
        for name in ("dim", "epochs", "log_every"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.batch_size < 2:
            raise UsageError(f"batch_size must be at least 2, so that there is a pair, not {self.batch_size}")
        if not 0 < self.learning_rate < math.inf:
            raise UsageError(f"learning_rate must be a positive number, not {self.learning_rate}")
        for name in ("weight", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(f"{name} must be zero or a positive number, not {getattr(self, name)}")
        if not 0 < self.width < math.inf:
            raise UsageError(f"width must be a positive number, not {self.width}")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"unknown {name} {getattr(self, name)!r}; choose one of {', '.join(choices)}")
        if not 0 <= self.checkpoint_seconds < math.inf:
            raise UsageError(f"checkpoint_seconds must be zero or more, not {self.checkpoint_seconds}")
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"seed must lie between 0 and 2**63, not {self.seed}")
        if self.architecture not in ("auto", *ARCHITECTURES, "custom"):
            known = ", ".join(("auto", *ARCHITECTURES))
            raise UsageError(f"unknown architecture {self.architecture!r}; choose one of {known}")
        if self.dim == 1 and isinstance(self.N, str):
            raise UsageError("dim 1 has no formula for the kernel constant; give N as a number, or use more dimensions")
        try:
            EccentricLoss(self.mu, self.N)
        except ValueError as error:
            raise UsageError(str(error)) from None
