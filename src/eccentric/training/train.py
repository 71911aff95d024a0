"""A training run, from data to a complete run folder."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from eccentric._version import versions
from eccentric.errors import EccentricError, UsageError
from eccentric.models import Autoencoder, LinearSkip, choose_architecture, choose_start, start_model
from eccentric.models.general import Bypass
from eccentric.runs import Run, names
from eccentric.runs.checkpoints import Checkpoints
from eccentric.runs.claim import check_folder, claimed, clear_folder
from eccentric.runs.dataset import describe_data
from eccentric.runs.manifest import write_manifest
from eccentric.runs.metrics import MetricsFile
from eccentric.runs.resuming import changes_since, check_items
from eccentric.runs.upgrade import upgraded
from eccentric.training import engine as engines
from eccentric.training.batches import TensorBatches
from eccentric.training.config import TrainConfig
from eccentric.training.finishing import finish
from eccentric.training.loggers import find_loggers
from eccentric.training.loop import Training
from eccentric.training.metrics import columns
from eccentric.training.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from torch import nn

    from eccentric.data import Data
    from eccentric.training.metrics import Metrics


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
    evaluate_stopped: bool = True,
    on_metrics: Callable[[Metrics], None] = lambda metrics: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Run:
    """Train an autoencoder on `data` and write the run folder `out`.

    Under torchrun or srun, every rank calls this function with the same arguments, and the first rank writes. Each
    batch is divided among the ranks, and terms of the union batch use all of it. Networks with batch normalisation
    normalise by the share of each rank, so their training differs from that of one process; for other networks it is
    the same.

    Args:
        data: from `eccentric.data.load` or `from_arrays`. Rows may be memory-mapped.
        config: settings; the paper's by default.
        out: the run folder, created by this function.
        encoder, decoder: custom modules, (n, *shape) -> (n, dim) and back, for standardised data.
        source: description of how the data were loaded, for config.json.
        overwrite: replace an existing run in `out`.
        resume: resume the run in `out` from its last checkpoint, or start it if there is none. Settings and data must
            be those of the run, except for the settings in `runs.resuming.MAY_CHANGE`. On the CPU, the result is
            bitwise identical to that of an uninterrupted run.
        loggers: names of loggers in addition to metrics.csv: "tensorboard", "wandb", "mlflow".
        stop: set `stop.asked` to end after the current step; the folder is complete nevertheless.
        evaluate_stopped: whether a training that was stopped writes its results. Without them it ends sooner, and the
            folder can be resumed, but not read.
        on_metrics: called with each row of metrics, on the first rank.
        on_note: called with each note for the user, on the first rank.

    Raises:
        UsageError: the settings do not fit the data, or `out` contains other files or another run.
        EccentricError: training diverged, or the folder cannot be written or is in use. The last checkpoint is kept.
    """
    config = config or TrainConfig()
    stop = stop or Stop()
    out = Path(out)
    if engines.first_rank():
        check_folder(out, overwrite, resume)
        if resume and (out / names.CONFIG).exists():
            check_items(Run(out).config, data.spec)
    model = _start(data, config, encoder, decoder)
    chosen = choose_architecture(config.architecture, data.spec, model.method) if encoder is None else "custom"
    config = replace(config, architecture=chosen, start=choose_start(config.start, data.spec, chosen))
    batch_size = min(config.batch_size, len(data.train.x))
    items = len(data.train.x) // batch_size * batch_size * config.epochs
    work = engines.work_of(model, data.train.x) * items
    engine = engines.start(config, work, images=data.is_image, loggers=find_loggers(loggers, out))
    fabric = engine.fabric
    description = _describe(data, config, source, engine) if fabric.is_global_zero else {}
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
                file = MetricsFile(out, columns(config.term_titles), training.row_step)
                _train_and_save(training, file, checkpoints, stop, on_metrics)
                if training.finished or evaluate_stopped:
                    finish(out, model, data, config.axes)
                    stopped = f"stopped after {training.step} steps"
                    description["status"] = "finished" if training.finished else stopped
                    write_manifest(out, description)
            else:
                for _ in training.run(stop):
                    pass
            fabric.barrier()  # so that the folder is complete for every rank
        elif fabric.is_global_zero:
            on_note(f"{out} is finished; there is nothing left to do")
    return Run(out)


@dataclass(frozen=True)
class _Old:
    """State of a resumed run: a checkpoint, or a finished run."""

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
        return _Old(state, notes=(*changed, *(f"{reason}, so an older checkpoint is used" for reason in unusable)))
    if unusable or recorded["status"] != "training":  # the folder contains results
        reasons = "; ".join(unusable) or "the folder checkpoint is empty"
        raise EccentricError(f"{out} has no usable checkpoint ({reasons}); pass --overwrite to start again")
    return _Old(notes=(*changed, f"{out} has no checkpoint yet, so training starts again"))


def _train_and_save(
    training: Training,
    file: MetricsFile,
    checkpoints: Checkpoints,
    stop: Stop,
    on_metrics: Callable[[Metrics], None],
) -> None:
    """Train to the end and write rows and checkpoints."""
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
        raise EccentricError(
            f"{error}" + (f"; {kept} is kept, and --resume continues from it" if kept else "")
        ) from None


def _start(data: Data, config: TrainConfig, encoder: nn.Module | None, decoder: nn.Module | None) -> Autoencoder:
    """The model with its initial weights, which depend only on the seed."""
    if (encoder is None) != (decoder is None):
        raise UsageError("give both encoder and decoder, or neither of them")
    if len(data.train.x) < 2:
        raise UsageError(f"the training split of {data.name} has {len(data.train.x)} item; at least 2 are needed")
    networks = None if encoder is None or decoder is None else (encoder, decoder)
    if networks is not None and config.width != 1:
        raise UsageError("width is a setting of the built-in architectures; leave it at 1 with custom modules")
    model, _ = start_model(
        data.train.x,
        data.spec,
        config.architecture,
        config.dim,
        method=config.make_method,
        width=config.width,
        seed=config.seed,
        start=config.start,
        networks=networks,
    )
    from_pca = config.starts_from_pca(data.spec) if networks is None else config.start == "pca"
    if config.anchor and not (from_pca and isinstance(model.encoder, Bypass | LinearSkip)):
        raise UsageError(
            "anchor needs start pca and networks with a linear map in parallel: those for tables and images, or your "
            "own in eccentric.models.LinearSkip; change start, or leave anchor at 0"
        )
    return model


def _describe(data: Data, config: TrainConfig, source: dict[str, Any] | None, engine: engines.Engine) -> dict[str, Any]:
    """The content of config.json, which suffices to repeat the run."""
    return upgraded(
        {
            "status": "training",
            **describe_data(data, source),
            **config.to_json(),
            **engine.describe(),
            "versions": versions(),
        }
    )


def _random_state(device: torch.device) -> AbstractContextManager[None]:
    """Restore PyTorch's random state afterwards."""
    return torch.random.fork_rng([device] if device.type == "cuda" else [])


def _seed(seed: int, device: torch.device) -> None:
    """Seed the generators that `_random_state` restores, and no other device."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
