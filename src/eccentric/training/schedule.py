"""The learning rate by step, in closed form, so that a resumed run needs to know nothing but the step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eccentric.training.config import TrainConfig

WARM_UP = 0.1  # share of the steps in which a one-cycle rate rises


def rate(config: TrainConfig, step: int, steps: int | None) -> float:
    """Adam's learning rate for the step after `step` steps.

    "constant" is the paper's. "one-cycle" rises from nothing to `config.learning_rate` in the first tenth of the
    training, and falls to nothing along half a cosine (Smith and Topin 2017; the shape of today's fast recipes).

    Args:
        steps: in an epoch; None where it is not known, and the rate then constant.
    """
    if config.schedule == "constant" or steps is None:
        return config.learning_rate
    done = (step + 0.5) / (steps * config.epochs)
    if done < WARM_UP:
        return config.learning_rate * done / WARM_UP
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))
