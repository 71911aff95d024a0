"""Plots: each function takes plain arrays and returns a matplotlib figure, without pyplot.

Figures are `WIDTH` inches wide with text of 9 points, so that they fit a column of text without scaling. Components are
numbered from 1: p1, p2, ... Images are (channels, height, width) with values from 0 to 255.

>>> import numpy as np
>>> from eccentric import plots
>>> figure = plots.spectrum(np.array([1.21, 1.09, 1.02, 0.99, 0.90, 0.52]))
>>> plots.png(figure)[1:4]
b'PNG'
"""

from eccentric.plots.alignment import cross_correlation
from eccentric.plots.grids import planes, spectra
from eccentric.plots.images import eigenpairs, grid, reconstructions, samples
from eccentric.plots.labels import label_kind
from eccentric.plots.latents import MOST_POINTS, histogram, scatter, spectrum
from eccentric.plots.pairs import PairPanel, pair_panels
from eccentric.plots.sequences import MOST_CURVES, MOST_SEQUENCES, curve_reconstructions, eigencurves
from eccentric.plots.style import MOST_PAIRS, WIDTH, file_bytes, png, write_figure
from eccentric.plots.tables import MOST_FEATURES, feature_effects, feature_errors
from eccentric.plots.theorem import force_balance, radius_deviation, repulsive_forces
from eccentric.plots.training import curves
from eccentric.plots.trend import trends

__all__ = [
    "MOST_CURVES",
    "MOST_FEATURES",
    "MOST_PAIRS",
    "MOST_POINTS",
    "MOST_SEQUENCES",
    "WIDTH",
    "PairPanel",
    "cross_correlation",
    "curve_reconstructions",
    "curves",
    "eigencurves",
    "eigenpairs",
    "feature_effects",
    "feature_errors",
    "file_bytes",
    "force_balance",
    "grid",
    "histogram",
    "label_kind",
    "pair_panels",
    "planes",
    "png",
    "radius_deviation",
    "reconstructions",
    "repulsive_forces",
    "samples",
    "scatter",
    "spectra",
    "spectrum",
    "trends",
    "write_figure",
]
