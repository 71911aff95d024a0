"""Embeddings of two views."""

import torch

a = torch.randn(100, 8, requires_grad=True)
b = a + 0.1 * torch.randn(100, 8)
