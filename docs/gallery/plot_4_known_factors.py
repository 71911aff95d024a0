"""
Known factors: are they found again?
====================================

A table of 40 columns is made from three independent factors of different strength, bent by a sine and with noise
(``benchmarks/known_factors.py``). Each column depends on one factor only. The correlations between the components and
the factors show whether each component is one factor.
"""

import numpy as np
from matplotlib.figure import Figure

from benchmarks.known_factors import make_table
from eccentric import EccentricAutoencoder

table = make_table("separable", rows=1000, seed=0)
model = EccentricAutoencoder(n_components=3, max_epochs=25, random_state=0).fit(table.x)
p = model.transform(table.x)
correlation = np.abs(np.corrcoef(p.T, table.factors.T)[:3, 3:])

figure = Figure(figsize=(4.2, 3.6), layout="constrained")
axes = figure.subplots()
drawn = axes.imshow(correlation, vmin=0, vmax=1, cmap="Blues")
for (row, column), value in np.ndenumerate(correlation):
    axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.6 else "black")
axes.set_xticks(range(3), [f"factor {k + 1}" for k in range(3)])
axes.set_yticks(range(3), [f"p{k + 1}" for k in range(3)])
axes.set_title("absolute correlation")
