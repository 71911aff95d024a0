"""Milestones: epochs after which a training is kept as it stands, so that its numbers can be seen to move.

A milestone of a run is a run folder of its own, `RUN/milestones/EPOCH`, with all but metrics and checkpoints.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from eccentric.files import atomic
from eccentric.runs.names import CHECKSUMS, COMPONENTS, CONFIG, EVALUATION, LATENTS, MODEL
from eccentric.training import Stop

if TYPE_CHECKING:
    from pathlib import Path

    from eccentric.training import Metrics

MILESTONES = (1, 3, 10, 30, 100, 300)
"""Epochs, a third of a decade apart. The last epoch of a run is none: there the run itself is."""
FOLDER = "milestones"
KEPT = (MODEL, COMPONENTS, LATENTS, EVALUATION, CHECKSUMS, CONFIG)
"""Files of a run that its milestones have as well; config.json last, which says that the rest is there."""


def milestone_path(run: Path, epoch: int) -> Path:
    return run / FOLDER / str(epoch)


def keep_milestone(run: Path, epoch: int) -> None:
    """Copy a run that was stopped at the end of an epoch."""
    path = milestone_path(run, epoch)
    path.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        with atomic(path / name) as temporary:
            shutil.copyfile(run / name, temporary)


class Pause(Stop):
    """A request to stop that a training gets at each milestone, and whenever `other` is asked.

    Attributes:
        epoch: the milestone at which it was asked, None where it was not.
    """

    def __init__(self, other: Stop, epochs: int) -> None:
        self.epoch: int | None = None
        self._other, self._epochs = other, epochs
        super().__init__()

    def after(self, metrics: Metrics) -> None:
        """See whether a row of metrics, which on an epoch's end has an error of the test items, reaches a milestone."""
        if metrics.test_reconstruction is not None and metrics.epoch in MILESTONES and metrics.epoch < self._epochs:
            self.epoch = metrics.epoch

    @property
    def asked(self) -> bool:
        return self.epoch is not None or self._other.asked

    @asked.setter
    def asked(self, value: bool) -> None:
        """Several ranks agree on a request by setting it."""
        self._other.asked = self._other.asked or (value and self.epoch is None)
