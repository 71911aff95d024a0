"""Results of a trained model: weights, components, latents, examples and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccentric.components import DeepComponents
from eccentric.errors import EccentricError
from eccentric.evaluation.judging import evaluate
from eccentric.inference import encode
from eccentric.runs.latents import Latents
from eccentric.runs.results import choose_examples, write_results

if TYPE_CHECKING:
    from pathlib import Path

    from eccentric.data import Data
    from eccentric.models import Autoencoder


def finish(out: Path, model: Autoencoder, data: Data) -> None:
    """Encode the data with a trained model, evaluate it, and write the results to the folder `out`.

    Raises:
        EccentricError: latents are not finite, or the folder cannot be written.
    """
    z = {"train": encode(model, data.train.x), "test": encode(model, data.test.x)}
    if not all(latents.isfinite().all() for latents in z.values()):
        raise EccentricError("latents are NaN or infinite in evaluation mode; lower the learning rate")
    traits = model.method.traits
    components = DeepComponents(traits.axes).fit(z["train"]) if traits.has_spectrum else None
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
