from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from eccentric.data import from_arrays
from eccentric.errors import EccentricError, UsageError
from eccentric.files import read_tensors
from eccentric.training import Metrics, Run, Stop, TrainConfig, train

FAST: dict[str, Any] = {"epochs": 2, "batch_size": 20, "dim": 3, "learning_rate": 1e-3, "device": "cpu"}


def images(n=120, seed=0):
    """Bright squares whose place varies: two factors, two classes."""
    random = np.random.default_rng(seed)
    x = np.zeros((n, 8, 8), np.uint8)
    places = random.integers(0, 6, (n, 2))
    for image, (row, column) in zip(x, places, strict=True):
        image[row : row + 3, column : column + 3] = 255
    return from_arrays(x, labels=(places[:, 0] > 2).astype(int))


def table(n=200):
    random = np.random.default_rng(0)
    factors = random.normal(size=(n, 2))
    x = np.c_[factors, factors**2, factors.prod(1)] * [1, 10, 100, 0.1, 5] + [0, 5, -300, 2, 1]
    return from_arrays(x.astype(np.float32))


def test_a_run_folder_is_complete(tmp_path):
    seen: list[Metrics] = []
    run = train(images(), TrainConfig(**FAST), tmp_path / "run", on_metrics=seen.append)
    names = {path.name for path in run.path.iterdir()}
    assert names == {
        ".lock",
        "checkpoint",
        "config.json",
        "metrics.csv",
        "model.safetensors",
        "components.safetensors",
        "latents.parquet",
        "evaluation.json",
        "examples.safetensors",
        "checksums.sha256",
    }
    assert run.config["status"] == "finished"
    assert run.config["train"]["seed"] == 0
    assert {"torch", "eccentric", "python"} <= set(run.config["versions"])
    assert run.metrics["step"].tolist() == [metrics.step for metrics in seen]
    assert np.isfinite(run.metrics["test_reconstruction"][-1])


def test_what_was_written_belongs_together(tmp_path):
    data = images()
    run = train(data, TrainConfig(**FAST), tmp_path / "run")
    model, latents = run.model(), run.latents("test")
    with torch.no_grad():
        p = run.components.encode(model.encode(data.test.x))
    np.testing.assert_allclose(latents.p, p.numpy(), atol=1e-5)
    np.testing.assert_array_equal(latents.rows, data.test.rows)
    assert latents.labels is not None
    np.testing.assert_array_equal(latents.labels, np.array(data.label_names)[data.test.labels])
    np.testing.assert_allclose(np.cov(run.latents("train").p.T), np.diag(run.components.eigenvalues), atol=1e-4)
    error = (model(data.test.x)[1] - model.standardize(data.test.x)).square().mean().item()
    assert run.evaluation["test_reconstruction"] == pytest.approx(error, rel=1e-5)


def test_training_learns_and_holds_the_trace(tmp_path):
    config = TrainConfig(dim=2, epochs=60, batch_size=48, learning_rate=5e-3, settings={"weight": 0.01}, device="cpu")
    run = train(images(300), config, tmp_path / "run")
    metrics = run.metrics
    assert metrics["reconstruction"][-1] < metrics["reconstruction"][0] / 3
    assert run.components.eigenvalues.sum().item() == pytest.approx(2, rel=0.25)


def test_the_same_seed_gives_the_same_weights(tmp_path):
    weights = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.manual_seed(hash(name) % 1000)  # the caller's random state has no say
        weights[name] = train(images(), TrainConfig(**FAST, seed=seed), tmp_path / name).model().state_dict()
    assert all(torch.equal(weights["a"][key], weights["b"][key]) for key in weights["a"])
    assert any(not torch.equal(weights["a"][key], weights["c"][key]) for key in weights["a"])


def test_the_callers_random_state_is_left_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(images(), TrainConfig(**FAST), tmp_path / "run")
    assert torch.equal(torch.rand(3), expected)


def test_the_objective_is_the_sum_of_its_terms(tmp_path):
    metrics = train(images(), TrainConfig(**FAST, settings={"weight": 0.5}), tmp_path / "run").metrics
    np.testing.assert_allclose(
        metrics["objective"], metrics["reconstruction"] + 0.5 * metrics["term/eccentric"], rtol=1e-4, atol=1e-5
    )


def test_tables_are_standardised_by_the_training_split(tmp_path):
    data = table()
    run = train(data, TrainConfig(**{**FAST, "dim": 2, "epochs": 40}), tmp_path / "run")
    model = run.model()
    standard = model.standardize(data.train.x)
    torch.testing.assert_close(standard.mean(0), torch.zeros(5), atol=1e-4, rtol=0)
    torch.testing.assert_close(standard.std(0), torch.ones(5), atol=1e-4, rtol=0)
    assert run.evaluation["test_reconstruction"] < 1  # of the variance
    assert "neighbour_error" not in run.evaluation
    assert run.latents("train").labels is None


def test_modules_of_ones_own(tmp_path):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    decoder = nn.Sequential(nn.Linear(3, 64), nn.Unflatten(1, (1, 8, 8)))
    run = train(images(), TrainConfig(**FAST), tmp_path / "run", encoder=encoder, decoder=decoder)
    assert run.config["train"]["architecture"] == "custom"
    with pytest.raises(UsageError, match="custom modules; pass encoder and decoder"):
        run.model()
    assert run.model(encoder, decoder).encode(images().test.x).shape == (24, 3)


