"""A hub on the loopback interface, a table, a run, and images."""

import atexit
import os
from pathlib import Path

import huggingface_hub.constants as constants
import torch
from sklearn.datasets import load_iris
from tests.hub.fake import TOKEN, Hub

from eccentric.data import load
from eccentric.training import TrainConfig, train

hub = Hub()
atexit.register(hub.close)
os.environ |= {"HF_TOKEN": TOKEN, "NO_PROXY": "127.0.0.1"}
constants.ENDPOINT = hub.address
constants.HUGGINGFACE_CO_URL_TEMPLATE = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
constants.HF_HUB_OFFLINE = False
constants.HF_HUB_CACHE = str(Path("cache").resolve())

X = load_iris().data
X = X.repeat(2, axis=1) + X[:, [0] * 8] * 0.1  # eight columns, enough for six components
train(load("digits"), TrainConfig(dim=6, epochs=1, learning_rate=1e-3), "runs/digits")
images = torch.zeros(3, 1, 8, 8, dtype=torch.uint8)
