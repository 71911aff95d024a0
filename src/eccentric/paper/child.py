"""One job of the queue in a separate process: `python -m eccentric.paper.child`, with the job as JSON.

The queue holds the other end of the standard input of the job. When it is closed because the queue stops or was killed,
the job ends. Its state is on disk: a training can be resumed, and an item is computed again.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eccentric.errors import EccentricError
from eccentric.paper.making import make_item
from eccentric.paper.registry import ITEMS
from eccentric.paper.run_store import RunStore, Stopped
from eccentric.paper.scale import Scale, Spec
from eccentric.training import Stop, stop_on_signal

if TYPE_CHECKING:
    from eccentric.plots.style import Format

STOPPED = 75
"""Exit status of a job that was stopped."""


def train(spec: Spec, folder: str, scale: Scale, records: Path | None) -> int:
    """Train a run, and measure it for the items that take only a few values of it, so that these can be stored."""
    with stop_on_signal() as stop:
        threading.Thread(target=_ask_at_end_of_input, args=(stop,), daemon=True).start()
        store = RunStore(folder, scale, records=records, stop=stop, on_note=print)
        try:
            store.run(spec)
        except Stopped:
            return STOPPED
        for item in ITEMS.values():
            if item.measure is not None and spec in item.specs(store):
                with suppress(EccentricError):  # such as data without labels; making the item reports it
                    item.measure(store, spec)
    return 0


def make(name: str, folder: str, scale: Scale, records: Path | None, format: Format) -> int:
    threading.Thread(target=_end_at_end_of_input, daemon=True).start()
    store = RunStore(folder, scale, records=records, format=format, on_note=print)
    ITEMS[name].check(store)
    make_item(ITEMS[name], store)
    return 0


def _ask_at_end_of_input(stop: Stop) -> None:
    _wait_for_end_of_input()
    stop.asked = True


def _end_at_end_of_input() -> None:
    """Files are written atomically, so an item can be interrupted at any time."""
    _wait_for_end_of_input()
    os._exit(STOPPED)


def _wait_for_end_of_input() -> None:
    while os.read(0, 1024):  # not sys.stdin, because a daemon thread must not hold its lock at exit
        pass


def main(text: str) -> int:
    """Do {"folder": ..., "scale": {...}} with "train": {a Spec}, or "make": NAME and "format"; returns the exit status.

    "records" is a file with records of runs, if there is one.
    """
    job: dict[str, Any] = json.loads(text)
    scale = Scale(**job["scale"])
    records = Path(job["records"]) if job.get("records") else None
    try:
        if "train" in job:
            return train(Spec(**job["train"]), job["folder"], scale, records)
        return make(job["make"], job["folder"], scale, records, job["format"])
    except EccentricError as error:
        print(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
