"""Images of 28 x 28 pixels, and networks for them."""

import numpy as np
from torch import nn

from eccentric.data import from_arrays

data = from_arrays(np.random.default_rng(0).integers(0, 256, size=(300, 28, 28), dtype=np.uint8))
encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 8))
decoder = nn.Sequential(nn.Linear(8, 784), nn.Unflatten(1, (1, 28, 28)))
