"""Training: settings, the loop, and the run folder."""

from eccentric.training.config import TrainConfig
from eccentric.training.loop import Metrics, Stop, find_device, stop_on_signal
from eccentric.training.run import Latents, Run
from eccentric.training.train import train

__all__ = ["Latents", "Metrics", "Run", "Stop", "TrainConfig", "find_device", "stop_on_signal", "train"]
