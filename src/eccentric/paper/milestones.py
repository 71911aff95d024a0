"""Milestones: epochs after which a copy of the run is stored, to show results over the course of training.

A milestone of a run is a run folder `RUN/milestones/EPOCH` without metrics and checkpoints.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from eccentric.files import atomic, read_json
from eccentric.runs.names import CHECKSUMS, COMPONENTS, CONFIG, EVALUATION, LATENTS, MODEL
from eccentric.training import Stop

if TYPE_CHECKING:
    from pathlib import Path

    from eccentric.training import Metrics

MILESTONES = (1, 3, 10, 30, 100, 300)
"""Epochs of milestones, a third of a decade apart. The last epoch is not a milestone, because the run itself is stored.
"""
FOLDER = "milestones"
KEPT = (MODEL, COMPONENTS, LATENTS, EVALUATION, CHECKSUMS, CONFIG)
"""Files of a run that are copied to milestones; config.json is the last one and marks a complete copy."""


def milestone_path(run: Path, epoch: int) -> Path:
    return run / FOLDER / str(epoch)


def keep_milestone(run: Path, epoch: int) -> None:
    """Copy a run that was stopped at the end of an epoch."""
    path = milestone_path(run, epoch)
    path.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        with atomic(path / name) as temporary:
            shutil.copyfile(run / name, temporary)


def complete_milestone(run: Path, steps_per_epoch: int) -> None:
    """Copy a run that was stopped at a milestone, if the process was killed before the copy was complete."""
    if not (run / CONFIG).is_file():
        return
    status = read_json(run / CONFIG).get("status")
    for epoch in MILESTONES:
        copied = (milestone_path(run, epoch) / CONFIG).is_file()
        if status == f"stopped after {epoch * steps_per_epoch} steps" and not copied:
            keep_milestone(run, epoch)


class Pause(Stop):
    """A request to stop a training at each milestone, and whenever `other` is asked.

    Attributes:
        epoch: the milestone at which the stop was requested; None otherwise.
    """

    def __init__(self, other: Stop, epochs: int) -> None:
        self.epoch: int | None = None
        self._other, self._epochs = other, epochs
        super().__init__()

    def after(self, metrics: Metrics) -> None:
        """Check whether a row of metrics reaches a milestone; rows at the end of an epoch contain the test error."""
        if metrics.test_reconstruction is not None and metrics.epoch in MILESTONES and metrics.epoch < self._epochs:
            self.epoch = metrics.epoch

    @property
    def asked(self) -> bool:
        return self.epoch is not None or self._other.asked

    @asked.setter
    def asked(self, value: bool) -> None:
        """With several ranks, setting the attribute makes the ranks agree on the request."""
        self._other.asked = self._other.asked or (value and self.epoch is None)
