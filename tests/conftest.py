"""Fixtures of all tests."""

from __future__ import annotations

import sys

import pytest

from eccentric import cli


@pytest.fixture
def eccentric(monkeypatch, capsys):
    """Runs the command line in this process: (arguments) -> exit status, output, errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["eccentric", *map(str, arguments)])
        status = 0
        try:
            cli.run()
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call
