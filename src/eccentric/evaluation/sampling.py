"""How good a run's samples are, by ways of sampling, with floors that no sampling gets below (Table 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from eccentric.errors import UsageError
from eccentric.evaluation.fidelity import Fidelity, fidelity
from eccentric.evaluation.mixtures import Mixture
from eccentric.inference import in_batches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float, UInt8
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.data import Data
    from eccentric.evaluation.extractors import Extractor
    from eccentric.models import Autoencoder

__all__ = ["FidelityTable", "Row", "table_of_fidelity"]


@dataclass(frozen=True)
class Row:
    """One set of images against the test images.

    Attributes:
        images: "standard", "matched" or "mixture", decoded random latents; "reconstruction", of training images;
            "train", the same training images as they are.
        fidelity: to the test images.
    """

    images: str
    fidelity: Fidelity


@dataclass(frozen=True)
class FidelityTable:
    """Rows of one run.

    Attributes:
        rows: "standard", "matched", "mixture", "reconstruction" and "train".
        protocol: what must stand beside them, beyond the seed: counts, split, features. The same for every run on the
            same data.
        gaussians: in the mixture of this run.
    """

    rows: list[Row]
    protocol: str
    gaussians: int


def table_of_fidelity(
    model: Autoencoder,
    components: DeepComponents,
    data: Data,
    extractor: Extractor,
    *,
    count: int = 10_000,
    seed: int = 0,
) -> FidelityTable:
    """Measure a run's samples against the test images, and the floors beside them.

    The floors are made of one random set of training images. As they are ("train"), they show what the estimate gives
    for two sets of real images: zero but for its bias. Encoded and decoded ("reconstruction"), they are what sampling
    from the true distribution of the latents would give; the rest is the decoder's blur. Not of test images, whose
    reconstructions would resemble the very images they are compared with, which no sampler's can.

    Args:
        model, components: of the run; the work is done on the device of the model.
        data: images as the run was trained on; the mixture is fitted to the latents of the training items.
        extractor: of the features to compare.
        count: images in every set, 10,000 as in most of the literature; fewer where the data have fewer in a split.
            Each of the estimates depends on it.
        seed: of samples, mixture and choice of images.

    Raises:
        UsageError: the data are a table, or hold 3 items or fewer in a split; count is 3 or less.
    """
    if not data.is_image:
        raise UsageError(f"{data.name} is a table; fidelity is measured on images")
    count = min(count, len(data.train.x), len(data.test.x))
    order = torch.Generator().manual_seed(seed)
    test = data.test.x[torch.randperm(len(data.test.x), generator=order)[:count]]
    train = data.train.x[torch.randperm(len(data.train.x), generator=order)[:count]]
    mixture = Mixture().fit(in_batches(model.encode, data.train.x, model), seed=seed)

    def sets() -> Iterator[tuple[str, UInt8[Tensor, "n c h w"]]]:
        yield "standard", _decode(model, components.sample(count, "standard", seed))
        yield "matched", _decode(model, components.sample(count, "matched", seed))
        yield "mixture", _decode(model, mixture.sample(count, seed))
        yield "reconstruction", _decode(model, in_batches(model.encode, train, model))
        yield "train", train

    real = extractor(test)
    rows = [Row(name, fidelity(real, extractor(images), seed=seed)) for name, images in sets()]
    return FidelityTable(
        rows,
        f"{count:,} images of each kind against {count:,} test images of {data.name} ({data.split}); "
        "mixture of as many Gaussians as the Bayesian information criterion prefers on the training items; "
        f"features: {extractor.protocol}",
        mixture.k,
    )


def _decode(model: Autoencoder, z: Float[Tensor, "n d"]) -> UInt8[Tensor, "n c h w"]:
    return in_batches(model.decode, z, model).round().clamp(0, 255).to(torch.uint8)
