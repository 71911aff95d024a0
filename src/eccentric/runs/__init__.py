"""The run folder: its files, writing and reading."""

from eccentric.runs.folder import Run
from eccentric.runs.latents import Latents

__all__ = ["Latents", "Run"]
