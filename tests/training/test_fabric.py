"""Ranks, loggers and precision: what Fabric brings, seen from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from eccentric.data import from_arrays
from eccentric.errors import UsageError
from eccentric.files import read_tensors
from eccentric.training import Run, TrainConfig, engine, train

CONFIG = TrainConfig(dim=2, epochs=3, batch_size=25, learning_rate=1e-3, log_every=3, device="cpu")


def settings(statistics: bool = False):
    torch.manual_seed(0)
    norm: list[nn.Module] = [nn.BatchNorm1d(16)] if statistics else []
    encoder = nn.Sequential(nn.Linear(5, 16), *norm, nn.Tanh(), nn.Linear(16, 2))
    decoder = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 5))
    x = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    return {"data": from_arrays(x), "config": CONFIG, "encoder": encoder, "decoder": decoder}


def main() -> None:
    """What each rank does: `torchrun -m tests.training.test_fabric OUT`."""
    run = train(**settings(), out=sys.argv[1])
    assert run.config["status"] == "finished"  # the folder is whole on every rank


def test_two_ranks_train_the_model_of_one(tmp_path):
    """Batches of 25, so that the ranks hold 13 and 12 items of each: every parameter equals that of one process."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "tests.training.test_fabric", str(tmp_path / "two")]
    done = subprocess.run(
        command, check=False, timeout=200, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one = train(**settings(), out=tmp_path / "one")
    two = Run(tmp_path / "two")
    assert two.config["engine"]["ranks"] == 2
    ours, theirs = (read_tensors(run.path / "model.safetensors") for run in (two, one))
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-5, atol=1e-5, msg=name)
    for column in one.metrics.keys() - {"items_per_second"}:
        np.testing.assert_allclose(two.metrics[column], one.metrics[column], rtol=1e-4, err_msg=column)


def test_the_command_line_under_torchrun(tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    options = ["--out", str(tmp_path / "run"), "--epochs", "1", "--dim", "2", "--device", "cpu"]
    done = subprocess.run(
        [*torchrun, "-m", "eccentric", "train", "digits", *options],
        check=False,
        timeout=200,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("Report:") == 1
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize("variables", [{"SLURM_NTASKS_PER_NODE": "2"}, {}])
def test_a_batch_script_of_slurm_is_one_process(tmp_path, monkeypatch, variables):
    """SLURM's variables are there without srun as well, and then nobody else will come."""
    batch = {"SLURM_NTASKS": "2", "SLURM_NNODES": "1", "SLURM_JOB_NAME": "job", "SLURM_PROCID": "0", **variables}
    for name, value in batch.items():
        monkeypatch.setenv(name, value)
    assert train(**settings(), out=tmp_path / "run").config["engine"]["ranks"] == 1


def test_a_logger_by_name(tmp_path):
    pytest.importorskip("tensorboardX")
    train(**settings(), out=tmp_path / "run", loggers=["tensorboard"])
    train(**settings(), out=tmp_path / "run", loggers=["tensorboard"], overwrite=True)
    assert len(list((tmp_path / "run" / "logs").glob("events*"))) == 1


@pytest.mark.parametrize(("name", "message"), [("tensorbord", "unknown logger 'tensorbord'"), ("wandb", "install")])
def test_loggers_that_are_not_there(tmp_path, name, message):
    with pytest.raises(UsageError, match=message):
        train(**settings(), out=tmp_path / "run", loggers=[name])
    assert not (tmp_path / "run").exists()


def test_half_precision_rounds_the_networks_and_not_the_data(tmp_path):
    """Columns around 10,000 would not survive bfloat16, which has three digits."""
    far = settings()
    x = far["data"].train.x + 10_000
    found = {}
    for precision in ("32-true", "bf16-mixed"):
        config = TrainConfig(**{**vars(CONFIG), "precision": precision, "epochs": 30})
        run = train(**{**settings(), "data": from_arrays(x.numpy()), "config": config}, out=tmp_path / precision)
        found[precision] = run.evaluation["test_reconstruction"]
        assert run.config["engine"]["precision"] == precision
    assert found["bf16-mixed"] == pytest.approx(found["32-true"], rel=0.02)


def test_the_record_says_what_was_settled(tmp_path):
    config = json.loads((train(**settings(), out=tmp_path / "run").path / "config.json").read_text())
    assert config["engine"] == {"precision": "32-true", "compile": False, "graph": False, "ranks": 1}
    assert config["train"]["precision"] == "auto"


@pytest.mark.slow
def test_compiled_training_is_the_same(tmp_path):
    found = {}
    for compiled in ("on", "off"):
        config = TrainConfig(**{**vars(CONFIG), "compile": compiled})
        run = train(**{**settings(statistics=True), "config": config}, out=tmp_path / compiled)
        assert run.config["engine"]["compile"] == (compiled == "on")
        found[compiled] = run.metrics["objective"]
    np.testing.assert_allclose(found["on"], found["off"], rtol=1e-4)


def test_compiling_without_a_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    config = TrainConfig(**{**vars(CONFIG), "compile": "on"})
    with pytest.raises(
        UsageError, match="there is no C\\+\\+ compiler on this machine; install g\\+\\+, or leave compile"
    ):
        train(**{**settings(), "config": config}, out=tmp_path / "run")
    monkeypatch.setattr(engine, "COMPILING_PAYS", {"cpu": 0.0, "amx": 0.0})
    notes: list[str] = []
    run = train(**settings(), out=tmp_path / "run", on_note=notes.append)
    assert notes == [
        "training is not compiled, because there is no C++ compiler on this machine; install g++ for faster training"
    ]
    assert not run.config["engine"]["compile"]


def test_networks_that_do_not_fit(tmp_path):
    wrong = {**settings(), "decoder": nn.Linear(2, 4)}
    with pytest.raises(UsageError, match=r"the decoder returns items of shape \(4,\), but the data have \(5,\)"):
        train(**wrong, out=tmp_path / "decoder")
    wrong = {**settings(), "encoder": nn.Linear(5, 3), "decoder": nn.Linear(3, 5)}
    with pytest.raises(UsageError, match=r"the encoder returns latents of shape \(3,\), but .* dim 2 needs \(2,\)"):
        train(**wrong, out=tmp_path / "encoder")
    assert not list(tmp_path.iterdir())


if __name__ == "__main__":
    main()
