"""Fidelity of the samples of a run by ways of sampling, with lower limits for any sampling (Table 1)."""

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
    """Comparison of one set of images with the test images.

    Attributes:
        images: "standard", "matched" or "mixture" for decoded random latents; "reconstruction" for reconstructed
            training images; "train" for the same training images.
        fidelity: fidelity with respect to the test images.
    """

    images: str
    fidelity: Fidelity


@dataclass(frozen=True)
class FidelityTable:
    """Rows of one run.

    Attributes:
        rows: "standard", "matched", "mixture", "reconstruction" and "train".
        protocol: description to be quoted with the rows: counts, split and features. It is the same for all runs on the
            same data.
        gaussians: number of Gaussians in the mixture of this run.
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
    """Compare samples of a run with the test images, and compute lower limits.

    The lower limits use one random set of training images. The images themselves ("train") show the estimate for two
    sets of real images, which is zero up to its bias. Their reconstructions ("reconstruction") show the result of
    sampling from the true distribution of the latents, which is limited by the decoder. Test images are not used,
    because their reconstructions would resemble the images they are compared with, which samples cannot.

    Args:
        model, components: trained model and components of the run; computations run on the device of the model.
        data: data of the run, which must be images; the mixture is fitted to the latents of the training items.
        extractor: extractor of the features.
        count: number of images in each set, 10,000 as in most of the literature, or fewer if a split has fewer. All
            estimates depend on it.
        seed: seed of samples, mixture and choice of images.

    Raises:
        UsageError: the data are a table, a split has 3 items or fewer, or count is 3 or less.
    """
    if not data.is_image:
        raise UsageError(f"{data.name} is a table, but fidelity needs images")
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
