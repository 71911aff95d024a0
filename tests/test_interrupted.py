"""Ctrl-C while Python imports: exit status 130, without a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

SCRIPT = "from eccentric.__main__ import main; main()"
MODULE = "import runpy; runpy.run_module('eccentric', run_name='__main__')"
INTERRUPTED = """
import importlib.abc, os, signal, sys

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background
sys.meta_path.insert(0, Interrupt())
sys.argv = ["eccentric", "--help"]
"""


@pytest.mark.parametrize(
    ("how", "name"), [(SCRIPT, "torch"), (MODULE, "torch"), (SCRIPT, "torch.nn"), (MODULE, "typer")]
)
def test_while_python_imports(how: str, name: str) -> None:
    code = INTERRUPTED.format(name=name) + how
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_library_that_wraps_the_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from eccentric import __main__, cli

    def run() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException as error:
            raise RuntimeError("Error calling __set_name__") from error

    monkeypatch.setattr(cli, "run", run)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(SystemExit) as stop:
            __main__.main()
    finally:
        signal.signal(signal.SIGINT, previous)
    assert stop.value.code == 130
    assert capsys.readouterr().err == ""


def test_other_errors_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    from eccentric import __main__, cli

    def run() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(cli, "run", run)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(RuntimeError, match="a bug"):
            __main__.main()
    finally:
        signal.signal(signal.SIGINT, previous)
