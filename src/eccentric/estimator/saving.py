"""Saving an estimator to a run folder and loading it. The format is that of `eccentric train`."""

from __future__ import annotations

import glob
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eccentric._version import versions
from eccentric.data.items import ItemSpec
from eccentric.errors import EccentricError
from eccentric.estimator.inputs import Layout
from eccentric.estimator.measuring import MEASURED, from_json, to_json
from eccentric.estimator.record import Record
from eccentric.estimator.state import Fitted
from eccentric.files import exchange
from eccentric.models import Autoencoder, choose_architecture, choose_start
from eccentric.runs import Run, names
from eccentric.runs.claim import claimed, clear_folder, holds_run
from eccentric.runs.manifest import write_manifest
from eccentric.runs.metrics import MetricsFile
from eccentric.runs.names import CONFIG, LOCK
from eccentric.runs.results import write_results
from eccentric.training.config import TrainConfig
from eccentric.training.metrics import Metrics, columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sklearn.base import BaseEstimator
    from torch import Tensor

UNDER_WAY = ".new-"


def save(estimator: BaseEstimator, fitted: Fitted, path: str | Path, overwrite: bool) -> None:
    """Write a fitted estimator with its parameters and public attributes to a run folder.

    Raises:
        FileExistsError: the folder exists and is not empty.
    """
    out = Path(path)
    # A failed save leaves its lock; a killed save also leaves its incomplete folder.
    empty = out.is_dir() and all(file.name == LOCK or file.name.startswith(UNDER_WAY) for file in out.iterdir())
    if out.exists() and not empty:
        if not holds_run(out):
            raise FileExistsError(f"{out} exists and holds no run; choose another folder")
        if not overwrite:
            raise FileExistsError(f"{out} already holds a run; choose another folder, or pass overwrite=True")
    record = fitted.whole_record()
    model, examples = _in_the_folders_units(record, fitted.layout.spec)
    description = _description(fitted.layout.spec, record, _known(estimator))
    with claimed(out), _under_way(out) as made:
        write_manifest(made, description)
        file = MetricsFile(made, columns(record.config.term_titles))
        for row in record.metrics:
            file.write(row.row())
        evaluation = {"test_reconstruction": record.error, "pca_test_reconstruction": record.pca_error}
        latents = {"train": record.train, "test": record.test}
        write_results(made, model, record.components, latents, examples, evaluation)
        _replace(out, made)


def _replace(out: Path, made: Path) -> None:
    """Put the complete run in `made` in the place of `out`, in one atomic step where the system can exchange folders.

    A folder that also holds other files, which are to be kept, is replaced file by file.
    """
    if not _others(out):
        whole = out.resolve()  # where `out` is a link, it stays one
        beside = whole.with_name(f".{whole.name}{made.name}")
        shutil.copymode(whole, made)
        with suppress(OSError):  # the folder above may not be writable
            made.rename(beside)
            if exchange(beside, whole):
                shutil.rmtree(beside, ignore_errors=True)
                return
            beside.rename(made)
    clear_folder(out)  # after the new run is complete
    for file_made in sorted(made.iterdir(), key=lambda path: path.name == CONFIG):  # config.json last
        file_made.replace(out / file_made.name)


def _others(out: Path) -> bool:
    """Whether the folder holds more than a run and what saving writes."""
    known = {out / LOCK, *names.written(out), *names.temporaries(out)}
    files = (path for path in out.rglob("*") if path.is_symlink() or not path.is_dir())
    return any(path not in known and not path.relative_to(out).parts[0].startswith(UNDER_WAY) for path in files)


