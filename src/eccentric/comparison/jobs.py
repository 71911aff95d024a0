"""One training of a comparison."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eccentric.errors import EccentricError
from eccentric.models import choose_architecture, choose_start
from eccentric.runs import Run
from eccentric.runs.resuming import changes_since
from eccentric.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eccentric.comparison.plan import Candidate, Setup
    from eccentric.data import Data
    from eccentric.training.stopping import Stop

__all__ = ["Job", "Task", "is_finished", "run_job"]


@dataclass(frozen=True)
class Job:
    """The training of a candidate with one seed, which is written to its own run folder."""

    candidate: Candidate
    seed: int
    folder: Path

    def __str__(self) -> str:
        return f"{self.candidate}, seed {self.seed}"


@dataclass(frozen=True)
class Task:
    """Data and settings that all jobs have in common.

    Attributes:
        data: training and test rows.
        setup: network and budget.
        source: arguments with which the data were loaded, recorded in config.json.
    """

    data: Data
    setup: Setup
    source: dict[str, Any] | None = None


def run_job(task: Task, job: Job, stop: Stop, on_epoch: Callable[[int], None]) -> bool:
    """Train or resume a run; return whether it was trained to its last epoch.

    Args:
        task: data and setup.
        job: the training.
        stop: on request, the training ends after the current step and can be resumed.
        on_epoch: called with the number of epochs that were started.

    Raises:
        UsageError: the folder contains a run with other data or settings.
        EccentricError: training diverged.
    """
    config = task.setup.config(job.candidate.method, job.candidate.settings, job.seed)
    run = train(
        task.data,
        config,
        job.folder,
        source=task.source,
        resume=True,
        stop=stop,
        evaluate_stopped=False,
        on_metrics=lambda metrics: on_epoch(metrics.epoch),
    )
    return run.finished


def is_finished(task: Task, described: dict[str, Any], job: Job) -> bool:
    """Whether the folder of a job contains its finished run.

    Args:
        task: data and setup.
        described: description of the data, see `eccentric.runs.dataset.describe_data`.
        job: the training.

    Raises:
        UsageError: the folder contains a run with other data or settings.
    """
    try:
        run = Run(job.folder)
        if not run.finished:
            return False
    except EccentricError:
        return False
    config = task.setup.config(job.candidate.method, job.candidate.settings, job.seed)
    chosen = choose_architecture(config.architecture, task.data.spec)
    config = replace(config, architecture=chosen, start=choose_start(config.start, task.data.spec, chosen))
    changes_since(run.config, {**run.config, **described, **config.to_json()})
    return True
