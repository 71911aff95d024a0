"""
Digits: what each component draws
=================================

An autoencoder with six components is trained on scikit-learn's digits, 8 by 8 pixels. Each pair of images shows the
decoder's output at minus and plus two standard deviations along one component.
"""

import tempfile

from eccentric import plots
from eccentric.data import load
from eccentric.inference import decode
from eccentric.training import TrainConfig, train

folder = tempfile.mkdtemp()
run = train(load("digits"), TrainConfig(dim=6, epochs=25, learning_rate=3e-3, log_every=100), f"{folder}/run")
components = run.components
pairs = decode(run.model(), components.eigenpairs().reshape(-1, 6)).reshape(6, 2, 1, 8, 8)
pictures = plots.eigenpairs(pairs.numpy(), components.eigenvalues.numpy())

# %%
# The first two components of the test items, coloured by the digit, which the training does not know.

test = run.latents("test")
scatter = plots.scatter(test.p, test.labels, components.eigenvalues.numpy())
