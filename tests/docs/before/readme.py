"""A batch of latents with a loss, and a table."""

import torch
from sklearn.datasets import load_iris

z = torch.randn(100, 6, requires_grad=True)
reconstruction_error = z.square().mean()
X = load_iris().data
X = X.repeat(2, axis=1) + X[:, [0] * 8] * 0.1  # eight columns, enough for six components
