"""Images for two-view training: division into training images, probe images and test images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from eccentric.data import load
from eccentric.errors import UsageError
from eccentric.two_views.training import Labelled
from eccentric.two_views.views import DIGITS, PHOTOS

if TYPE_CHECKING:
    from eccentric.two_views.views import Views

__all__ = ["Material", "material"]

PROBED, SCORED = 5_000, 5_000
VALIDATION = 0.1
SIDE = 32


@dataclass(frozen=True)
class Material:
    """A data set divided for the study."""

    views: Views
    train: Labelled
    probes: Labelled
    """Training images whose targets the probes learn."""
    others: dict[str, Labelled]
    """"validation": training images without probe images, used to choose weights; "test": images of the test split."""


def material(source: str, small: bool = False) -> Material:
    """Read labelled images, or faces with their attributes (`celeba`, reduced to 32x32 pixels).

    At most 5,000 images train the probes, and at most 5,000 images of each other kind evaluate them. The choice is
    always the same.

    Args:
        source: as for `eccentric.data.load`.
        small: use only a few hundred images, for a quick test.

    Raises:
        UsageError: the items are not images, or have neither labels nor attributes.
    """
    data = load(source, label="" if source == "celeba" else None)
    if not data.is_image:
        raise UsageError(f"{source} does not contain images, and views are computed from images")
    if source == "celeba":
        from eccentric.data.attributes import load_attributes

        attributes = load_attributes(source)
        targets = {"train": attributes.train.astype(np.int8), "test": attributes.test.astype(np.int8)}
    elif data.train.labels is None or data.test.labels is None:
        raise UsageError(f"{source} has no labels for the probes to learn; name the column with the labels")
    else:
        targets = {"train": np.asarray(data.train.labels), "test": np.asarray(data.test.labels)}
    images = {"train": _reduced(data.train.x), "test": _reduced(data.test.x)}

    def chosen(split: str, rows: np.ndarray) -> Labelled:
        return Labelled(images[split][torch.from_numpy(rows)], targets[split][rows])

    order = {name: np.random.default_rng(0).permutation(len(x)) for name, x in images.items()}
    held = int(VALIDATION * len(order["train"]))
    probed, scored = (400, 200) if small else (PROBED, SCORED)
    return Material(
        PHOTOS if data.shape[0] == 3 else DIGITS,
        chosen("train", order["train"]),
        chosen("train", order["train"][held:][:probed]),
        {
            "validation": chosen("train", order["train"][:held][:scored]),
            "test": chosen("test", order["test"][:scored]),
        },
    )


def _reduced(images: torch.Tensor) -> torch.Tensor:
    """Halve the size of photographs as long as both sides have at least 32 pixels."""
    while min(images.shape[2:]) >= 2 * SIDE:
        images = torch.cat([avg_pool2d(part.float(), 2).round().to(torch.uint8) for part in images.split(1000)])
    return images
