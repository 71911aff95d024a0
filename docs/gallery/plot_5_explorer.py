"""
Explorer: what the sliders show
===============================

``eccentric explore RUN`` opens a page on which every component is a slider and the decoder answers while it moves.
Here, the first four sliders are moved from minus three to three standard deviations, one at a time.
"""

import tempfile

import torch
from matplotlib.figure import Figure

from eccentric.data import load
from eccentric.inference import decode
from eccentric.training import TrainConfig, train

folder = tempfile.mkdtemp()
run = train(load("digits"), TrainConfig(dim=6, epochs=25, learning_rate=3e-3, log_every=100), f"{folder}/run")
deviations = run.components.eigenvalues.sqrt()
steps = torch.linspace(-3, 3, 9)
figure = Figure(figsize=(7, 3.3), layout="constrained")
grid = figure.subplots(4, len(steps))
for k, row in enumerate(grid):
    p = torch.zeros(len(steps), 6, dtype=torch.float64)
    p[:, k] = steps * deviations[k]
    for axes, image in zip(row, decode(run.model(), run.components.decode(p).float()), strict=True):
        axes.imshow(image[0], cmap="gray", vmin=0, vmax=255)
        axes.set_xticks([], [])
        axes.set_yticks([], [])
    row[0].set_ylabel(f"p{k + 1}")
for axes, step in zip(grid[0], steps, strict=True):
    axes.set_title(f"{step:+.1f} sd", fontsize=8)
