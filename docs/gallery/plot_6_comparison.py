"""
Methods compared: their spectra
===============================

The same networks and the same budget, trained for three objectives. Drawn is each component's share of the variance.
``eccentric compare`` does this with all methods and measures errors, stability and samples; the results are in
:doc:`/comparison`.
"""

import tempfile

from eccentric import plots
from eccentric.data import load
from eccentric.training import TrainConfig, train

folder, data = tempfile.mkdtemp(), load("digits")
spectra = {}
for method in ("eccentric", "plain", "vae"):
    config = TrainConfig(method=method, dim=6, epochs=15, learning_rate=3e-3, log_every=100)
    run = train(data, config, f"{folder}/{method}")
    variances = run.components.eigenvalues.numpy()
    spectra[method] = (variances / variances.sum())[None]
    print(f"{method}: test error {run.evaluation['test_reconstruction']:.4f}")
figure = plots.spectra([list(spectra.values())], [list(spectra)])
