"""The trainings of a comparison. Each has its own run folder, and finished trainings are reused."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from eccentric.comparison.jobs import Job, is_finished, run_job
from eccentric.comparison.workers import work_off
from eccentric.errors import EccentricError, UsageError
from eccentric.runs import Run
from eccentric.runs.dataset import describe_data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from eccentric.comparison.jobs import Task
    from eccentric.comparison.plan import Candidate
    from eccentric.training.stopping import Stop

__all__ = ["Outcome", "Progress", "Trained", "train_all"]

RUNS = "runs"


class Progress(NamedTuple):
    """Progress of the trainings of a comparison."""

    done: int
    """Number of trainings that have ended."""
    total: int
    running: float
    """Sum of the completed fractions of the running trainings."""
    begun: Job | None
    """The training that has just started."""
    seconds_left: float | None
    """Estimated remaining time; None before the first training has ended."""


@dataclass(frozen=True)
class Trained:
    """The runs of a candidate by seed, without failed runs."""

    candidate: Candidate
    runs: list[Run]


@dataclass
class Outcome:
    """Result of all trainings.

    Attributes:
        trained: candidates with at least one finished run, in the given order.
        failed: reason of the first failure, by candidate.
        missing: number of unfinished trainings, by candidate.
    """

    trained: list[Trained] = field(default_factory=list)
    failed: dict[Candidate, str] = field(default_factory=dict)
    missing: dict[Candidate, int] = field(default_factory=dict)


def train_all(
    task: Task,
    candidates: Sequence[Candidate],
    out: Path,
    *,
    jobs: int,
    stop: Stop,
    on_progress: Callable[[Progress], None],
    on_note: Callable[[str], None],
) -> Outcome:
    """Train each candidate with each seed. All seeds of a candidate are trained before the next candidate starts.

    If the comparison ends early, the first methods are therefore complete.

    Args:
        task: data and settings of all trainings.
        candidates: candidates to train.
        out: folder of the comparison.
        jobs: number of trainings at a time; with more than one, each runs in its own process.
        stop: on request, the running trainings end after the current step.
        on_progress: called when a training starts, advances or ends.
        on_note: called with a sentence on each training that failed.

    Raises:
        UsageError: a run in the folder has other data or settings.
    """
    seeds = range(task.setup.runs)
    every = [Job(one, seed, out / RUNS / one.folder / f"seed-{seed}") for one in candidates for seed in seeds]
    described = describe_data(task.data, task.source)
    waiting = [job for job in every if not is_finished(task, described, job)]
    state = _State(len(every) - len(waiting), len(every), task.setup.epochs, on_progress, on_note)
    if jobs == 1:
        _one_by_one(task, waiting, stop, state.take)
    elif waiting:
        work_off(task, waiting, jobs, stop, state.take)
    outcome = Outcome()
    left = set(waiting) - state.ended
    for candidate in candidates:
        own = [job for job in every if job.candidate == candidate]
        runs = [Run(job.folder) for job in own if job not in left and job not in state.reasons]
        if runs:
            outcome.trained.append(Trained(candidate, runs))
        if reasons := [state.reasons[job] for job in own if job in state.reasons]:
            outcome.failed[candidate] = reasons[0]
        if unfinished := sum(job in left for job in own):
            outcome.missing[candidate] = unfinished
    return outcome


def _one_by_one(task: Task, jobs: Sequence[Job], stop: Stop, on_event: Callable[[Job, str, Any], None]) -> None:
    """Run jobs in this process. The events are those of `work_off`."""
    for job in jobs:
        if stop.asked:
            return
        on_event(job, "begun", None)
        try:
            finished = run_job(task, job, stop, lambda epoch, job=job: on_event(job, "epoch", epoch))  # type: ignore[misc]
        except UsageError:
            raise
        except EccentricError as error:
            on_event(job, "failed", str(error))
        else:
            on_event(job, "done" if finished else "stopped", None)


class _State:
    """Converts the events of trainings to progress, notes, and the sets of finished and failed jobs."""

    def __init__(
        self,
        done: int,
        total: int,
        epochs: int,
        on_progress: Callable[[Progress], None],
        on_note: Callable[[str], None],
    ) -> None:
        self.ended: set[Job] = set()
        self.reasons: dict[Job, str] = {}
        self._before, self._total, self._epochs = done, total, epochs
        self._on_progress, self._on_note = on_progress, on_note
        self._shares: dict[Job, float] = {}
        self._start = time.monotonic()

    def take(self, job: Job, kind: str, value: Any) -> None:
        """Process an event of `work_off`."""
        if kind == "epoch":
            self._shares[job] = value / self._epochs
        elif kind == "begun":
            self._shares[job] = 0.0
        else:
            del self._shares[job]
        if kind == "failed":
            self.reasons[job] = value
            self._on_note(f"{job} failed: {value}")
        if kind in ("done", "failed"):
            self.ended.add(job)
        running = sum(self._shares.values())
        done = self._before + len(self.ended)
        left = None
        if self.ended:
            pace = (time.monotonic() - self._start) / (len(self.ended) + running)
            left = pace * (self._total - done - running)
        self._on_progress(Progress(done, self._total, running, job if kind == "begun" else None, left))
