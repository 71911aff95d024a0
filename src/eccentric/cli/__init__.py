"""The command line: parse arguments, call the library, print results. Each module adds commands to the application."""

from eccentric.cli import bench, compare, explore, export, methods, reproduce, train, use
from eccentric.cli.app import app, run

__all__ = ["app", "bench", "compare", "explore", "export", "methods", "reproduce", "run", "train", "use"]
