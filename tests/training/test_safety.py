"""What may happen to a training: it is killed, stopped, filled up, run twice, changed, or diverges."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from filelock import FileLock
from torch import nn

from eccentric.data import from_arrays
from eccentric.errors import EccentricError, UsageError
from eccentric.runs.checkpoints import Checkpoints
from eccentric.runs.claim import check_folder, clear_folder
from eccentric.training import Run, Stop, TrainConfig, stop_on_signal, train
from tests.training import lives

CONFIG = lives.CONFIG


def assert_same_run(found: Path, expected: Path) -> None:
    """To the bit, but for times."""
    for name in ("model.safetensors", "components.safetensors", "examples.safetensors", "evaluation.json"):
        assert (found / name).read_bytes() == (expected / name).read_bytes(), name
    assert pq.read_table(found / "latents.parquet").equals(pq.read_table(expected / "latents.parquet"))
    ours, theirs = Run(found).metrics, Run(expected).metrics
    for column in ours.keys() - {"items_per_second"}:
        np.testing.assert_array_equal(ours[column], theirs[column], err_msg=column)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train(**lives.settings(), out=tmp_path_factory.mktemp("undisturbed") / "run").path


@pytest.mark.parametrize("kills", [6, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments(tmp_path, undisturbed, kills):
    command = [sys.executable, "-m", "tests.training.lives", str(tmp_path / "run"), str(kills), "0"]
    subprocess.run(command, check=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert_same_run(tmp_path / "run", undisturbed)
    assert len(list((tmp_path / "run" / "checkpoint").iterdir())) == 4  # two, and their checksums


class StopAt(nn.Module):
    """Asks for a stop while the step of that number is under way."""

    def __init__(self, encoder: nn.Module, stop: Stop, step: int) -> None:
        super().__init__()
        self.encoder, self.stop, self.left = encoder, stop, step

    def forward(self, x):
        if self.training:
            self.left -= 1
            self.stop.asked |= self.left == 0
        return self.encoder(x)


@pytest.mark.parametrize("step", [1, 7, 8, 12, 24, 144])
def test_stopped_and_resumed(tmp_path, undisturbed, step):
    """In the middle of a row, at its end, at an epoch's end and at the last step."""
    stop, settings = Stop(), lives.settings()
    stopping = StopAt(settings["encoder"], stop, step)
    stopped = train(**{**settings, "encoder": stopping}, out=tmp_path / "run", stop=stop)
    assert stopped.config["status"] == ("finished" if step == 144 else f"stopped after {step} steps")
    state = torch.load(next(stopped.path.glob(f"checkpoint/*{step}.pt")), weights_only=True)
    assert state["step"] == step
    train(**{**settings, "encoder": StopAt(settings["encoder"], Stop(), 0)}, out=tmp_path / "run", resume=True)
    renamed = {name.replace("encoder.encoder", "encoder"): value for name, value in load(tmp_path / "run").items()}
    assert all(torch.equal(renamed[name], value) for name, value in load(undisturbed).items())
    ours, theirs = Run(tmp_path / "run").metrics, Run(undisturbed).metrics
    np.testing.assert_array_equal(ours["objective"], theirs["objective"])


def load(path: Path) -> dict[str, torch.Tensor]:
    from eccentric.files import read_tensors

    return read_tensors(path / "model.safetensors")


def half_done(out: Path, **changes) -> None:
    """A run that was stopped after four epochs, so that it has two checkpoints."""
    stop = Stop()

    def after_four(metrics):
        stop.asked = metrics.epoch == 4

    train(**{**lives.settings(), **changes}, out=out, stop=stop, on_metrics=after_four)


@pytest.mark.parametrize("damage", ["torn", "flipped", "without checksum", "pickle", "text"])
def test_an_unusable_checkpoint_gives_way_to_the_older(tmp_path, undisturbed, damage):
    half_done(tmp_path / "run")
    older, newest = sorted((tmp_path / "run" / "checkpoint").glob("*.pt"))
    content = newest.read_bytes()
    if damage == "torn":
        newest.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        newest.write_bytes(content[:999] + bytes([content[999] ^ 1]) + content[1000:])
    elif damage == "without checksum":
        newest.with_name(newest.name + ".sha256").unlink()
    else:
        with_checksum(newest, pickle.dumps(Exploding()) if damage == "pickle" else b"no checkpoint")
    notes: list[str] = []
    train(**lives.settings(), out=tmp_path / "run", resume=True, on_note=notes.append)
    assert len(notes) == 1
    assert notes[0].startswith(f"checkpoint {newest.name} ")
    assert notes[0].endswith("so an older checkpoint is used")
    assert not Exploding.exploded
    assert_same_run(tmp_path / "run", undisturbed)
    assert older.name < newest.name


