"""One training run from data to a complete run folder."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eccentric._version import versions
from eccentric.components import DeepComponents
from eccentric.errors import EccentricError, UsageError
from eccentric.evaluation.probes import neighbour_error, neighbours_for, pca_encodings
from eccentric.inference import encode, reconstruction_error
from eccentric.models import Autoencoder, choose_architecture, start_model
from eccentric.runs import Latents, Run, names
from eccentric.runs.checkpoints import Checkpoints
from eccentric.runs.claim import check_folder, claimed, clear_folder
from eccentric.runs.dataset import describe_data
from eccentric.runs.manifest import write_manifest
from eccentric.runs.metrics import MetricsFile
from eccentric.runs.results import write_results
from eccentric.runs.resuming import changes_since, check_items
from eccentric.runs.upgrade import upgraded
from eccentric.training import engine as engines
from eccentric.training.batches import TensorBatches
from eccentric.training.config import TrainConfig
from eccentric.training.loggers import find_loggers
from eccentric.training.loop import Training
from eccentric.training.metrics import columns
from eccentric.training.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from torch import Tensor, nn

    from eccentric.data import Data, Split
    from eccentric.training.metrics import Metrics

EXAMPLES = 24


def train(
    data: Data,
    config: TrainConfig | None = None,
    out: str | Path = "run",
    *,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    source: dict[str, Any] | None = None,
    overwrite: bool = False,
    resume: bool = False,
    loggers: Sequence[str] = (),
    stop: Stop | None = None,
    on_metrics: Callable[[Metrics], None] = lambda metrics: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Run:
    """Train an autoencoder on `data` and write everything about it to the folder `out`.

    Under torchrun or srun, every rank calls this with the same arguments; the first writes. The batch is then shared
    out over the ranks, and the Eccentric loss sees all of it. Networks with batch normalisation normalise by each
    rank's share, so their training differs from that of one process; others train the same.

    Args:
        data: from `eccentric.data.load` or `from_arrays`. Rows may be memory-mapped.
        config: settings; the paper's by default.
        out: the run folder, made here.
        encoder, decoder: modules of one's own, (n, *shape) -> (n, dim) and back, on standardised data.
        source: how the data were loaded, for config.json.
        overwrite: replace a run that already lies in `out`.
        resume: go on with the run in `out` from its last checkpoint, or begin it if there is none. Settings and data
            must be the run's own, but for those in `runs.resuming.MAY_CHANGE`. On the CPU the finished run equals an
            undisturbed one to the bit.
        loggers: where metrics go besides metrics.csv, by name: "tensorboard", "wandb", "mlflow".
        stop: set `stop.asked` to end after the step in hand; the folder is complete all the same.
        on_metrics: called with each row of metrics, on the first rank.
        on_note: called with each sentence that the user should read, on the first rank.

    Raises:
        UsageError: the settings do not fit the data, or `out` holds something, or another run.
        EccentricError: training diverged, or the folder cannot be written or is in use. The last checkpoint stays.
    """
    config = config or TrainConfig()
    stop = stop or Stop()
    out = Path(out)
    if engines.first_rank():
        check_folder(out, overwrite, resume)
        if resume and (out / names.CONFIG).exists():
            check_items(Run(out).config, data.shape)
    model = build_model(data, config, encoder, decoder)
    chosen = choose_architecture(config.architecture, data.spec, model.method) if encoder is None else "custom"
    config = replace(config, architecture=chosen)
    batch_size = min(config.batch_size, len(data.train.x))
    items = len(data.train.x) // batch_size * batch_size * config.epochs
    work = engines.work_of(model, data.train.x) * items
    engine = engines.start(config, work, images=data.is_image, loggers=find_loggers(loggers, out))
    fabric = engine.fabric
    description = describe(data, config, source, engine) if fabric.is_global_zero else {}
    checkpoints = Checkpoints(out / names.CHECKPOINTS)

    with _random_state(fabric.device), claimed(out) if fabric.is_global_zero else nullcontext():
        _seed(config.seed + fabric.global_rank, fabric.device)
        old = _run_to_resume(out, description, checkpoints) if resume and fabric.is_global_zero else _Old()
        state, finished = fabric.broadcast((old.state, old.finished))
        notes = [*engine.notes, *old.notes]
        if not finished:
            batches = TensorBatches(
                data.train.x, batch_size, config.seed, fabric.device, fabric.global_rank, fabric.world_size
            )
            training = Training(model, batches, config, engine, data.test.x)
            if state is not None:
                training.load_state_dict(state)
            if fabric.is_global_zero:
                if state is None:
                    clear_folder(out)
                description["notes"] = notes
                write_manifest(out, description)
                for note in notes:
                    on_note(note)
                file = MetricsFile(out, columns(model.method.term_titles), training.row_step)
                _train_and_save(training, file, checkpoints, stop, on_metrics)
                finish(out, model, data)
                stopped = f"stopped after {training.step} steps"
                description["status"] = "finished" if training.finished else stopped
                write_manifest(out, description)
            else:
                for _ in training.run(stop):
                    pass
            fabric.barrier()  # so that the folder is whole for every rank
        elif fabric.is_global_zero:
            on_note(f"{out} is finished; there is nothing left to do")
    return Run(out)


@dataclass(frozen=True)
class _Old:
    """What a run that is resumed has left: a state to go on from, or the whole run."""

    state: dict[str, Any] | None = None
    finished: bool = False
    notes: tuple[str, ...] = ()


def _run_to_resume(out: Path, description: dict[str, Any], checkpoints: Checkpoints) -> _Old:
    if not (out / names.CONFIG).exists():
        return _Old()
    recorded = Run(out).config
    changed = changes_since(recorded, description)
    if recorded["status"] == "finished" and recorded["train"]["epochs"] == description["train"]["epochs"]:
        return _Old(finished=True)
    state, unusable = checkpoints.load()
    if state is not None:
        return _Old(state, notes=(*changed, *(f"{reason}, so an older one is used" for reason in unusable)))
    if unusable or recorded["status"] != "training":  # there is something to lose
        reasons = "; ".join(unusable) or "the folder checkpoint is empty"
        raise EccentricError(f"{out} has no checkpoint to go on from ({reasons}); pass --overwrite to begin anew")
    return _Old(notes=(*changed, f"{out} has no checkpoint yet, so it begins anew"))


def _train_and_save(
    training: Training,
    file: MetricsFile,
    checkpoints: Checkpoints,
    stop: Stop,
    on_metrics: Callable[[Metrics], None],
) -> None:
    """Train to the end, with rows and checkpoints on the disk as it goes."""
    saved = time.monotonic()
    try:
        for metrics in training.run(stop):
            file.write(metrics.row())
            training.log(metrics)
            on_metrics(metrics)
            if time.monotonic() - saved >= training.config.checkpoint_seconds:
                checkpoints.save(training.step, training.state_dict())
                saved = time.monotonic()
        checkpoints.save(training.step, training.state_dict())
    except EccentricError as error:
        kept = checkpoints.newest()
        raise EccentricError(f"{error}" + (f"; {kept} is kept, --resume goes on from it" if kept else "")) from None


def finish(out: Path, model: Autoencoder, data: Data) -> None:
    """What a trained model makes of the data: weights, components, latents, examples, evaluation."""
    z = {"train": encode(model, data.train.x), "test": encode(model, data.test.x)}
    if not all(latents.isfinite().all() for latents in z.values()):
        raise EccentricError("latents are NaN or infinite in evaluation mode; lower the learning rate")
    components = DeepComponents(model.method.traits.axes).fit(z["train"])
    splits = {"train": data.train, "test": data.test}
    latents = {
        name: Latents(
            p=components.encode(z[name]).numpy(),
            labels=label_names(data, split),
            rows=split.rows,
            z=z[name].numpy(),
            files=None if split.files is None else np.array(split.files),
        )
        for name, split in splits.items()
    }
    evaluation = evaluate(model, data, latents["train"].p, latents["test"].p)
    write_results(out, model, components, latents, choose_examples(data.test.x), evaluation)


def build_model(data: Data, config: TrainConfig, encoder: nn.Module | None, decoder: nn.Module | None) -> Autoencoder:
    """The model with its first weights, which depend on the seed alone."""
    if (encoder is None) != (decoder is None):
        raise UsageError("give both encoder and decoder, or neither")
    if len(data.train.x) < 2:
        raise UsageError(f"the training split of {data.name} holds {len(data.train.x)} item; at least 2 make a pair")
    networks = None if encoder is None or decoder is None else (encoder, decoder)
    if networks is not None and config.width != 1:
        raise UsageError("width is a setting of the built-in architectures; leave it at 1 with modules of your own")
    model, _ = start_model(
        data.train.x,
        data.spec,
        config.architecture,
        config.dim,
        method=config.make_method,
        width=config.width,
        seed=config.seed,
        networks=networks,
    )
    _check_shapes(model, data.train.x)
    return model


@torch.no_grad()
def _check_shapes(model: Autoencoder, x: Tensor) -> None:
    model.eval()
    target, wanted = model.standardize(x[:1]), model.method.encoder_width
    h = model.encoder(target)
    if tuple(h.shape) != (1, wanted):
        raise UsageError(
            f"the encoder makes latents of shape {tuple(h.shape[1:])}, but method {model.method.name} with dim "
            f"{model.method.dim} needs ({wanted},)"
        )
    reconstruction = model.decoder(model.method.encode(h))
    if reconstruction.shape != target.shape:
        made, given = tuple(reconstruction.shape[1:]), tuple(target.shape[1:])
        raise UsageError(f"the decoder makes items of shape {made}, but the data have {given}")


def describe(data: Data, config: TrainConfig, source: dict[str, Any] | None, engine: engines.Engine) -> dict[str, Any]:
    """The content of config.json: all that is needed to repeat the run."""
    return upgraded(
        {
            "status": "training",
            **describe_data(data, source),
            **config.to_json(),
            **engine.describe(),
            "versions": versions(),
        }
    )


def evaluate(model: Autoencoder, data: Data, train_p: np.ndarray, test_p: np.ndarray) -> dict[str, Any]:
    """Test reconstruction and nearest-neighbour error, beside PCA with the same number of components."""
    shift, scale = model.shift.cpu(), model.scale.cpu()
    pca_train, pca_test, pca_error = pca_encodings(
        data.train.x, data.test.x, train_p.shape[1], lambda x: ((x - shift) / scale).flatten(1).numpy()
    )
    result: dict[str, Any] = {
        "test_reconstruction": reconstruction_error(model, data.test.x),
        "pca_test_reconstruction": pca_error,
    }
    # Labels that nearly all differ name items, not classes.
    if data.train.labels is not None and data.test.labels is not None and 2 * len(data.label_names) <= len(train_p):
        neighbours = neighbours_for(len(train_p))
        labels = data.train.labels, data.test.labels
        result |= {
            "neighbours": neighbours,
            "neighbour_error": neighbour_error(train_p, labels[0], test_p, labels[1], neighbours),
            "pca_neighbour_error": neighbour_error(pca_train, labels[0], pca_test, labels[1], neighbours),
        }
    return result


def choose_examples(x: Tensor) -> Tensor:
    """A few items of the test split, at random (the same for every run), since a split may be sorted by class."""
    chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:EXAMPLES]
    return x[chosen]


def label_names(data: Data, split: Split) -> np.ndarray | None:
    """The labels as text, (n,), or None."""
    return None if split.labels is None else np.array(data.label_names)[split.labels]


def _random_state(device: torch.device) -> AbstractContextManager[None]:
    """Leave PyTorch's random state to the caller as it was."""
    return torch.random.fork_rng([device] if device.type == "cuda" else [])


def _seed(seed: int, device: torch.device) -> None:
    """Of what `_random_state` restores, and of no other device."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
