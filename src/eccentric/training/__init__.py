"""Training: settings, the training loop, and writing of the run folder."""

from eccentric.devices import find_device
from eccentric.runs import Latents, Run
from eccentric.training.config import TrainConfig
from eccentric.training.metrics import Metrics
from eccentric.training.stopping import Stop, stop_on_signal
from eccentric.training.train import train

__all__ = ["Latents", "Metrics", "Run", "Stop", "TrainConfig", "find_device", "stop_on_signal", "train"]
