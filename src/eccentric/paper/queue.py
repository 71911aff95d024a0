"""The queue of missing trainings and items, ordered by the number of open claims and processed by parallel jobs.

Each job is a separate process (`child`), so that trainings with one thread each use all cores, which is fastest on a
CPU (`python -m benchmarks.training`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from eccentric.errors import EccentricError
from eccentric.paper.child import STOPPED
from eccentric.paper.records import training_seconds
from eccentric.paper.writing import FIGURE, RESULT, read_result
from eccentric.training import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from eccentric.paper.items import Item
    from eccentric.paper.run_store import RunStore
    from eccentric.paper.scale import Spec

POLL_SECONDS = 0.5
RESERVE = 60.0
"""Seconds before the end at which jobs are stopped, so that they can write their state; at most a tenth of the time."""
PATIENCE = 120.0
"""Seconds that a job may take to stop before it is killed; its last checkpoint remains on disk."""
UNKNOWN_CLAIMS = 3
"""Assumed number of claims of an item that was never made."""


@dataclass(frozen=True)
class Job:
    """A job: train a run, or make an item with finished runs.

    Attributes:
        name: name of the run folder or of the item.
        spec: specification of the run; None for an item.
    """

    name: str
    spec: Spec | None = None


@dataclass
class Left:
    """Remaining work of the queue.

    Attributes:
        trainings: number of unfinished trainings.
        epochs: number of remaining epochs of these trainings.
        seconds: estimated time with the same number of jobs, from the time of finished runs; None if no run on the data
            set is finished.
        items: names of the items that were not made.
        failed: failed jobs with their reasons.
    """

    trainings: int = 0
    epochs: int = 0
    seconds: float | None = 0.0
    items: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


class Queue:
    """Makes items with parallel jobs.

    Args:
        items: items to make.
        store: store of runs and results; its `stop` ends the queue.
        known: function that returns the last result of an item by name, or None. Items with open claims come first, and
            an item is not made again from the same runs.
        on_job: called with a job and "begun", "done", "stopped" or "failed".
    """

    def __init__(
        self,
        items: Sequence[Item],
        store: RunStore,
        known: Callable[[str], dict[str, Any] | None] = lambda name: None,
        on_job: Callable[[Job, str], None] = lambda job, status: None,
    ) -> None:
        self._store, self._known, self._on_job = store, known, on_job
        self._failed: dict[str, str] = {}
        self._specs: dict[str, list[Spec]] = {}
        self._items: list[Item] = []
        for item in items:
            try:
                self._specs[item.name] = list(dict.fromkeys(item.specs(store)))
                if not self._is_made(item):
                    self._items.append(item)
            except EccentricError as error:  # the shape of data decides on runs, and these data cannot be read
                self._failed[item.name] = str(error)

    def work_off(self, jobs: int, seconds: float | None = None) -> Left:
        """Run jobs until nothing is left, time is up, or `stop` of the store is asked.

        Args:
            jobs: number of jobs at a time.
            seconds: time limit; jobs are stopped a little earlier, so that this method returns in time.
        """
        end = None if seconds is None else time.monotonic() + seconds - min(RESERVE, seconds / 10)
        running: dict[Job, subprocess.Popen[bytes]] = {}
        try:
            while not self._store.stop.asked and (end is None or time.monotonic() < end):
                while len(running) < jobs and (job := self._next(running)) is not None:
                    running[job] = self._start(job, jobs)
                    self._on_job(job, "begun")
                if not running:
                    break
                time.sleep(POLL_SECONDS)
                self._collect(running)
        finally:
            self._stop(running)
        return self._left(jobs)

    # --- order --------------------------------------------------------------------------------------------------------

    def _is_made(self, item: Item) -> bool:
        """Whether the last result of an item was computed from the current runs, with a figure in the format."""
        runs = sorted(f"runs/{self._store.path(spec).name}" for spec in self._specs[item.name])
        result = self._result(item.name)
        if result is None or result["conditions"].get("runs", []) != runs:
            return False
        wanted = (self._store.folder / item.name / FIGURE).with_suffix(f".{self._store.format}")
        return self._store.format == "png" or not result["figure"] or wanted.is_file()

    def _result(self, name: str) -> dict[str, Any] | None:
        return read_result(self._store.folder / name / RESULT) or self._known(name)

    def _next(self, running: dict[Job, Any]) -> Job | None:
        """The next job: an item with finished runs, or else a run of the item with the most open claims per missing
        run.
        """
        busy = {job.name for job in running}
        best: tuple[float, Job] | None = None
        for item in self._items:
            missing = self._store.missing(self._specs[item.name], item.name)
            names = {spec: self._store.path(spec).name for spec in self._specs[item.name]}
            if item.name in busy or {item.name, *names.values()} & self._failed.keys():
                continue
            if not missing and not busy & set(names.values()):  # a finished run may still be written to
                return Job(item.name)
            free = [spec for spec in missing if names[spec] not in busy]
            worth = self._open_claims(item.name) / max(1, len(missing))
            if free and (best is None or worth > best[0]):
                spec = min(free, key=lambda each: each.seed)
                best = worth, Job(names[spec], spec)
        return None if best is None else best[1]

    def _open_claims(self, name: str) -> int:
        result = self._result(name)
        if result is None:
            return UNKNOWN_CLAIMS
        return sum(claim["holds"] is not True for claim in result["claims"])

    # --- processes ----------------------------------------------------------------------------------------------------

    def _start(self, job: Job, jobs: int) -> subprocess.Popen[bytes]:
        scale = asdict(self._store.scale)
        scale["fid_weights"] = scale["fid_weights"] and str(scale["fid_weights"])
        records = self._store.records and str(self._store.records)
        order: dict[str, Any] = {"folder": str(self._store.folder), "scale": scale, "records": records}
        order |= {"make": job.name, "format": self._store.format} if job.spec is None else {"train": asdict(job.spec)}
        log = self._log(job)
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            file = log.open("wb")
        except OSError as error:
            raise EccentricError(f"cannot write to {log.parent}: {error.strerror}; choose another --work") from None
        environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, _cores() // jobs))}
        with file:
            # A separate session: only this process receives Ctrl-C and then stops the others.
            return subprocess.Popen(
                [sys.executable, "-m", "eccentric.paper.child", json.dumps(order)],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    def _log(self, job: Job) -> Path:
        return self._store.folder / "queue" / f"{job.name}.log"

    def _collect(self, running: dict[Job, subprocess.Popen[bytes]]) -> None:
        """Remove jobs that have ended from the running ones."""
        for job in [job for job, process in running.items() if process.poll() is not None]:
            process = running.pop(job)
            assert process.stdin is not None
            process.stdin.close()
            if process.returncode == 0:
                self._log(job).unlink(missing_ok=True)
                self._items = [item for item in self._items if item.name != job.name]
                self._on_job(job, "done")
            elif process.returncode == STOPPED:
                self._log(job).unlink(missing_ok=True)
                self._on_job(job, "stopped")
            else:
                lines = self._log(job).read_text(encoding="utf-8", errors="replace").splitlines()
                reason = lines[-1].removeprefix("error: ") if lines else f"exit status {process.returncode}"
                self._failed[job.name] = f"{reason}; see {self._log(job)}"
                self._on_job(job, "failed")

    def _stop(self, running: dict[Job, subprocess.Popen[bytes]]) -> None:
        for process in running.values():
            assert process.stdin is not None
            process.stdin.close()
        patience = time.monotonic() + PATIENCE
        while running and time.monotonic() < patience:
            self._collect(running)
            time.sleep(POLL_SECONDS / 5)
        for process in running.values():
            process.kill()
            process.wait()

    # --- what is left -------------------------------------------------------------------------------------------------

    def _left(self, jobs: int) -> Left:
        missing_by_item = (self._store.missing(self._specs[item.name], item.name) for item in self._items)
        missing = list(dict.fromkeys(spec for specs in missing_by_item for spec in specs))
        left = Left(len(missing), items=[item.name for item in self._items], failed=self._failed)
        pace = self._pace()
        for spec in missing:
            epochs = self._store.settings(spec).epochs - epochs_done(self._store.path(spec))
            left.epochs += epochs
            if left.seconds is not None:
                left.seconds = left.seconds + epochs * pace[spec.role] / jobs if spec.role in pace else None
        return left

    def _pace(self) -> dict[str, float]:
        """Seconds per epoch for each data set, averaged over its finished runs."""
        found: dict[str, list[float]] = defaultdict(list)
        for spec in {spec for specs in self._specs.values() for spec in specs}:
            if self._store.is_finished(spec):
                run = Run(self._store.path(spec))
                found[spec.role].append(training_seconds(run) / self._store.settings(spec).epochs)
        return {role: sum(values) / len(values) for role, values in found.items()}


def epochs_done(path: Path) -> int:
    """Number of completed epochs of a run, which may be finished, in training, or not started."""
    try:
        metrics = Run(path).metrics
    except EccentricError:
        return 0
    tested = metrics["test_reconstruction"]
    return int((tested == tested).sum())  # NaN in rows within an epoch


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
