"""Names, folders, arrays and hub ids -> tensors, decoded once.

>>> from eccentric.data import load
>>> digits = load("digits")
>>> digits.train.x.shape, digits.train.x.dtype, digits.split
(torch.Size([1438, 1, 8, 8]), torch.uint8, '20 % held out at random, seed 0')

Reading images item by item is what makes small trainings slow, so everything is decoded once and kept: images as uint8
(MNIST 55 MB, CelebA at 64x64 2.5 GB), tables as float32 in their own units (the model standardises).
"""

from eccentric.data.items import ItemSpec
from eccentric.data.loading import from_arrays, load, load_all
from eccentric.data.splits import Data, Items, Split

__all__ = ["Data", "ItemSpec", "Items", "Split", "from_arrays", "load", "load_all"]
