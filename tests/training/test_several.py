from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eccentric.errors import EccentricError
from eccentric.training import Run, Stop
from eccentric.training.several import train_several

OPTIONS = ["--dim", "2", "--device", "cpu"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def eccentric(*arguments, **options):
    command = [sys.executable, "-m", "eccentric", *map(str, arguments)]
    return subprocess.run(command, check=False, timeout=200, capture_output=True, text=True, env=ENVIRONMENT, **options)


def test_each_seed_is_the_run_that_it_is_alone(tmp_path):
    done = eccentric("train", "digits", "--out", tmp_path / "two", "--runs", 2, "--seed", 4, "--epochs", 2, *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert f"eccentric align {tmp_path}/two/seed-*" in done.stdout
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["seed-4", "seed-5"]
    alone = eccentric("train", "digits", "--out", tmp_path / "alone", "--seed", 5, "--epochs", 2, *OPTIONS)
    assert alone.returncode == 0, alone.stderr
    if Run(tmp_path / "alone").config["device"] != Run(tmp_path / "two" / "seed-5").config["device"]:
        pytest.skip("with as many cores as this, a run among two has more threads")
    for name in ("model.safetensors", "components.safetensors"):
        assert (tmp_path / "two" / "seed-5" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_a_failure_is_named_with_its_seed(tmp_path):
    done = eccentric("train", "digits", "--out", tmp_path, "--runs", 2, "--architecture", "mnist", *OPTIONS)
    assert done.returncode == 1
    assert done.stderr.startswith("error: seed 0 and 1 failed (architecture 'mnist' takes 1x28x28 images")
    assert done.stderr.count("\n") == 1


def test_a_signal_reaches_every_run(tmp_path):
    command = ["train", "digits", "--out", str(tmp_path), "--runs", "2", "--epochs", "100000", *OPTIONS]
    process = subprocess.Popen([sys.executable, "-m", "eccentric", *command], env=ENVIRONMENT, stdout=subprocess.PIPE)
    metrics = [tmp_path / f"seed-{seed}" / "metrics.csv" for seed in (0, 1)]
    deadline = time.monotonic() + 120
    while not all(path.exists() and path.read_text().count("\n") > 1 for path in metrics):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"--resume" in output
    for seed in (0, 1):
        assert Run(tmp_path / f"seed-{seed}").config["status"].startswith("stopped after")


def test_a_signal_while_runs_are_starting(tmp_path):
    stop = Stop()
    stop.signum = signal.SIGINT

    def ask(seed, epoch, epochs):  # called half a second after the start, when PyTorch is being loaded
        stop.asked = True

    train_several(["digits", "--epochs", "100000", *OPTIONS], tmp_path, [0, 1], stop, at_once=2, on_epoch=ask)
    assert not list(tmp_path.iterdir())


def test_no_run_outlives_what_started_it(tmp_path, monkeypatch):
    started: list[subprocess.Popen[bytes]] = []

    class Watched(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Watched)

    def broken_off(seed, epoch, epochs):
        raise KeyboardInterrupt

    command = ["digits", "--epochs", "100000", *OPTIONS]
    with pytest.raises(KeyboardInterrupt):
        train_several(command, tmp_path, [0, 1], Stop(), at_once=2, on_epoch=broken_off)
    assert len(started) == 2
    assert all(process.wait(timeout=60) in (143, -signal.SIGTERM) for process in started)


SEVERAL = """
import sys
from pathlib import Path
from eccentric.training import Stop
from eccentric.training.several import train_several
arguments = ["digits", "--epochs", "100000", "--dim", "2", "--device", "cpu"]
train_several(arguments, Path(sys.argv[1]), [0, 1], Stop(), at_once=2)
"""


def children_of(parent: int) -> list[int]:
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in path.read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_the_runs_end_when_their_parent_is_killed(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", SEVERAL, str(tmp_path)], env=ENVIRONMENT)
    metrics = [tmp_path / f"seed-{seed}" / "metrics.csv" for seed in (0, 1)]
    wait_for(lambda: all(path.exists() and path.read_text().count("\n") > 1 for path in metrics))
    children = children_of(parent.pid)
    assert len(children) == 2
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(is_running(pid) for pid in children))
    for seed in (0, 1):
        assert Run(tmp_path / f"seed-{seed}").config["status"].startswith("stopped after")


@pytest.mark.parametrize("by", ["kernel", "pipe"])
def test_a_child_ends_with_its_parent(by):
    """Also where the kernel does not tell of the parent's death, by the pipe that is closed."""
    code = (
        "import eccentric.training.child as child, os, sys, time\n"
        + ("child._linux_tells_us = lambda: False\n" if by == "pipe" else "")
        + "child.end_with(int(sys.argv[1]))\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    parent_code = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1], str(os.getpid())], stdin=subprocess.PIPE,"
        " stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", parent_code, code], env=ENVIRONMENT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.kill()
    parent.communicate()
    wait_for(lambda: not is_running(pid))


def test_each_attempt_has_a_fresh_log(tmp_path):
    """A log of an earlier attempt, to which its processes may still write, is another file."""
    for name in ("seed-0.log", "seed-1.log"):
        (tmp_path / name).write_text("of an earlier attempt\n")
    with (tmp_path / "seed-0.log").open("a") as old:
        with pytest.raises(EccentricError, match="seed 0 and 1 failed"):
            train_several(["digits", "--architecture", "mnist", *OPTIONS], tmp_path, [0, 1], Stop(), at_once=2)
        old.write("still writing\n")
    for name in ("seed-0.log", "seed-1.log"):
        text = (tmp_path / name).read_text()
        assert "earlier" not in text
        assert "still" not in text
        assert text.lstrip().startswith("error: ")  # old versions of rich print empty lines for progress bars


def wait_for(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
