"""Writing of the results of a trained model to its run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from eccentric.files import write_json, write_tensors
from eccentric.runs.checksums import write_checksums
from eccentric.runs.latents import Latents, write_latents
from eccentric.runs.names import COMPONENTS, EVALUATION, EXAMPLES, LATENTS, MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Shaped
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.models import Autoencoder


MOST_EXAMPLES = 24


def choose_examples(x: Shaped[Tensor, "n ..."]) -> Shaped[Tensor, "k ..."]:
    """A few randomly chosen items of the test split (the same for every run), since a split may be sorted by class."""
    chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:MOST_EXAMPLES]
    return x[chosen]


def write_results(
    folder: Path,
    model: Autoencoder,
    components: DeepComponents | None,
    latents: dict[str, Latents],
    examples: Shaped[Tensor, "k ..."],
    evaluation: dict[str, Any],
) -> None:
    """Write the results of a trained model to a run folder, followed by their checksums.

    Args:
        components: None for a method without principal components.
        latents: encoded items by split, "train" and "test".
        examples: a few raw test items.
        evaluation: at least `test_reconstruction` and `pca_test_reconstruction`.
    """
    write_tensors(folder / MODEL, model.state_dict())
    if components is not None:
        components.save(folder / COMPONENTS)
    write_latents(folder / LATENTS, latents)
    write_tensors(folder / EXAMPLES, {"x": examples})
    write_json(folder / EVALUATION, evaluation)
    write_checksums(folder)
