"""The learning rate as a function of the step, so that a resumed run needs only the step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eccentric.training.config import TrainConfig

WARM_UP = 0.1  # fraction of the steps in which the one-cycle rate rises
WARM_UP_STEPS = 100  # the same for the trapezoid, whose length need not be known in advance
COOL_DOWN = 3  # one third of the epochs of a trapezoid


def rate(config: TrainConfig, step: int, steps: int | None, epochs: int) -> float:
    """Learning rate of Adam for the step after `step` steps.

    "constant" is the schedule of the paper. "one-cycle" rises from zero to `config.learning_rate` in the first tenth of
    the training and falls to zero along half a cosine (Smith and Topin 2017). "trapezoid" rises in the first 100 steps
    (a tenth of the training if it is shorter), is constant, and falls linearly to zero in the last third of the epochs
    (Zhai et al. 2022). Until this decay begins, it does not depend on `epochs`, so that the end can be moved.

    Args:
        steps: number of steps in an epoch; None if unknown, in which case the rate is constant.
        epochs: number of epochs of the training.
    """
    if config.schedule == "constant" or steps is None:
        return config.learning_rate
    if config.schedule == "trapezoid":
        last, decay = steps * epochs, steps * decay_epoch(epochs)
        rise = min(WARM_UP_STEPS, WARM_UP * last)
        return config.learning_rate * min(1.0, (step + 0.5) / rise, (last - step - 0.5) / (last - decay))
    done = (step + 0.5) / (steps * epochs)
    if done < WARM_UP:
        return config.learning_rate * done / WARM_UP
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))


def decay_epoch(epochs: int) -> int:
    """Number of epochs of a trapezoid before its decay."""
    return epochs - math.ceil(epochs / COOL_DOWN)


def epochs_with_decay(epoch: int) -> int:
    """Number of epochs of a trapezoid whose decay begins after `epoch` epochs."""
    return epoch + math.ceil(epoch / (COOL_DOWN - 1))
