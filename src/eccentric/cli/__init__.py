"""The command line: parse arguments, call the library, print results. Each module adds commands to the application."""

from eccentric.cli import bench, compare, explore, export, methods, reproduce, train, use
from eccentric.cli.app import app, run

__all__ = ["app", "bench", "compare", "explore", "export", "methods", "reproduce", "run", "train", "use"]

# In the help, in the order in which a new user needs them.
_ORDER = ("train", "report", "explore", "encode", "sample", "align", "export", "methods", "compare", "reproduce")
app.registered_commands.sort(key=lambda command: _ORDER.index(getattr(command.callback, "__name__", "")))
