"""The trainings of a comparison, one run folder each; finished ones are used again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from eccentric.errors import EccentricError, UsageError
from eccentric.runs import Run
from eccentric.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from eccentric.comparison.plan import Candidate, Setup
    from eccentric.data import Data
    from eccentric.training.metrics import Metrics
    from eccentric.training.stopping import Stop

RUNS = "runs"


class Progress(NamedTuple):
    """Where the trainings of a comparison stand."""

    done: int
    """Trainings that are finished."""
    total: int
    candidate: Candidate
    seed: int
    epoch: int
    """Epochs of this training that have begun."""
    epochs: int
    seconds_left: float | None
    """Estimated from the trainings so far; None before the first has ended."""


@dataclass(frozen=True)
class Trained:
    """The runs of a candidate by seed; without those that failed."""

    candidate: Candidate
    runs: list[Run]


def train_all(
    data: Data,
    candidates: Sequence[Candidate],
    setup: Setup,
    out: Path,
    *,
    source: dict[str, Any] | None,
    stop: Stop,
    on_progress: Callable[[Progress], None],
    on_note: Callable[[str], None],
) -> list[Trained] | None:
    """Train every candidate with every seed; None if asked to stop before the end.

    Seeds come last in the order of work, so that methods that fail do so early. A training that diverges is noted and
    left out.

    Raises:
        EccentricError: all trainings of the plain autoencoder failed.
        UsageError: a run in the folder belongs to other data or settings.
    """
    total = len(candidates) * setup.runs
    found: dict[Candidate, list[Run]] = {candidate: [] for candidate in candidates}
    done, spent, trained = 0, 0.0, 0
    for seed in range(setup.runs):
        for candidate in candidates:
            folder = out / RUNS / candidate.folder / f"seed-{seed}"
            left = None if not trained else spent / trained * (total - done)
            on_progress(Progress(done, total, candidate, seed, 0, setup.epochs, left))
            fresh, start = not _finished(folder), time.monotonic()

            def show(
                metrics: Metrics,
                at: tuple[int, Candidate, int, float | None] = (done, candidate, seed, left),
            ) -> None:
                done, candidate, seed, left = at
                on_progress(Progress(done, total, candidate, seed, metrics.epoch, setup.epochs, left))

            try:
                run = train(
                    data,
                    setup.config(candidate.method, candidate.settings, seed),
                    folder,
                    source=source,
                    resume=True,
                    stop=stop,
                    on_metrics=show,
                )
            except UsageError:
                raise
            except EccentricError as error:
                on_note(f"{candidate}, seed {seed} failed: {error}")
            else:
                if stop.asked and not run.finished:
                    return None
                found[candidate].append(run)
            done += 1
            if fresh:
                spent, trained = spent + time.monotonic() - start, trained + 1
            if stop.asked and done < total:
                return None
    if not found[candidates[0]]:
        raise EccentricError("every training of the plain autoencoder failed; lower the learning rate")
    return [Trained(candidate, runs) for candidate, runs in found.items() if runs]


def _finished(folder: Path) -> bool:
    try:
        return Run(folder).finished
    except EccentricError:
        return False
