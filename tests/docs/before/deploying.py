"""The run that the page's command trains, after one epoch."""

from eccentric.data import load
from eccentric.training import TrainConfig, train

train(load("digits"), TrainConfig(dim=6, epochs=1, learning_rate=1e-3), "runs/digits")