@contextmanager
def _under_way(out: Path) -> Iterator[Path]:
    """A temporary folder inside `out`, so that its files can be moved without copying.

    Folders that killed processes left are removed.
    """
    whole = out.resolve()
    for left in (*whole.glob(f"{UNDER_WAY}*"), *whole.parent.glob(f".{glob.escape(whole.name)}{UNDER_WAY}*")):
        shutil.rmtree(left, ignore_errors=True)
    try:
        made = Path(tempfile.mkdtemp(prefix=UNDER_WAY, dir=out))
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {out}: {error.strerror}; choose another") from None
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def load(path: str | Path) -> tuple[Fitted, dict[str, Any]]:
    """Load a folder of `save` or `eccentric train`: the fitted state, and the entry "estimator" of config.json.

    Raises:
        EccentricError: there is no run, or a file in it is damaged.
    """
    run = Run(path)
    config = TrainConfig.of_run(run)
    known = run.config.get("estimator") or _of_command_line(config, run)
    # Folders of earlier versions do not have these entries.
    known["parameters"] = {
        "start": choose_start(config.start, run.spec, config.architecture),
        "axes": config.axes,
        "anchor": config.anchor,
        **known["parameters"],
    }
    model, components = run.model(), run.components
    if "units" in known:  # images are stored as 0 to 255
        model.shift, model.scale = (torch.tensor(known["units"][name]) for name in ("shift", "scale"))
    rows = range(len(run.metrics["step"]))
    metrics = [Metrics.from_row({name: column[row] for name, column in run.metrics.items()}) for row in rows]
    evaluation = run.evaluation
    record = Record(
        model=model,
        components=components,
        config=config,
        engine={"device": run.config.get("device"), "engine": run.config.get("engine")},
        metrics=metrics,
        items=int(run.config["items"]["train"]),
        fell_back=bool(known.get("fell_back_to_pca_", False)),
        error=float(evaluation["test_reconstruction"]),
        pca_error=float(evaluation["pca_test_reconstruction"]),
        train=run.latents("train"),
        test=run.latents("test"),
        examples=run.examples.float() / 255 * model.scale + model.shift if run.spec.is_image else run.examples,
        data=run.config["data"],
    )
    return Fitted(Layout(tuple(known["item_shape"]), run.spec), model, components, record), known


def restore(estimator: BaseEstimator, fitted: Fitted, known: dict[str, Any]) -> None:
    """Set the public attributes of a loaded estimator."""
    record = fitted.whole_record()
    estimator.item_shape_, estimator.n_features_in_ = fitted.layout.shape, fitted.layout.size
    estimator.n_components_, estimator.n_iter_ = record.components.dim, known["n_iter"]
    estimator.reconstruction_error_, estimator.pca_reconstruction_error_ = record.error, record.pca_error
    if known["feature_names"] is not None:
        estimator.feature_names_in_ = np.array(known["feature_names"], dtype=object)
    if "n_samples_seen" in known:
        estimator.n_samples_seen_ = known["n_samples_seen"]
    estimator.__dict__.update({name: from_json(known[name]) for name in MEASURED if name in known})


def _known(estimator: BaseEstimator) -> dict[str, Any]:
    """The values that `restore` needs, as JSON values."""
    names = getattr(estimator, "feature_names_in_", None)
    known: dict[str, Any] = {
        "parameters": {name: _plain(value) for name, value in estimator.get_params(deep=False).items()},
        "item_shape": list(estimator.item_shape_),
        "feature_names": None if names is None else [str(name) for name in names],
        "n_iter": estimator.n_iter_,
    }
    if hasattr(estimator, "n_samples_seen_"):
        known["n_samples_seen"] = estimator.n_samples_seen_
    return known | {name: to_json(vars(estimator)[name]) for name in MEASURED if name in vars(estimator)}


def _description(spec: ItemSpec, record: Record, known: dict[str, Any]) -> dict[str, Any]:
    """The content of config.json."""
    features: list[str] = []
    if spec.is_image:
        spec = ItemSpec("image", spec.shape, "uint8")
        known["units"] = {"shift": record.model.shift.item(), "scale": record.model.scale.item()}
    else:
        count = spec.shape[-1] if spec.is_sequence else spec.size
        features = known["feature_names"] or [f"x{j}" for j in range(count)]
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


def _of_command_line(config: TrainConfig, run: Run) -> dict[str, Any]:
    """The entry "estimator" for a run that was not trained by an estimator."""
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
    if run.spec.is_sequence:
        parameters["item_kind"] = "sequence"
    generic = run.spec.is_sequence or run.feature_names == [f"x{j}" for j in range(len(run.feature_names))]
    return {
        "parameters": parameters,
        "item_shape": run.spec.image_size if run.spec.channels == 1 else run.shape,
        "feature_names": None if generic else run.feature_names,
        "n_iter": int(run.metrics["epoch"][-1]),
    }


def _in_the_folders_units(record: Record, spec: ItemSpec) -> tuple[Autoencoder, Tensor]:
    """Model and examples in the units of a run folder: images from 0 to 255."""
    model, examples = record.model, record.examples
    if not spec.is_image:
        return model, examples
    pixels = ((examples - model.shift) / model.scale * 255).round().clamp(0, 255).to(torch.uint8)
    return Autoencoder(model.encoder, model.decoder, method=model.method), pixels


def _plain(value: Any) -> Any:
    """A parameter as a JSON value. A random state that is not a number cannot be stored and becomes None."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(own) for name, own in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else None
