"""The step as a CUDA graph; skipped where there is no GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from eccentric.data import from_arrays
from eccentric.data.items import ItemSpec
from eccentric.models import build_model
from eccentric.training import TrainConfig, engine, train
from eccentric.training.step import GraphedStep, Step
from tests.training.test_loop import images

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

CONFIG = TrainConfig(dim=3, epochs=5, batch_size=20, learning_rate=1e-3, device="cuda", precision="32-true")


@pytest.mark.parametrize("precision", ["32-true", "auto"])
def test_compiled_steps_in_a_graph_train_as_single_ones_do(tmp_path, precision):
    """What a long training of images does by default."""
    small = torch.cat([images().train.x, images().test.x])[:, 0]
    data = from_arrays(np.pad(np.kron(small, np.ones((1, 3, 3), np.uint8)), [(0, 0), (2, 2), (2, 2)]))  # 28 x 28
    settings = {**vars(CONFIG), "precision": precision, "architecture": "mnist", "dim": 8}
    found = {}
    for compiled in ("on", "off"):
        run = train(data, TrainConfig(**{**settings, "compile": compiled}), tmp_path / compiled)
        assert run.config["engine"]["graph"] == (compiled == "on")
        found[compiled] = run.metrics
    tolerance = 1e-2 if precision == "32-true" else 1e-1  # over some steps: TF32 and bfloat16 round
    for name in ("objective", "trace", "test_reconstruction"):
        np.testing.assert_allclose(found["on"][name], found["off"][name], rtol=tolerance)


def test_the_graph_trains_as_single_steps_do(tmp_path):
    found = {}
    for compiled in ("auto", "off"):
        run = train(images(), TrainConfig(**{**vars(CONFIG), "compile": compiled}), tmp_path / compiled)
        assert run.config["engine"]["graph"] == (compiled == "auto")
        found[compiled] = run.metrics
    for name in ("objective", "trace", "test_reconstruction"):
        np.testing.assert_allclose(found["auto"][name], found["off"][name], rtol=1e-3)


def test_recording_leaves_no_trace():
    started = engine.start(CONFIG, work=0)
    torch.manual_seed(0)
    step = Step(
        build_model(ItemSpec("image", (1, 8, 8), "uint8"), "conv", 3, method=CONFIG.make_method), started, CONFIG
    )
    x = images().train.x[:20].cuda()
    before = [tensor.clone() for tensor in step.state()]
    graph = GraphedStep(step, x)
    after = list(step.state())
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=False))
    assert not any(tensor.any() for tensor in after[len(before) :])  # Adam's, made in the first step
    graph(x)
    assert int(step.optimizer.state[next(iter(step.optimizer.state))]["step"]) == 1


def test_a_resumed_run_goes_on_in_a_new_graph(tmp_path):
    fewer = TrainConfig(**{**vars(CONFIG), "epochs": 2})
    train(images(), fewer, tmp_path / "resumed")
    resumed = train(images(), CONFIG, tmp_path / "resumed", resume=True)
    whole = train(images(), CONFIG, tmp_path / "whole")
    np.testing.assert_allclose(resumed.metrics["objective"], whole.metrics["objective"], rtol=1e-3)
