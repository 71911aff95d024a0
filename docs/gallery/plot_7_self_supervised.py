"""
Self-supervised: what prevents collapse
=======================================

A network is trained to give two views of one image the same features, without labels. Without a regularizer, the
features shrink to a point: their total variance falls to almost nothing, and neighbours say less about the digit. The
Eccentric loss keeps the variance (``examples/self_supervised.py``).
"""

from matplotlib.figure import Figure

from eccentric.two_views.data import material
from eccentric.two_views.training import Setting, train_and_probe

data = material("digits")
found = {}
for weight in (0.0, 0.1):
    setting = Setting("eccentric", weight, False, 0, 150)
    found[weight] = train_and_probe(setting, data.views, data.train, data.probes, data.others)

figure = Figure(figsize=(7, 2.8), layout="constrained")
left, right = figure.subplots(1, 2)
for axes, title, values, form in (
    (left, "total variance of the features", [one["trace"] for one in found.values()], "%.2g"),
    (right, "nearest neighbours, % right", [100 * one["test"]["neighbours"] for one in found.values()], "%.0f"),
):
    bars = axes.bar(["weight 0", "weight 0.1"], values, color=["#999999", "#1f5fa8"])
    axes.bar_label(bars, fmt=form)
    axes.set_title(title, fontsize=10)
    axes.margins(y=0.15)
left.set_yscale("log")
