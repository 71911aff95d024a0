"""What a run leaves, and the run folder it is written to and read from: the same as `eccentric train` makes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eccentric._version import versions
from eccentric.alignment import Stability, align, component_stability
from eccentric.data.items import ItemSpec
from eccentric.errors import EccentricError
from eccentric.estimator.state import STABILITY
from eccentric.evaluation.probes import pca_encodings
from eccentric.inference import encode
from eccentric.models import Autoencoder, choose_architecture
from eccentric.runs import Latents, Run
from eccentric.runs.claim import claimed, clear_folder, holds_run
from eccentric.runs.digests import fingerprint
from eccentric.runs.manifest import write_manifest
from eccentric.runs.metrics import MetricsFile
from eccentric.runs.names import CONFIG, LOCK
from eccentric.runs.results import choose_examples, write_results
from eccentric.training import engine as engines
from eccentric.training.config import TrainConfig
from eccentric.training.metrics import Metrics, columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.estimator import fitting
    from eccentric.estimator.sources import Source
    from eccentric.estimator.transformer import EccentricAutoencoder

UNDER_WAY = ".new-"


@dataclass(frozen=True, eq=False)
class Record:
    """A run, after its data are gone.

    Attributes:
        model, components: as trained.
        config, engine, metrics: how.
        items: rows trained on.
        error, pca_error: on the held-out rows, or on training rows if there are none.
        train, test: encodings of up to 10,000 training rows, and of the rows the errors are of.
        examples: a few of the latter, raw.
        data: what config.json says of them.
    """

    model: Autoencoder
    components: DeepComponents
    config: TrainConfig
    engine: dict[str, Any]
    metrics: list[Metrics]
    items: int
    error: float
    pca_error: float
    train: Latents
    test: Latents
    examples: Shaped[Tensor, "k ..."]
    data: dict[str, Any]

    @classmethod
    def of(cls, trained: fitting.Trained, config: TrainConfig, components: DeepComponents, source: Source) -> Record:
        model = trained.model
        kept, judged = source.kept, source.judged
        train = _latents(model, components, source.sample[kept], source.sample_rows[kept])
        held = len(source.held_out) > 0
        test = _latents(model, components, source.held_out, source.held_out_rows) if held else train
        images = source.spec.is_image
        # A loader does not give the same rows again.
        known = {} if source.drawn is None else {"fingerprint": fingerprint(source.sample)}
        return cls(
            model=model,
            components=components,
            config=config,
            engine=trained.engine.describe(),
            metrics=trained.metrics,
            items=components.count,
            error=trained.error,
            pca_error=(
                _pca_error(model, source.sample[kept], judged)
                if images or not model.method.traits.starts_from_pca
                else trained.first_error
            ),
            train=train,
            test=test,
            examples=choose_examples(judged),
            data=_data(len(train.p), components.count, len(source.held_out)) | known,
        )


def compare(runs: list[Record]) -> tuple[Stability, Float[np.ndarray, "runs d"]]:
    """How well each component of the first run comes out in all, on held-out rows, and its variance in each run."""
    train, held_out = ([getattr(run, split).p for run in runs] for split in ("train", "test"))
    agreement = component_stability(train, held_out)
    variances = [(align(run.train.p, train[0]).matrix ** 2) @ run.components.eigenvalues.numpy() for run in runs]
    return agreement, np.array(variances)


def save(estimator: EccentricAutoencoder, path: str | Path, overwrite: bool) -> None:
    out = Path(path)
    # A save that failed leaves its lock, one that was killed also what it had made.
    empty = out.is_dir() and all(file.name == LOCK or file.name.startswith(UNDER_WAY) for file in out.iterdir())
    if out.exists() and not empty:
        if not holds_run(out):
            raise FileExistsError(f"{out} exists and holds no run; choose another folder")
        if not overwrite:
            raise FileExistsError(f"{out} already holds a run; choose another folder, or pass overwrite=True")
    record = estimator._record or _of_stream(estimator)
    model, examples = _in_the_folders_units(record, estimator._spec)
    description = _description(estimator, record)
    with claimed(out), _under_way(out) as made:
        write_manifest(made, description)
        file = MetricsFile(made, columns(record.model.method.term_titles))
        for row in record.metrics:
            file.write(row.row())
        evaluation = {"test_reconstruction": record.error, "pca_test_reconstruction": record.pca_error}
        latents = {"train": record.train, "test": record.test}
        write_results(made, model, estimator._found(), latents, examples, evaluation)
        clear_folder(out)  # only now that all of the new run is written
        for file_made in sorted(made.iterdir(), key=lambda path: path.name == CONFIG):  # it says: all is there
            file_made.replace(out / file_made.name)


@contextmanager
def _under_way(out: Path) -> Iterator[Path]:
    """A folder inside `out`, on the same disk, that is gone afterwards."""
    try:
        made = Path(tempfile.mkdtemp(prefix=UNDER_WAY, dir=out))
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {out}: {error.strerror}; choose another") from None
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def load(cls: type[EccentricAutoencoder], path: str | Path) -> EccentricAutoencoder:
    run = Run(path)
    config = TrainConfig.from_json(run.config)
    known = run.config.get("estimator") or _of_command_line(config, run)
    self = cls(**known["parameters"])
    model, components = run.model(), run.components
    if "units" in known:  # of images, which a folder has as 0 to 255
        model.shift, model.scale = (torch.tensor(known["units"][name]) for name in ("shift", "scale"))
    rows = range(len(run.metrics["step"]))
    metrics = [Metrics.from_row({name: column[row] for name, column in run.metrics.items()}) for row in rows]
    evaluation = run.evaluation
    self._model, self._components = model, components
    self._record = Record(
        model=model,
        components=components,
        config=config,
        engine={"device": run.config.get("device"), "engine": run.config.get("engine")},
        metrics=metrics,
        items=int(run.config["items"]["train"]),
        error=float(evaluation["test_reconstruction"]),
        pca_error=float(evaluation["pca_test_reconstruction"]),
        train=run.latents("train"),
        test=run.latents("test"),
        examples=run.examples.float() / 255 * model.scale + model.shift if run.spec.is_image else run.examples,
        data=run.config["data"],
    )
    self.n_components_ = components.dim
    self._spec = run.spec
    self.item_shape_ = tuple(known["item_shape"])
    self.n_features_in_ = int(np.prod(self.item_shape_))
    if known["feature_names"] is not None:
        self.feature_names_in_ = np.array(known["feature_names"], dtype=object)
    self.n_iter_ = known["n_iter"]
    self.reconstruction_error_, self.pca_reconstruction_error_ = self._record.error, self._record.pca_error
    if "n_samples_seen" in known:
        self.n_samples_seen_ = known["n_samples_seen"]
    for name in STABILITY:
        if name in known:
            setattr(self, name, np.array(known[name]))
    return self


def _description(estimator: EccentricAutoencoder, record: Record) -> dict[str, Any]:
    """config.json."""
    names = getattr(estimator, "feature_names_in_", None)
    images = estimator._spec.is_image
    spec = ItemSpec("image", estimator._spec.shape, "uint8") if images else estimator._spec
    known: dict[str, Any] = {
        "parameters": {name: _plain(value) for name, value in estimator.get_params(deep=False).items()},
        "item_shape": list(estimator.item_shape_),
        "feature_names": None if names is None else [str(name) for name in names],
        "n_iter": estimator.n_iter_,
    }
    if images:
        known["units"] = {"shift": record.model.shift.item(), "scale": record.model.scale.item()}
    if hasattr(estimator, "n_samples_seen_"):
        known["n_samples_seen"] = estimator.n_samples_seen_
    known |= {name: getattr(estimator, name).tolist() for name in STABILITY if hasattr(estimator, name)}
    features = [] if images else known["feature_names"] or [f"x{j}" for j in range(spec.size)]
    architecture = choose_architecture(record.config.architecture, spec, record.model.method)
    return {
        "status": "finished",
        "data": record.data,
        **replace(record.config, architecture=architecture).to_json(),
        "item": spec.to_json(),
        "items": {"train": record.items, "test": len(record.test.p)},
        "feature_names": features,
        "label_names": [],
        **record.engine,
        "versions": versions(),
        "estimator": known,
    }


def _data(kept: int, items: int, held_out: int) -> dict[str, Any]:
    """What config.json says of rows that were trained on, encoded and kept, and held out."""
    split = f"{held_out} of {held_out + items} rows held out at random" if held_out else "nothing held out"
    notes = []
    if kept < items:
        notes.append(f"latents.parquet holds {kept} of the {items} training rows")
    if not held_out:
        notes.append("no rows were held out, so the test items are training items")
    return {"name": "arrays", "split": split, "held_out": held_out > 0, "notes": notes}


def _of_command_line(config: TrainConfig, run: Run) -> dict[str, Any]:
    """What `save` writes of an estimator, for a run that was made without one."""
    parameters = {
        "n_components": config.dim,
        "method": config.method,
        "method_settings": dict(config.settings),
        "architecture": config.architecture,
        "max_epochs": config.epochs,
        "batch_size": config.batch_size,
        "learning_rate": config.learning_rate,
        "random_state": config.seed,
        "precision": config.precision,
    }
    generic = run.feature_names == [f"x{j}" for j in range(len(run.feature_names))]
    return {
        "parameters": parameters,
        "item_shape": run.spec.image_size if run.spec.channels == 1 else run.shape,
        "feature_names": None if generic else run.feature_names,
        "n_iter": int(run.metrics["epoch"][-1]),
    }


def _of_stream(estimator: EccentricAutoencoder) -> Record:
    """A record of what `partial_fit` learnt: its latest rows stand for training and test items."""
    model, components, config = estimator._model, estimator._found(), estimator._config
    x = estimator._recent.x
    assert x is not None
    latents = _latents(model, components, x, np.arange(len(x)))
    return Record(
        model=model,
        components=components,
        config=config,
        engine=engines.start(config, work=0.0, images=estimator._spec.is_image, ranks=False).describe(),
        metrics=estimator._metrics,
        items=len(x),
        error=estimator.reconstruction_error_,
        pca_error=_pca_error(model, x, x),
        train=latents,
        test=latents,
        examples=choose_examples(x),
        data=_data(len(x), len(x), 0),
    )


def _in_the_folders_units(record: Record, spec: ItemSpec) -> tuple[Autoencoder, Tensor]:
    """Model and examples as a run folder has them: images from 0 to 255."""
    model, examples = record.model, record.examples
    if not spec.is_image:
        return model, examples
    pixels = ((examples - model.shift) / model.scale * 255).round().clamp(0, 255).to(torch.uint8)
    return Autoencoder(model.encoder, model.decoder, method=model.method), pixels


def _latents(model: Autoencoder, components: DeepComponents, x: Tensor, rows: np.ndarray) -> Latents:
    z = encode(model, x)
    return Latents(components.encode(z).numpy(), None, rows.astype(np.int64), z.numpy())


def _pca_error(model: Autoencoder, train: Tensor, test: Tensor) -> float:
    """Mean squared error of as many principal components, in the units that the networks see."""
    dim = model.encode(train[:2]).shape[1]
    return pca_encodings(train, test, dim, lambda x: model.standardize(x).flatten(1).numpy())[2]


def _plain(value: Any) -> Any:
    """A parameter as JSON has it; a random state that is no number cannot be written, and becomes None."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(own) for name, own in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else None
