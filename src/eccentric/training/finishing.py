"""Results of a trained model: weights, components, latents, examples and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccentric.errors import EccentricError
from eccentric.evaluation.judging import evaluate
from eccentric.inference import components_of, encode
from eccentric.models.pca import fit_pca
from eccentric.runs.latents import Latents
from eccentric.runs.results import choose_examples, write_results

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.data import Data
    from eccentric.models import Autoencoder

BATCH = 1000  # items whose PCA scores are computed at a time


def finish(out: Path, model: Autoencoder, data: Data, axes: str = "principal") -> None:
    """Encode the data with a trained model, evaluate it, and write the results to the folder `out`.

    Raises:
        EccentricError: latents are not finite, or the folder cannot be written.
    """
    z = {"train": encode(model, data.train.x), "test": encode(model, data.test.x)}
    if not all(latents.isfinite().all() for latents in z.values()):
        raise EccentricError("latents are NaN or infinite in evaluation mode; lower the learning rate")
    components = _components(model, data.train.x, z["train"], axes) if model.method.traits.has_spectrum else None
    p = {name: latents[:, :0] if components is None else components.encode(latents) for name, latents in z.items()}
    splits = {"train": data.train, "test": data.test}
    latents = {
        name: Latents(
            p=p[name].numpy(),
            labels=split.label_texts(data.label_names),
            rows=split.rows,
            z=z[name].numpy(),
            files=None if split.files is None else np.array(split.files),
        )
        for name, split in splits.items()
    }
    encodings = z if components is None else p
    evaluation = evaluate(model, data, encodings["train"].numpy(), encodings["test"].numpy())
    write_results(out, model, components, latents, choose_examples(data.test.x), evaluation)


def _components(model: Autoencoder, x: Shaped[Tensor, "n ..."], z: Float[Tensor, "n d"], axes: str) -> DeepComponents:
    if axes == "principal":
        return components_of(model, [(x, z)])
    return components_of(model, zip(x.split(BATCH), z.split(BATCH), strict=True), fit_pca(model, x, z.shape[1]))
