"""Trainings in other processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from eccentric.comparison.jobs import Job, Task
from eccentric.comparison.plan import Candidate, Setup
from eccentric.comparison.workers import work_off
from eccentric.errors import UsageError
from eccentric.runs import Run
from eccentric.training.stopping import Stop
from tests.comparison.test_methods import table_of

SETUP = Setup(runs=2, epochs=2, dim=2, batch_size=20, device="cpu")
PLAIN = Candidate("plain", "plain")


def test_a_process_trains_one_run_after_the_other(tmp_path):
    (tmp_path / "file").touch()
    jobs = [Job(PLAIN, 0, tmp_path / "run"), Job(PLAIN, 1, tmp_path / "file" / "run")]  # the second must fail
    events = []
    work_off(Task(table_of(), SETUP), jobs, 1, Stop(), lambda job, kind, value: events.append((job, kind, value)))
    assert [(job, kind) for job, kind, _ in events if kind != "epoch"] == [
        (jobs[0], "begun"),
        (jobs[0], "done"),
        (jobs[1], "begun"),
        (jobs[1], "failed"),
    ]
    assert Run(jobs[0].folder).finished
    assert "\n" not in events[-1][2]
    # In the same folder, other data are a mistake of the user's, which ends the comparison.
    stop = Stop()
    with pytest.raises(UsageError, match="other data"):
        work_off(Task(table_of(90), SETUP), jobs[:1], 1, stop, lambda *event: None)


def test_a_process_that_is_killed_is_a_failed_training(tmp_path, monkeypatch):
    monkeypatch.setattr("eccentric.comparison.workers._serve", _die)
    events = []
    work_off(
        Task(table_of(), SETUP), [Job(PLAIN, 0, Path(tmp_path))], 1, Stop(), lambda *event: events.append(event[1:])
    )
    assert events == [
        ("begun", None),
        ("failed", "killed, probably because the system ran out of memory"),
    ]


def _die(connection, task, threads):
    raise SystemExit(9)
