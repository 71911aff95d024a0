"""The command line: parse, call, print. Each module adds its commands to the one application."""

from eccentric.cli import bench, compare, explore, methods, reproduce, train, use
from eccentric.cli.app import app, run

__all__ = ["app", "bench", "compare", "explore", "methods", "reproduce", "run", "train", "use"]
