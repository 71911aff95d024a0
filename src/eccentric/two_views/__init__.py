"""Self-supervised training on two views of each item: an invariance term and a regularizer against collapse."""

from eccentric.methods.embeddings import REGULARIZERS
from eccentric.two_views.loss import TwoViewLoss
from eccentric.two_views.views import Views

__all__ = ["REGULARIZERS", "TwoViewLoss", "Views"]
