"""The examples run, and end in pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.realdata import real

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name, out, data=""):
    command = [sys.executable, "-W", "ignore", str(EXAMPLES / name), "--out", str(out), "--runs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "ECCENTRIC_DATA": str(data)})
    assert done.returncode == 0, done.stderr
    pictures = sorted(out.glob("*.png"))
    assert len(pictures) == 3
    assert all(picture.stat().st_size > 10_000 for picture in pictures)
    return done.stdout


def test_cell_types_made_up(tmp_path):
    assert "600 cells, 120 genes, 6 cell types" in run("cell_types.py", tmp_path)


@pytest.mark.realdata
def test_cell_types(tmp_path):
    printed = run("cell_types.py", tmp_path, real("pbmc68k_reduced").parent)
    assert "700 cells, 765 genes, 10 cell types" in printed
    assert "component 8: variance" in printed


def test_image_search(tmp_path):
    assert "as many principal components keep" in run("image_search.py", tmp_path)


def test_hidden_states():
    command = [
        sys.executable,
        str(EXAMPLES / "hidden_states.py"),
        "--seeds",
        "1",
        "--steps",
        "2",
        "--weights",
        "0",
        "0.1",
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()[-2:]] == ["0", "0.1"]
