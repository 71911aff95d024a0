"""Trainings in several processes, each of which trains one run after another.

A process imports the libraries once for all of its trainings. It ends when its parent process ends, for any reason.
An interrupted training can be resumed from its checkpoint.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from eccentric.comparison.jobs import run_job
from eccentric.errors import EccentricError, UsageError
from eccentric.training.stopping import stop_on_signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from eccentric.comparison.jobs import Job, Task
    from eccentric.training.stopping import Stop

__all__ = ["cores", "work_off"]

POLL_SECONDS = 0.2
KILLED = "killed, probably because the system ran out of memory"


class _Worker(NamedTuple):
    process: SpawnProcess
    connection: Connection


def work_off(
    task: Task, jobs: Sequence[Job], count: int, stop: Stop, on_event: Callable[[Job, str, Any], None]
) -> None:
    """Run jobs in order, `count` at a time.

    Args:
        task: data and settings of all jobs; sent to each process once.
        jobs: jobs to run.
        count: number of processes, which share the cores.
        stop: on request, the running jobs end after the current step, and no further job starts.
        on_event: called with a job and "begun", "epoch" and the epoch that has started, "done", "stopped", or "failed"
            and the reason.

    Raises:
        UsageError: the folder of a job contains a run with other data or settings.
    """
    waiting = deque(jobs)
    busy: dict[Connection, Job] = {}
    idle: list[_Worker] = []
    workers: dict[Connection, _Worker] = {}
    threads = max(1, cores() // count)
    told = False
    try:
        while busy or (waiting and not stop.asked):
            if stop.asked and not told:
                for connection in busy:
                    workers[connection].process.terminate()  # the process handles SIGTERM as a request to stop
                told = True
            while waiting and not stop.asked and len(busy) < count:
                if not idle:
                    worker = _start(task, threads)
                    workers[worker.connection] = worker
                    idle.append(worker)
                worker, job = idle.pop(), waiting.popleft()
                worker.connection.send(job)
                busy[worker.connection] = job
                on_event(job, "begun", None)
            ready: list[Any] = wait(list(busy), timeout=POLL_SECONDS)
            for connection in ready:
                job = busy[connection]
                kind: str
                try:
                    kind, value = connection.recv()
                except (EOFError, OSError):  # the process has ended
                    kind, value = ("stopped", None) if stop.asked else ("failed", KILLED)
                    del workers[connection]
                else:
                    if kind != "epoch":
                        idle.append(workers[connection])
                if kind != "epoch":
                    del busy[connection]
                if kind == "misuse":
                    raise UsageError(value)
                on_event(job, kind, value)
    finally:
        for worker in workers.values():
            worker.connection.close()  # an idle process ends on its own
        for connection in busy:
            workers[connection].process.terminate()
        for worker in workers.values():
            worker.process.join()


def cores() -> int:
    """Number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(task: Task, threads: int) -> _Worker:
    # Processes are spawned, because a fork would inherit the state of PyTorch's threads without the threads.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, task, threads), daemon=True)
    with _signals_ignored():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """Ignore Ctrl-C and a closed terminal while a process starts, which inherits this: its imports take seconds."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve(connection: Connection, task: Task, threads: int) -> None:
    """Run the jobs received through the connection until its other end is closed."""
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with stop_on_signal() as stop:
        while True:
            try:
                job = connection.recv()
                connection.send(_outcome(task, job, stop, connection))
            except (EOFError, OSError):  # the other end is closed
                return


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _outcome(task: Task, job: Job, stop: Stop, connection: Connection) -> tuple[str, str | None]:
    try:
        finished = run_job(task, job, stop, lambda epoch: connection.send(("epoch", epoch)))
    except UsageError as error:
        return "misuse", str(error)
    except EccentricError as error:
        return "failed", str(error)
    return ("done" if finished else "stopped"), None
