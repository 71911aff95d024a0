"""`eccentric reproduce` and `eccentric compare`, killed at random moments: the same command gives the same result."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KILLS = int(os.environ.get("KILLS", "5"))
SETTINGS = ["--epochs", "4", "--runs", "2", "--device", "cpu"]
TIMES = ("seconds", "memory")  # in the names of columns that no two runs have in common


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "eccentric", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def complete(arguments: list[str]) -> float:
    """Seconds."""
    began = time.monotonic()
    process = start(arguments)
    _, errors = process.communicate(timeout=1800)
    assert process.returncode == 0, errors.decode()
    return time.monotonic() - began


def kill_often(folder: Path, command: Callable[[str], list[str]], results: Callable[[str], Any]) -> None:
    """Kill a command KILLS times, each time after a part of the time that it needs, and start it again.

    Each time that it completes nevertheless, and at the end, its results are those of an undisturbed command.

    Args:
        folder: where the commands make folders.
        command: arguments of the command that writes to the folder of the given name.
        results: results in the folder of the given name.
    """
    seconds = complete(command("undisturbed"))
    expected = results("undisturbed"), leftovers(folder / "undisturbed")

    def check() -> None:
        assert (results("killed"), leftovers(folder / "killed")) == expected
        shutil.rmtree(folder / "killed")
        print("completed as if undisturbed")

    moments = random.Random(0)
    killed = 0
    while killed < KILLS:
        process = start(command("killed"))
        try:
            _, errors = process.communicate(timeout=moments.uniform(0.1, 0.9) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
        else:
            assert process.returncode == 0, errors.decode()
            check()
    complete(command("killed"))
    check()


@pytest.mark.slow
def test_reproduce(tmp_path: Path) -> None:
    def command(name: str) -> list[str]:
        return ["reproduce", "table2", "fig5", "--small", *SETTINGS, "--work", str(tmp_path / name)]

    def results(name: str) -> list[Any]:
        found = [json.loads((tmp_path / name / item / "result.json").read_text()) for item in ("table2", "fig5")]
        return [(result["numbers"], result["claims"]) for result in found]

    kill_often(tmp_path, command, results)


@pytest.mark.slow
def test_compare(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    x = np.random.default_rng(0).normal(size=(120, 5))
    table.write_text("a,b,c,d,e\n" + "".join(",".join(map(str, row)) + "\n" for row in x.tolist()))

    def command(name: str) -> list[str]:
        methods = ["--methods", "eccentric,vae", "--dim", "2", "--jobs", "2"]
        return ["compare", str(table), *methods, *SETTINGS, "--out", str(tmp_path / name)]

    def results(name: str) -> list[dict[str, str]]:
        with (tmp_path / name / "comparison.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        return [{k: v for k, v in row.items() if not any(word in k for word in TIMES)} for row in rows]

    kill_often(tmp_path, command, results)


def leftovers(folder: Path) -> list[str]:
    """Temporary files; what a kill leaves must not stay."""
    return sorted(path.name for path in folder.rglob(".*") if path.suffix != ".lock")
