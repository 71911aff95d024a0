"""
Self-supervised: what prevents collapse
=======================================

A network is trained to give two views of one image the same features, without labels. Without a regularizer, the
features shrink to few dimensions. The Eccentric loss keeps them spread (``examples/self_supervised.py``).
"""

from matplotlib.figure import Figure

from eccentric.two_views.data import material
from eccentric.two_views.training import Setting, train_and_probe

data = material("digits")
found = {}
for weight in (0.0, 0.1):
    setting = Setting("eccentric", weight, False, 0, 60)
    found[weight] = train_and_probe(setting, data.views, data.train, data.probes, data.others)

figure = Figure(figsize=(6, 2.8), layout="constrained")
for axes, (name, values) in zip(
    figure.subplots(1, 2),
    {
        "effective rank of the features": [one["effective_rank"] for one in found.values()],
        "linear probe, % right": [100 * one["test"]["linear"] for one in found.values()],
    }.items(),
    strict=True,
):
    bars = axes.bar(["weight 0", "weight 0.1"], values, color=["#999999", "#1f5fa8"])
    axes.bar_label(bars, fmt="%.1f")
    axes.set_title(name, fontsize=10)
