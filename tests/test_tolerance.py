"""What a user's surroundings may do: odd terminals, closed pipes, full disks, modules of other names in the folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eccentric.errors import EccentricError
from eccentric.files import write_json
from eccentric.runs import Run
from eccentric.runs.claim import check_folder
from eccentric.training import stop_on_signal

RUN = [sys.executable, "-m", "eccentric"]
QUICK = ["--epochs", "1", "--dim", "3", "--device", "cpu"]


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run([*RUN, *map(str, arguments)], text=True, check=False, timeout=120, **options)  # type: ignore


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_for_the_output_does_not_end_training(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = run("train", "digits", "--out", tmp_path / "run", *QUICK, stdout=full)
    assert done.returncode == 0, done.stderr
    assert "note: standard output is lost (No space left on device); continuing without it" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "run" / "report.html").exists()


def test_a_closed_pipe_does_not_end_training(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run("train", "digits", "--out", tmp_path / "run", *QUICK, stdout=writing)
    os.close(writing)
    assert done.returncode == 0, done.stderr
    assert "standard output is lost (Broken pipe)" in done.stderr
    assert (tmp_path / "run" / "report.html").exists()


def test_help_ends_silently_with_its_pager() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run("train", "--help", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_terminal_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with stop_on_signal() as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.01)
        assert not stop.asked
        assert capsys.readouterr().err == "note: the terminal is closed; continuing without it\n"
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        assert (stop.asked, stop.signum) == (True, signal.SIGTERM)


def test_a_closed_terminal_does_not_end_the_report(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from eccentric import report\n"
        "from eccentric.__main__ import main\n"
        "write = report.write_report\n"
        "def closing(run):\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    return write(run)\n"
        "report.write_report = closing\n"
        "main()\n"
    )
    arguments = ["train", "digits", "--out", str(tmp_path / "run"), *QUICK]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "note: the terminal is closed; continuing without it" in done.stderr
    assert (tmp_path / "run" / "report.html").exists()


def test_a_terminal_without_arrows(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    code = "from eccentric.cli.output import tolerate_lost_output as t; t(); print('a \\u2192 b', '\\udcff')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert done.stdout.split() == [b"a", b"\\u2192", b"b", b"\\udcff"]


def test_modules_of_the_working_directory_are_not_taken_for_libraries(tmp_path: Path) -> None:
    for name in ("typer", "rich"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong module')")
    done = run("--version", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a.json").symlink_to(tmp_path / "elsewhere" / "b.json")
    write_json(tmp_path / "a.json", 1)
    assert (tmp_path / "a.json").is_symlink()
    assert (tmp_path / "elsewhere" / "b.json").read_text() == "1\n"


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(EccentricError, match=r"cannot write .*a\.json: it is no regular file; choose another place"):
        write_json(tmp_path / "a.json", 1)
    assert (tmp_path / "a.json").is_fifo()


def test_an_output_folder_whose_name_is_not_text(tmp_path: Path) -> None:
    done = run("train", "digits", "--out", tmp_path / "caf\udce9", *QUICK)
    assert done.returncode == 2
    assert done.stderr.endswith("is not text in UTF-8; rename it, or link to it\n")
    assert done.stderr.count("\n") == 1


def test_a_pipe_in_a_run_folder_does_not_hang(tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", {})
    os.mkfifo(tmp_path / "metrics.csv")
    with pytest.raises(EccentricError, match=r"metrics\.csv is neither a file nor a folder; remove it"):
        Run(tmp_path)


def test_a_pipe_or_a_folder_in_place_of_config_json_is_named(tmp_path: Path) -> None:
    for name, make in (("pipe", os.mkfifo), ("folder", os.mkdir)):
        (tmp_path / name).mkdir()
        make(tmp_path / name / "config.json")
        with pytest.raises(EccentricError, match=r"config\.json is not a regular file; restore the file of the run"):
            Run(tmp_path / name)
        with pytest.raises(EccentricError, match=r"already holds a run"):
            check_folder(tmp_path / name)
