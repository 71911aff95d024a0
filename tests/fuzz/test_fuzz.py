"""Damaged and unusual files: what is read is right; all else is refused in one line, without a traceback or a hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.checking import check_one
from tests.fuzz.files import DOORS
from tests.fuzz.runs import make_run

MINUTES = float(os.environ.get("FUZZ_MINUTES", "10"))
EVERY = [*DOORS, "run folders", "killed saves"]


@pytest.mark.parametrize("door", DOORS)
def test_a_few_odd_files(door: str, tmp_path: Path) -> None:
    found = {seed: check_one(door, seed, tmp_path / str(seed)) for seed in range(60)}
    assert {seed: result for seed, result in found.items() if result.startswith("wrong")} == {}
    assert "right" in found.values()


def test_a_few_spoilt_runs(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    found = {seed: check_one("run folders", seed, tmp_path / str(seed), run) for seed in range(60)}
    assert {seed: result for seed, result in found.items() if result.startswith("wrong")} == {}


@pytest.mark.fuzz
@pytest.mark.slow
@pytest.mark.parametrize("door", EVERY)
def test_many_odd_files(door: str) -> None:
    """Prints the counts that stand in docs/reliability.md; FUZZ_START chooses other files."""
    start, seconds = os.environ.get("FUZZ_START", "1000"), 60 * MINUTES / len(EVERY)
    command = [sys.executable, "-m", "tests.fuzz.checking", door, start, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr[-2000:]  # a crash of a library, too
    counts = json.loads(done.stdout.splitlines()[-1])
    wrong = counts.pop("seeds")
    print(f"\n{counts}")
    assert wrong == {}, f"{door}: {json.dumps(wrong, indent=1)[:4000]}"
