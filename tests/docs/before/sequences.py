"""Series of different lengths, and a recurrent network with a loss."""

import numpy as np
import torch
from torch import nn

from eccentric import eccentric_loss

generator = np.random.default_rng(0)
sequences = [generator.normal(size=(length, 12)).cumsum(0) for length in generator.integers(5, 15, size=60)]
gru = nn.GRU(12, 16, batch_first=True)
inputs = torch.randn(8, 10, 12)
task_loss, weight = torch.zeros(()), 0.001
