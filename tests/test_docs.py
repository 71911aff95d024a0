"""The examples in the documentation run as printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eccentric.files import read_json
from eccentric.runs.metrics import read_metrics

DOCS = Path(__file__).parents[1] / "docs"


def run_page(name: str, folder: Path) -> None:
    """Run the Python blocks of a page, one after the other, in a process of their own in `folder`."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)
    (folder / "page.py").write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run([sys.executable, "page.py"], cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_write_your_own_method(tmp_path):
    run_page("own-method.md", tmp_path)
    run = tmp_path / "runs" / "decorrelated"
    assert read_json(run / "config.json")["method"] == {"name": "decorrelated", "settings": {"weight": 0.1}}
    assert np.isfinite(read_metrics(run)["term/correlation"]).all()


def test_deploying(tmp_path):
    pytest.importorskip("onnxscript")
    run_page("deploying.md", tmp_path)
    assert {"digits.pt2", "digits.onnx"} <= {path.name for path in (tmp_path / "runs").iterdir()}
