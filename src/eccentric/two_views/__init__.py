"""Self-supervised training on two views of each item: an invariance term and a regularizer against collapse."""

from eccentric.two_views.loss import REGULARIZERS, TwoViewLoss
from eccentric.two_views.views import Views

__all__ = ["REGULARIZERS", "TwoViewLoss", "Views"]
