"""Training of an encoder on two views of each image, and evaluation of its features."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from eccentric.inference import in_batches
from eccentric.monitoring import diagnostics
from eccentric.two_views.loss import TwoViewLoss
from eccentric.two_views.networks import projector, small_encoder
from eccentric.two_views.probing import probe

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Shaped, UInt8
    from torch import Tensor, nn

    from eccentric.methods.embeddings import Regularizer
    from eccentric.two_views.views import Views

__all__ = ["Labelled", "Setting", "train_and_probe"]

FEATURES, HIDDEN = 64, 256


@dataclass(frozen=True)
class Labelled:
    """Images, and class labels (n,) or attributes (n, a), for the probes only."""

    images: UInt8[Tensor, "n c h w"]
    targets: Shaped[np.ndarray, "n ..."]


@dataclass(frozen=True)
class Setting:
    """Settings of one training."""

    regularizer: Regularizer
    weight: float
    projector: bool
    """Whether the loss is computed on the outputs of a projector. The features are the inputs of the projector."""
    seed: int = 0
    steps: int = 200
    batch: int = 128
    learning_rate: float = 3e-3


def train_and_probe(
    setting: Setting, views: Views, train: Labelled, probes: Labelled, others: dict[str, Labelled]
) -> dict[str, Any]:
    """Train on the images of `train`, fit the probes to `probes`, and evaluate them on `others`.

    Returns:
        The scores of the probes for each of the others by name, the effective rank and the trace of the features and
        embeddings of the last one, and the CPU time of a step.
    """
    torch.manual_seed(setting.seed)
    encoder: nn.Module = small_encoder(train.images.shape[1], FEATURES)
    head: nn.Module = projector(FEATURES, HIDDEN, FEATURES) if setting.projector else torch.nn.Identity()
    loss = TwoViewLoss(setting.weight, setting.regularizer)
    model = torch.nn.Sequential(encoder, head)
    optimizer = torch.optim.Adam(model.parameters(), setting.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, setting.learning_rate, total_steps=setting.steps)
    start = time.process_time()
    for _ in range(setting.steps):
        images = train.images[torch.randint(len(train.images), (setting.batch,))]
        a, b = model(torch.cat([views(images), views(images)])).chunk(2)  # one batch, because of batch normalisation
        value = loss(a, b)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
    seconds = (time.process_time() - start) / setting.steps

    def features(images: Tensor) -> Tensor:
        return in_batches(lambda x: encoder(x.float() / 255), images, encoder, 500)

    model.eval()
    parts = {name: features(part.images) for name, part in {"probes": probes, **others}.items()}
    scores = probe(
        parts["probes"].numpy(), probes.targets, [(parts[name].numpy(), part.targets) for name, part in others.items()]
    )
    last = parts[list(others)[-1]]
    with torch.no_grad():
        found, embedded = diagnostics(last, warn=False), diagnostics(head(last), warn=False)
    return {
        **{name: score._asdict() for name, score in zip(others, scores, strict=True)},
        "effective_rank": found.effective_rank.item(),
        "trace": found.trace.item(),
        "embedding_effective_rank": embedded.effective_rank.item(),
        "embedding_trace": embedded.trace.item(),
        "cpu_seconds_per_step": seconds,
        "last_loss": value.item(),
    }
