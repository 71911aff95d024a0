"""
Image search with eight numbers
===============================

Embeddings of digits, 256 numbers each, are compressed to eight components. The nearest images by these eight numbers
are shown for six images asked for (``examples/image_search.py``). The network of the embeddings has never seen these
digits.
"""

import image_search
import numpy as np

from eccentric import EccentricAutoencoder

x, images, digits = image_search.embedded()
library, asked = np.arange(len(x)) % 4 > 0, np.arange(len(x)) % 4 == 0
model = EccentricAutoencoder(8, standardize=False, max_epochs=20, random_state=0).fit(x[library])
found = image_search.search(model.transform(x[library]), model.transform(x[asked]))
same = (digits[library][found] == digits[asked][:, None]).mean()
print(f"of the ten nearest, {100 * same:.0f} % show the digit asked for")
nearest = image_search.drawn(images[asked], images[library], found)
