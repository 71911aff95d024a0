"""The record of a run, which is used to save the estimator and to compare runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.inference import encode
from eccentric.models.pca import fit_pca
from eccentric.runs import Latents
from eccentric.runs.dataset import describe_lengths
from eccentric.runs.digests import fingerprint
from eccentric.runs.results import choose_examples
from eccentric.training import engine as engines

if TYPE_CHECKING:
    from jaxtyping import Shaped
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.data.items import ItemSpec
    from eccentric.estimator.fitting import Trained
    from eccentric.estimator.learning import Streamed
    from eccentric.estimator.sources import Source
    from eccentric.models import Autoencoder
    from eccentric.models.pca import LinearPCA
    from eccentric.training.config import TrainConfig
    from eccentric.training.metrics import Metrics


@dataclass(frozen=True, eq=False)
class Record:
    """Result of a run that does not depend on its data.

    Attributes:
        model, components: trained model and its components.
        config, engine, metrics: settings, engine and metrics of the training.
        items: number of training rows.
        error, pca_error: errors on the held-out rows, or on training rows if there are none.
        fell_back: whether the model is PCA, because the gain of training was not significant.
        train, test: encodings of up to 10,000 training rows, and of the rows on which the errors are measured.
        examples: a few raw rows of the latter.
        data: description of the data for config.json.
    """

    model: Autoencoder
    components: DeepComponents
    config: TrainConfig
    engine: dict[str, Any]
    metrics: list[Metrics]
    items: int
    error: float
    pca_error: float
    fell_back: bool
    train: Latents
    test: Latents
    examples: Shaped[Tensor, "k ..."]
    data: dict[str, Any]

    @classmethod
    def of(
        cls, trained: Trained, config: TrainConfig, components: DeepComponents, source: Source, pca: LinearPCA
    ) -> Record:
        """The record of a training run.

        Args:
            trained, config: the run and its settings.
            components: its components.
            source: the rows.
            pca: PCA of the training rows.
        """
        model = trained.model
        kept, judged = source.kept, source.judged
        train = _latents(model, components, source.sample[kept], source.sample_rows[kept])
        held = len(source.held_out) > 0
        test = _latents(model, components, source.held_out, source.held_out_rows) if held else train
        error, fell_back = trained.errors.mean().item(), trained.kept_first and config.starts_from_pca(source.spec)
        items = components.count if source.items is None else source.items  # a loader holds out no rows
        # A loader may not yield the same rows again.
        known: dict[str, Any] = {} if source.bootstrap is None else {"fingerprint": fingerprint(source.sample)}
        if source.spec.is_sequence:
            known["lengths"] = describe_lengths(source.sample)
        return cls(
            model=model,
            components=components,
            config=config,
            engine=trained.engine.describe(),
            metrics=trained.metrics,
            items=items,
            error=error,
            # A table's initial weights are PCA up to rounding, so the errors of a fit that falls back should be equal.
            pca_error=error if fell_back and source.spec.is_table else pca.errors(judged).mean().item(),
            fell_back=fell_back,
            train=train,
            test=test,
            examples=choose_examples(judged),
            data=_data(len(train.p), items, len(source.held_out)) | known,
        )

    @classmethod
    def of_stream(cls, model: Autoencoder, components: DeepComponents, stream: Streamed, spec: ItemSpec) -> Record:
        """The record after `partial_fit`, with its latest rows as training and test items."""
        x, config = stream.recent.x, stream.config
        assert x is not None
        latents = _latents(model, components, x, np.arange(len(x)))
        return cls(
            model=model,
            components=components,
            config=config,
            engine=engines.start(config, work=0.0, images=spec.is_image, ranks=False).describe(),
            metrics=stream.metrics,
            items=len(x),
            error=stream.metrics[-1].reconstruction,
            pca_error=fit_pca(model, x, components.dim).errors(x).mean().item(),
            fell_back=False,
            train=latents,
            test=latents,
            examples=choose_examples(x),
            data=_data(len(x), len(x), 0),
        )


def _data(kept: int, items: int, held_out: int) -> dict[str, Any]:
    """Description of the training rows, the encoded rows and the held-out rows for config.json."""
    split = f"{held_out} of {held_out + items} rows held out at random" if held_out else "nothing held out"
    notes = []
    if kept < items:
        notes.append(f"latents.parquet holds {kept} of the {items} training rows")
    if not held_out:
        notes.append("no rows were held out, so the test items are training items")
    return {"name": "arrays", "split": split, "held_out": held_out > 0, "notes": notes}


def _latents(model: Autoencoder, components: DeepComponents, x: Tensor, rows: np.ndarray) -> Latents:
    z = encode(model, x)
    return Latents(components.encode(z).numpy(), None, rows.astype(np.int64), z.numpy())
