"""A user's program, for the type checker alone: `make package` checks it against the installed wheel, in strict mode.

Each `type: ignore` marks a mistake that the checker must find. Strict mode reports those that are not needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import torch

import eccentric
from eccentric import DeepComponents, EccentricAutoencoder, EccentricLoss
from eccentric.data import load
from eccentric.training import Run, TrainConfig, train

assert_type(eccentric.__version__, str)

loss = EccentricLoss(mu=1.0, N="exact")
z = torch.randn(64, 8)
value: torch.Tensor = loss(z)
EccentricLoss(mu="one")  # type: ignore[arg-type]
EccentricLoss(strength=1.0)  # type: ignore[call-arg]

components = DeepComponents("principal").fit(z)
assert_type(components, DeepComponents)
DeepComponents("main")  # type: ignore[arg-type]

model = EccentricAutoencoder(n_components=4, n_runs=2, random_state=0)
assert_type(model.fit(z.numpy()), EccentricAutoencoder)
assert_type(EccentricAutoencoder.load(Path("runs/digits")), EccentricAutoencoder)
EccentricAutoencoder(components=4)  # type: ignore[call-arg]

assert_type(train(load("digits"), TrainConfig(dim=6), "runs/digits"), Run)
TrainConfig(dimension=6)  # type: ignore[call-arg]
