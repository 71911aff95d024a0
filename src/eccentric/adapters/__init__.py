"""The loss inside other libraries: one module each, which imports nothing but what its users have installed.

`gradients` works in any training loop, `lightning` is a callback, and `metric_learning` has the signature of
pytorch-metric-learning. `eccentric.two_views.TwoViewLoss` has that of lightly. docs/use-it-in.md shows each of them.
"""
