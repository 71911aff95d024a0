"""The learning rate as a function of the step, so that a resumed run needs only the step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eccentric.training.config import TrainConfig

WARM_UP = 0.1  # fraction of the steps in which the one-cycle rate rises


def rate(config: TrainConfig, step: int, steps: int | None) -> float:
    """Learning rate of Adam for the step after `step` steps.

    "constant" is the schedule of the paper. "one-cycle" rises from zero to `config.learning_rate` in the first tenth of
    the training and falls to zero along half a cosine (Smith and Topin 2017).

    Args:
        steps: number of steps in an epoch; None if unknown, in which case the rate is constant.
    """
    if config.schedule == "constant" or steps is None:
        return config.learning_rate
    done = (step + 0.5) / (steps * config.epochs)
    if done < WARM_UP:
        return config.learning_rate * done / WARM_UP
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))