def test_a_stop_ends_after_the_step_and_leaves_a_whole_run(tmp_path):
    stop = Stop()

    def after_one(metrics):
        stop.asked = True

    config = TrainConfig(**{**FAST, "epochs": 1000, "log_every": 2})
    run = train(images(), config, tmp_path / "run", stop=stop, on_metrics=after_one)
    assert run.config["status"] == "stopped after 2 steps"
    assert len(run.latents("train").p) == 96
    assert run.metrics["step"].tolist() == [2]


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_leave_a_usable_run(tmp_path, signum, status):
    command = ["train", "digits", "--out", str(tmp_path / "run"), "--epochs", "100000", "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-m", "eccentric", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    metrics = tmp_path / "run" / "metrics.csv"
    deadline = time.monotonic() + 120
    while not (metrics.exists() and metrics.read_text().count("\n") > 1):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signum)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == status, output.decode()
    run = Run(tmp_path / "run")
    assert run.config["status"].startswith("stopped after")
    assert run.components.dim == 8
    assert (run.path / "report.html").exists()


def test_divergence_names_the_term_and_the_step(tmp_path):
    x = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    with pytest.raises(EccentricError, match=r"^the .* became (nan|inf) in step \d+; lower the learning rate$"):
        train(from_arrays(x), TrainConfig(**{**FAST, "learning_rate": 1e30, "epochs": 20}), tmp_path / "run")
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert json.loads((tmp_path / "run" / "config.json").read_text())["status"] == "training"


def test_divergence_in_the_last_step(tmp_path):
    """Nothing was wrong with the losses before the last step, but with the weights after it."""
    config = TrainConfig(**{**FAST, "learning_rate": 1e30, "epochs": 1, "batch_size": 96})
    with pytest.raises(EccentricError, match="latents are NaN or infinite in evaluation mode; lower the learning rate"):
        train(images(), config, tmp_path / "run")
    assert not (tmp_path / "run" / "model.safetensors").exists()


class TestFolders:
    def test_a_run_is_not_overwritten_unasked(self, tmp_path):
        train(images(), TrainConfig(**FAST), tmp_path / "run")
        with pytest.raises(UsageError, match="already holds a run; choose another folder with --out, or pass --resume"):
            train(images(), TrainConfig(**FAST), tmp_path / "run")
        train(images(), TrainConfig(**FAST), tmp_path / "run", overwrite=True)

    def test_other_peoples_files_are_never_overwritten(self, tmp_path):
        (tmp_path / "thesis.tex").write_text("")
        with pytest.raises(UsageError, match="is not empty and holds no run"):
            train(images(), TrainConfig(**FAST), tmp_path, overwrite=True)
        assert (tmp_path / "thesis.tex").exists()

    def test_a_file_in_the_way(self, tmp_path):
        (tmp_path / "run").write_text("")
        with pytest.raises(UsageError, match="is a file"):
            train(images(), TrainConfig(**FAST), tmp_path / "run")

    def test_what_is_no_run(self, tmp_path):
        with pytest.raises(EccentricError, match="there is no run folder"):
            Run(tmp_path / "none")
        with pytest.raises(EccentricError, match=r"is not a run folder, because it has no config\.json"):
            Run(tmp_path)

    @pytest.mark.parametrize("name", ["config.json", "metrics.csv", "model.safetensors", "latents.parquet"])
    def test_a_damaged_file_is_named(self, tmp_path, name):
        run = train(images(), TrainConfig(**FAST), tmp_path / "run")
        path = run.path / name
        path.write_bytes(path.read_bytes()[:40])
        read = {
            "config.json": lambda run: run.config,
            "metrics.csv": lambda run: run.metrics,
            "model.safetensors": lambda run: run.model(),
            "latents.parquet": lambda run: run.latents("test"),
        }[name]
        with pytest.raises(EccentricError, match=name) as caught:
            read(Run(run.path))
        assert "\n" not in str(caught.value)

    def test_a_narrower_network_is_opened_as_it_was_trained(self, tmp_path):
        run = train(images(), TrainConfig(**FAST, width=0.25), tmp_path / "run")
        assert run.config["train"]["width"] == 0.25
        assert next(run.model().encoder.parameters()).shape[0] == 8  # of 32 channels

    def test_nothing_in_it_is_a_pickle(self, tmp_path):
        run = train(images(), TrainConfig(**FAST), tmp_path / "run")
        assert all(tensor.isfinite().all() for tensor in read_tensors(run.path / "model.safetensors").values())
        suffixes = {path.suffix for path in run.path.iterdir() if path.is_file() and path.name != ".lock"}
        assert suffixes == {".json", ".csv", ".safetensors", ".parquet", ".sha256"}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"dim": 0}, "dim must be at least 1, not 0"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"batch_size": 1}, "batch_size must be at least 2"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
        ({"learning_rate": math.nan}, "learning_rate must be a positive number, not nan"),
        ({"settings": {"weight": -1.0}}, "weight must be zero or a positive number, not -1"),
        ({"settings": {"mu": 0.5}}, "mu"),
        ({"settings": {"N": "papre"}}, "'papre'"),
        ({"settings": {"N": -1.0}}, "a positive number, not -1.0"),
        ({"settings": {"wieght": 1.0}}, "method 'eccentric' has no setting 'wieght' .*'weight'"),
        ({"method": "ecentric"}, "unknown method 'ecentric' .*'eccentric'"),
        ({"dim": 1}, "dim 1 has no formula"),
        ({"width": 0.0}, "width must be a positive number, not 0.0"),
        ({"architecture": "resnet"}, "unknown architecture 'resnet'"),
        ({"device": "gpu9"}, "device 'gpu9' cannot be used"),
    ],
)
def test_settings_out_of_range(setting, message, tmp_path):
    with pytest.raises(UsageError, match=message) as caught:
        train(images(), TrainConfig(**{**FAST, **setting}), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
