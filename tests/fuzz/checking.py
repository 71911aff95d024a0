"""Runs of many cases through one door, in a process of their own: a crash or a hang of a library is found, too.

Prints one JSON object: cases, how many were right and how many refused in one line, and the seeds of all others.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccentric.data import load_all
from eccentric.errors import EccentricError
from tests.fuzz.files import DOORS, Case
from tests.fuzz.kills import kill_a_save, make_estimator
from tests.fuzz.runs import make_run, read_run, spoil

if TYPE_CHECKING:
    from eccentric import EccentricAutoencoder

__all__ = ["SECONDS", "check_one", "main"]

SECONDS = 10  # of the processor's time, so that a loaded machine is no failure
WAITING = 120  # seconds by the clock: a case that waits for something uses no processor time


class Hang(BaseException):
    """A case took more than `SECONDS` of processor time, or waited for `WAITING` seconds."""


def _alarm(signum: int, frame: object) -> None:
    raise Hang


def check_one(
    door: str, seed: int, folder: Path, run: Path | None = None, estimator: EccentricAutoencoder | None = None
) -> str:
    """ "right", "refused", or what is wrong."""
    random = np.random.default_rng([seed, *door.encode()])
    folder.mkdir(parents=True)
    previous = {number: signal.signal(number, _alarm) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(WAITING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if estimator is not None:
                return kill_a_save(estimator, folder, random)
            if run is not None:
                read_run(spoil(run, folder, random))
                return "right"
            return _judge(DOORS[door](folder, random))
    except EccentricError as error:
        return "refused" if "\n" not in str(error) and str(error) else f"wrong: {error!r} is no single line"
    except Hang:
        return f"wrong: more than {SECONDS} s of processor time, or {WAITING} s of waiting"
    except Exception:
        return "wrong: " + traceback.format_exc(limit=-3)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _judge(case: Case) -> str:
    items = load_all(case.path)
    count = sum(len(split.x) for split in items.splits.values())
    if case.items is not None and count != case.items:
        return f"wrong: {count} items of {case.items}"
    for split in items.splits.values():
        if not split.x.float().isfinite().all():
            return "wrong: a number that is not finite"
        if split.labels is not None and not (split.labels >= 0).all() & (split.labels < len(items.label_names)).all():
            return "wrong: a label without a name"
    if case.values is not None:
        found = next(iter(items.splits.values())).x.numpy()
        if found.shape != case.values.shape or not np.allclose(found, case.values, atol=1e-5):
            return "wrong: other values"
    return "right"


def main(door: str, start: int, seconds: float) -> None:
    counts: Counter[str] = Counter()
    wrong: dict[int, str] = {}
    ends = time.monotonic() + seconds
    seed = start
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder)) if door == "run folders" else None
        estimator = make_estimator() if door == "killed saves" else None
        while time.monotonic() < ends:
            print(seed, file=sys.stderr)  # the last line names the case if a library crashes
            result = check_one(door, seed, Path(folder, str(seed)), run, estimator)
            counts[result.partition(":")[0]] += 1
            if result.startswith("wrong"):
                wrong[seed] = result
            seed += 1
    print(json.dumps({"door": door, "cases": seed - start, **counts, "seeds": wrong}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
