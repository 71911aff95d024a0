"""Data loading: names, folders, files, arrays and hub ids are converted to tensors once.

>>> from eccentric.data import load
>>> digits = load("digits")
>>> digits.train.x.shape, digits.train.x.dtype, digits.split
(torch.Size([1438, 1, 8, 8]), torch.uint8, '20 % held out at random, seed 0')

Decoding images in every epoch would dominate the time of small trainings. All data are therefore decoded once and kept
in memory: images as uint8 (MNIST 55 MB, CelebA at 64x64 2.5 GB), tables as float32 in their original units (the model
standardises them).
"""

from eccentric.data.items import ItemSpec
from eccentric.data.loading import from_arrays, load, load_all
from eccentric.data.splits import Data, Items, Split

__all__ = ["Data", "ItemSpec", "Items", "Split", "from_arrays", "load", "load_all"]
