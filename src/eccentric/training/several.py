"""Parallel training of several seeds. Each run is a separate `eccentric train` process with its share of the cores.

This was fastest on a CPU: two processes with one thread each train two of the paper's MNIST networks in less time than
two threads train them one after the other (`python -m benchmarks.training`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eccentric.errors import EccentricError
from eccentric.runs.metrics import last_epoch
from eccentric.runs.names import CONFIG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import torch

    from eccentric.training.stopping import Stop

POLL_SECONDS = 0.5


def train_several(
    arguments: Sequence[str],
    out: Path,
    seeds: Sequence[int],
    stop: Stop,
    *,
    at_once: int,
    on_epoch: Callable[[int, int, int], None] = lambda seed, epoch, epochs: None,
) -> None:
    """Run `eccentric train` for each seed, several at a time, with output folders `out`/seed-0 and so on.

    A run is bitwise identical to one trained alone with the same number of threads (`OMP_NUM_THREADS`, recorded in
    config.json).

    Args:
        arguments: arguments of `eccentric train`, without --seed and --out.
        out: folder of the runs; the output of a run is written to `out`/seed-0.log, which is removed after success.
        seeds: seeds of the runs.
        stop: request to stop, which is passed to the runs.
        at_once: number of runs at a time, see `places`.
        on_epoch: called repeatedly with a seed, its current epoch and the number of epochs.

    Raises:
        EccentricError: a run failed; the others were completed.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for seed in seeds:  # logs of an earlier attempt, to which its processes may still write
            _log_of(out, seed).unlink(missing_ok=True)
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {out}: {error.strerror}; choose another") from None
    at_once = min(len(seeds), at_once)
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, _cores() // at_once))}
    waiting, running = list(seeds), dict[int, subprocess.Popen[bytes]]()
    failed: dict[int, int] = {}
    told = False
    with _left_to_nobody(running):
        while waiting or running:
            while waiting and len(running) < at_once and not stop.asked:
                seed = waiting.pop(0)
                command = [sys.executable, "-m", "eccentric.training.child", str(os.getpid()), "train", *arguments]
                command += ["--seed", str(seed), "--out", str(folder_of(out, seed))]
                with _log_of(out, seed).open("xb") as log:
                    # A separate session: only this process receives Ctrl-C and informs the others.
                    running[seed] = subprocess.Popen(
                        command,
                        stdin=subprocess.PIPE,  # closed when this process ends, see `child`
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        env=environment,
                        start_new_session=True,
                    )
            if stop.asked:
                waiting.clear()
                if not told:
                    # SIGTERM regardless of the signal received: a process that is still starting ends at once, while an
                    # interrupt would raise an exception that some libraries suppress during their import.
                    for process in running.values():
                        process.terminate()
                    told = True
            time.sleep(POLL_SECONDS)
            for seed in list(running):
                on_epoch(seed, *_epochs(folder_of(out, seed)))
                status = running[seed].poll()
                if status is None:
                    continue
                _close(running.pop(seed))
                if status == 0 or (stop.asked and status in (128 + signal.SIGTERM, -signal.SIGTERM)):
                    _log_of(out, seed).unlink(missing_ok=True)
                else:
                    failed[seed] = status
    if failed:
        first = min(failed)
        path = _log_of(out, first)
        reason = _last_line(path).removeprefix("error: ")
        if failed[first] == -signal.SIGKILL:
            reason = "killed, probably because the system ran out of memory"
        raise EccentricError(f"seed {' and '.join(map(str, sorted(failed)))} failed ({reason}); see {path}")


@contextmanager
def _left_to_nobody(running: dict[int, subprocess.Popen[bytes]]) -> Iterator[None]:
    """End the runs if this process is interrupted, because Ctrl-C does not reach their sessions."""
    try:
        yield
    except BaseException:
        for process in running.values():
            process.terminate()
            _close(process)
        raise


def _close(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return "its log was removed"
    return "".join(lines[-1:])


def places(device: torch.device) -> int:
    """Number of trainings that share a device: one per core, or four on an accelerator (not measured)."""
    return _cores() if device.type == "cpu" else 4


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def folder_of(out: Path, seed: int) -> Path:
    return out / f"seed-{seed}"


def _log_of(out: Path, seed: int) -> Path:
    return out / f"seed-{seed}.log"


def _epochs(run: Path) -> tuple[int, int]:
    """The epoch of the last complete row of metrics and the number of epochs; zeros until they are known."""
    try:
        epochs = json.loads((run / CONFIG).read_text(encoding="utf-8"))["train"]["epochs"]
    except OSError:
        return 0, 0
    return last_epoch(run), epochs
