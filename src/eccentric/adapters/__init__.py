"""The loss in other libraries. Each module imports only the library that it supports.

`gradients` works in any training loop, `lightning` is a callback, and `metric_learning` has the signature of
pytorch-metric-learning. `eccentric.two_views.TwoViewLoss` has the signature of lightly. docs/use-it-in.md shows how to
use them.
"""