def test_an_unusable_checkpoint_takes_no_usable_one_s_place(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step in (200, 300):
        checkpoints.save(step, {"model": {}, "step": step})
    (tmp_path / "step-000000300.pt.sha256").unlink()
    state, _ = checkpoints.load()
    assert state is not None
    assert state["step"] == 200
    checkpoints.save(350, {"model": {}, "step": 350})
    assert sorted(path.name for path in tmp_path.glob("*.pt")) == ["step-000000200.pt", "step-000000350.pt"]


class Exploding:
    """A pickle that would run code."""

    exploded = False

    def __reduce__(self):
        return setattr, (Exploding, "exploded", True)


def with_checksum(path: Path, content: bytes) -> None:
    import hashlib

    path.write_bytes(content)
    path.with_name(path.name + ".sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n")


@pytest.mark.parametrize("how", ["damaged", "removed"])
def test_a_run_without_a_usable_checkpoint_is_not_thrown_away(tmp_path, how):
    half_done(tmp_path / "run")
    for path in (tmp_path / "run" / "checkpoint").glob("*.pt"):
        path.unlink() if how == "removed" else path.write_bytes(b"")
    model = (tmp_path / "run" / "model.safetensors").read_bytes()
    with pytest.raises(EccentricError, match=r"has no usable checkpoint .*; pass --overwrite to start again"):
        train(**lives.settings(), out=tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == model


def test_killed_before_the_first_checkpoint(tmp_path, undisturbed):
    """Nothing but the settings was written: the run begins anew."""
    train(**lives.settings(), out=tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    shutil.rmtree(tmp_path / "run")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text(json.dumps({**config, "status": "training"}))
    notes: list[str] = []
    train(**lives.settings(), out=tmp_path / "run", resume=True, on_note=notes.append)
    assert notes[-1].endswith("has no checkpoint yet, so training starts again")
    assert_same_run(tmp_path / "run", undisturbed)


def test_killed_at_the_end_and_extended(tmp_path, undisturbed):
    """All epochs were done when it was killed; it is finished, then goes on for more."""
    fewer = {**lives.settings(), "config": TrainConfig(**{**vars(CONFIG), "epochs": 5})}
    train(**fewer, out=tmp_path / "run")
    config = tmp_path / "run" / "config.json"
    config.write_text(config.read_text().replace('"finished"', '"training"'))
    train(**fewer, out=tmp_path / "run", resume=True)
    train(**lives.settings(), out=tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", undisturbed)


def test_resuming_what_is_not_there_begins_it(tmp_path, undisturbed):
    train(**lives.settings(), out=tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", undisturbed)


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    run = train(**lives.settings(), out=tmp_path / "run")
    before = {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    notes: list[str] = []
    train(**lives.settings(), out=tmp_path / "run", resume=True, on_note=notes.append)
    assert notes == [f"{run.path} is finished; there is nothing left to do"]
    assert {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()} == before


def test_more_epochs_go_on_where_the_run_ended(tmp_path, undisturbed):
    fewer = TrainConfig(**{**vars(CONFIG), "epochs": 5})
    train(**{**lives.settings(), "config": fewer}, out=tmp_path / "run")
    notes: list[str] = []
    train(**lives.settings(), out=tmp_path / "run", resume=True, on_note=notes.append)
    assert notes == ["epochs changed from 5 to 12"]
    assert_same_run(tmp_path / "run", undisturbed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": {"weight": 0.5}}, r"cannot resume with other settings \(weight was 0.001, not 0.5\)"),
        ({"seed": 1, "settings": {"mu": 1.5}}, r"\(seed was 0, not 1, mu was 1.0, not 1.5\)"),
        ({"epochs": 2}, r"\(epochs was 12, not 2\)"),
    ],
)
def test_changed_settings(tmp_path, changes, message):
    half_done(tmp_path / "run")
    config = TrainConfig(**{**vars(CONFIG), **changes})
    with pytest.raises(UsageError, match=message):
        train(**{**lives.settings(), "config": config}, out=tmp_path / "run", resume=True)


def test_changed_data(tmp_path):
    half_done(tmp_path / "run")
    other = from_arrays(np.random.default_rng(1).normal(size=(300, 5)).astype(np.float32))
    with pytest.raises(UsageError, match="cannot resume with other data"):
        train(**{**lives.settings(), "data": other}, out=tmp_path / "run", resume=True)


def test_other_items(tmp_path):
    """Said before a network is chosen for them, which would complain of the architecture."""
    half_done(tmp_path / "run")
    images = from_arrays(np.zeros((20, 8, 8), np.uint8))
    with pytest.raises(
        UsageError, match="cannot resume with 1x8x8 images, because the run was started with 5 columns; use"
    ):
        train(images, CONFIG, tmp_path / "run", resume=True)


def test_overwrite_and_resume(tmp_path):
    with pytest.raises(UsageError, match="pass one of them"):
        train(**lives.settings(), out=tmp_path / "run", resume=True, overwrite=True)


@pytest.mark.parametrize("left", [[".config.json.ab12_xyz.json"], ["checkpoint/"], [".lock", "checkpoint/"]])
def test_what_a_kill_leaves_where_there_is_no_run_is_in_nobody_s_way(tmp_path, left):
    for name in left:
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_text("{")
    check_folder(tmp_path)
    check_folder(tmp_path, resume=True)
    for name in ("notes.txt", ".my.own.notes"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UsageError, match="is not empty and holds no run"):
            check_folder(tmp_path)
        (tmp_path / name).unlink()


def test_a_file_of_the_user_s_called_checkpoint(tmp_path):
    (tmp_path / "checkpoint").write_text("mine")
    with pytest.raises(UsageError, match="is not empty and holds no run"):
        check_folder(tmp_path)


def test_killed_while_the_old_run_is_cleared_away(tmp_path, monkeypatch):
    """At no moment is there a folder that is neither a run nor free."""
    half_done(tmp_path / "run")
    unlink = Path.unlink
    copies: list[Path] = []

    def watched(path, missing_ok=False):
        unlink(path, missing_ok=missing_ok)
        copies.append(shutil.copytree(tmp_path / "run", tmp_path / f"copy-{len(copies)}"))

    monkeypatch.setattr(Path, "unlink", watched)
    clear_folder(tmp_path / "run")
    monkeypatch.undo()
    assert len(copies) > 5
    for copy in copies:
        check_folder(copy, overwrite=True)


def test_a_signal_to_all_of_the_group(tmp_path):
    """As launchers send it; the process that gathers batches leaves it to the training."""
    code = (
        "import os, signal, sys\n"
        "from eccentric.training import batches, stop_on_signal, train\n"
        "from tests.training import lives\n"
        "batches._fits = lambda x, device: False\n"
        "rows = []\n"
        "def on_metrics(row):\n"
        "    rows.append(row)\n"
        "    if len(rows) == 3: os.killpg(0, signal.SIGTERM)\n"
        "with stop_on_signal() as stop:\n"
        "    train(**lives.settings(), out=sys.argv[1], stop=stop, on_metrics=on_metrics)\n"
        "sys.exit(128 + stop.signum)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, start_new_session=True)
    assert done.returncode == 143, done.stderr
    assert Run(tmp_path / "run").config["status"].startswith("stopped after")


def test_a_signal_after_another_rank_s(tmp_path):
    """The first that comes here is the first, though all ranks have agreed to stop."""
    with stop_on_signal() as stop:
        stop.asked, stop.signum = True, signal.SIGINT
        signal.raise_signal(signal.SIGTERM)
        assert stop.signum == signal.SIGTERM
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGTERM)


def test_a_second_process_in_the_same_folder(tmp_path):
    half_done(tmp_path / "run")
    with FileLock(tmp_path / "run" / ".lock"), pytest.raises(EccentricError, match="another process is training in"):
        train(**lives.settings(), out=tmp_path / "run", resume=True)
    train(**lives.settings(), out=tmp_path / "run", resume=True)


def test_a_full_disk(tmp_path, undisturbed):
    """A limit on the size of files fails a write as a full disk does."""
    wide = nn.Sequential(nn.Linear(5, 20000), nn.Linear(20000, 2))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(EccentricError, match=r"^cannot write .*step-0+2\.pt: File too large$"):
            train(**{**lives.settings(), "encoder": wide}, out=tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "run" / "checkpoint").iterdir()) == []
    train(**lives.settings(), out=tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", undisturbed)


def test_a_folder_that_takes_no_files():
    with pytest.raises(EccentricError, match="cannot write to the folder /proc/run"):
        train(**lives.settings(), out="/proc/run")


class DivergingAt(StopAt):
    def forward(self, x):
        self.left -= self.training
        return self.encoder(x) * (float("inf") if self.left == 0 and self.training else 1)


def test_divergence_keeps_the_last_good_state(tmp_path):
    settings = lives.settings()
    diverging = DivergingAt(settings["encoder"], Stop(), 15)
    message = (
        r"^the reconstruction error became nan in step 15; lower the learning rate; "
        r"step-000000014\.pt is kept, and --resume continues from it$"
    )
    with pytest.raises(EccentricError, match=message):
        train(**{**settings, "encoder": diverging}, out=tmp_path / "run")
    newest = max((tmp_path / "run" / "checkpoint").glob("*.pt"))
    state = torch.load(newest, weights_only=True)
    assert all(tensor.isfinite().all() for tensor in state["model"].values())
    lower = TrainConfig(**{**vars(CONFIG), "learning_rate": 1e-4})
    notes: list[str] = []
    repaired = {**settings, "encoder": StopAt(settings["encoder"], Stop(), 0), "config": lower}
    run = train(**repaired, out=tmp_path / "run", resume=True, on_note=notes.append)
    assert notes == ["learning_rate changed from 0.001 to 0.0001"]
    assert run.config["status"] == "finished"


def test_a_model_of_another_program_is_no_run(tmp_path):
    other = tmp_path / "hf"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "bert"}')
    (other / "model.safetensors").write_bytes(b"theirs")
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(UsageError, match="holds no run; choose another folder"):
            check_folder(other, **options)
