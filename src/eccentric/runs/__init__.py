"""The run folder: its files, who may write them, and how they are read."""

from eccentric.runs.folder import Run
from eccentric.runs.latents import Latents

__all__ = ["Latents", "Run"]
