"""
Cells: gene expression in four numbers
======================================

A made-up table of 600 cells and 120 genes, of six cell types along each of which genes switch on at different times
(``examples/cell_types.py``, which also reads real cells).
"""

import cell_types

from eccentric import EccentricAutoencoder, plots

genes, kinds = cell_types.made_up()
model = EccentricAutoencoder(n_components=4, n_runs=2, max_epochs=20, random_state=0).fit(genes)
components = model.transform(genes)
cells = plots.scatter(components, kinds, model.explained_variance_)

# %%
# The variances over two runs, and below each component its correlation between the runs.

spectrum = model.plot_spectrum()
