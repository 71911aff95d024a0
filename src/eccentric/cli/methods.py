"""`eccentric methods`: list the training methods."""

from __future__ import annotations

from dataclasses import fields

from rich.table import Table

from eccentric.cli.app import app, console
from eccentric.methods import METHODS


@app.command()
def methods() -> None:
    """List the methods that `--method` takes, with their settings and defaults."""
    table = Table("method", "description", "settings for --set NAME=VALUE")
    for name, method in METHODS.items():
        settings = [f"{field.name}={field.default}" for field in fields(method.Settings)]
        table.add_row(name, method.title, "  ".join(settings) or "none")
    console.print(table)
