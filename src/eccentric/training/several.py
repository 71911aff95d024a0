"""Several seeds at once: each run is the command that trains it alone, in a process with its share of the cores.

That measured best on a CPU: two processes of one thread train two of the paper's MNIST networks in less time than two
threads train them one after the other (`python -m benchmarks.training`).
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
    """Run `eccentric train` for each seed, some at a time, into `out`/seed-0 and so on.

    A run is the same to the bit as one trained alone with as many threads (`OMP_NUM_THREADS`; config.json has it).

    Args:
        arguments: of `eccentric train`, but for --seed and --out.
        out: folder of the runs; what a run prints goes to `out`/seed-0.log until it has ended well.
        seeds: of the runs.
        stop: when asked, the runs are told to end, and do so as they would alone.
        at_once: how many, see `places`.
        on_epoch: called with a seed, the epoch it is in, and how many there will be, as often as one looks.

    Raises:
        EccentricError: runs failed; the others were finished.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for seed in seeds:  # of an earlier attempt, whose processes may still write to them
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
                    # A session of its own: Ctrl-C reaches this process alone, which tells the others.
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
                    # Whatever this process was sent: one that is still starting ends by SIGTERM at once, where an
                    # interrupt would be an exception, which not every library that is being loaded lets pass.
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
            reason = "killed, as a system short of memory does"
        raise EccentricError(f"seed {' and '.join(map(str, sorted(failed)))} failed ({reason}); see {path}")


@contextmanager
def _left_to_nobody(running: dict[int, subprocess.Popen[bytes]]) -> Iterator[None]:
    """End the runs if this process is interrupted: they have sessions of their own, which Ctrl-C does not reach."""
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
    """How many trainings share a device: one for each core, or four on an accelerator (not measured there)."""
    return _cores() if device.type == "cpu" else 4


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def folder_of(out: Path, seed: int) -> Path:
    return out / f"seed-{seed}"


def _log_of(out: Path, seed: int) -> Path:
    return out / f"seed-{seed}.log"


def _epochs(run: Path) -> tuple[int, int]:
    """The epoch of the last whole row of metrics, and the last epoch of all; zeros before they are known."""
    try:
        epochs = json.loads((run / CONFIG).read_text(encoding="utf-8"))["train"]["epochs"]
    except OSError:
        return 0, 0
    return last_epoch(run), epochs
