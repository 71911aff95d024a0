"""
Reinforcement learning: the rank of an agent's features
=======================================================

A DQN learns CartPole for 4,000 steps, without and with the Eccentric loss on its features. Drawn is how many dimensions
the features use meanwhile, for one seed (``examples/reinforcement_learning.py``).
"""

import reinforcement_learning
from matplotlib.figure import Figure

STEPS = 4000
figure = Figure(figsize=(5, 3), layout="constrained")
axes = figure.subplots()
for regularizer, color in (("none", "#999999"), ("eccentric", "#1f5fa8")):
    found = reinforcement_learning.train("CartPole-v1", regularizer, seed=0, steps=STEPS)
    ranks = found["effective_rank"]
    axes.plot([STEPS * (k + 1) / len(ranks) for k in range(len(ranks))], ranks, "o-", color=color, label=regularizer)
axes.set_xlabel("steps")
axes.set_ylabel(f"effective rank of {found['features']} features")
axes.legend(frameon=False)
