"""A batch of latents with a loss."""

import torch

z = torch.randn(100, 6, requires_grad=True)
reconstruction_error = z.square().mean()
