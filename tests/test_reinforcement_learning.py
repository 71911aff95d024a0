"""The example of reinforcement learning at toy size."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("stable_baselines3", reason="the extra 'rl' is not installed")
pytest.importorskip("minatar", reason="the extra 'rl' is not installed")

EXAMPLE = Path(__file__).parents[1] / "examples" / "reinforcement_learning.py"


@pytest.fixture(scope="module")
def example() -> Any:
    spec = importlib.util.spec_from_file_location("reinforcement_learning", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_rank_penalty_in_closed_form(example):
    assert example.rank_penalty(torch.diag(torch.tensor([3.0, 1.0, 2.0]))).item() == pytest.approx(9 - 1)


@pytest.mark.filterwarnings("ignore")
def test_the_study_at_toy_size(example, tmp_path):
    known = {
        "environment": "CartPole-v1",
        "regularizer": "rank-penalty",
        "seed": 0,
        "steps": 1100,
        "effective_rank": [1.5],
        "return": 9.0,
        "training_return": 9.0,
        "features": 64,
        "cpu_seconds": 1.0,
    }
    other = {**known, "regularizer": "none", "steps": 20_000}
    example.write_json(tmp_path / "kept.json", [known, other])
    folder = tmp_path / "study"
    example.study(folder, ["CartPole-v1"], list(example.REGULARIZERS), 1100, seeds=1, kept=tmp_path / "kept.json")
    cells = {cell["regularizer"]: cell for cell in map(example.read_json, folder.iterdir())}
    assert set(cells) == set(example.REGULARIZERS)
    assert cells["rank-penalty"] == known  # not trained again; the other one has different settings
    assert all(1 <= rank <= 64 for cell in cells.values() for rank in cell["effective_rank"])
    # The same seed, so that the loss alone makes the difference, and it makes one.
    assert len({cell["effective_rank"][-1] for cell in cells.values()}) == 4
    assert example.table(list(cells.values())).count("| CartPole-v1 |") == 4
    with pytest.raises(SystemExit, match="has 1100 steps, not 20000"):
        example.study(folder, ["CartPole-v1"], ["none"], seeds=1)


def test_initial_features_as_a_formula(example):
    model = example.make_model("CartPole-v1", "infer", 0)
    policy, x = model.policy, torch.randn(7, 4)
    policy.set_training_mode(True)
    with torch.no_grad():
        policy.q_net.q_net[0].weight += 0.1  # the network has learned something
        policy.heads.weight += 0.1
    features = policy.q_net.q_net[:-1](x)
    target = 100 * policy.initial_heads(policy.initial_net.q_net[:-1](x))
    output = policy.q_net.q_net[-1](features)
    objective = output.square().mean() + 0.1 * (policy.heads(features) - target).square().sum(1).mean()
    trained = [*policy.q_net.parameters(), *policy.heads.parameters()]
    truth = torch.autograd.grad(objective, trained)
    policy.q_net(x).square().mean().backward()
    for parameter, true in zip(trained, truth, strict=True):
        torch.testing.assert_close(parameter.grad, true)
    assert {id(p) for group in policy.optimizer.param_groups for p in group["params"]} == {*map(id, trained)}
    assert not any(p.requires_grad for p in policy.initial_net.parameters())


@pytest.mark.parametrize("regularizer", ["eccentric", "infer"])
@pytest.mark.filterwarnings("ignore")
def test_a_saved_agent_is_loaded_and_trained_further(example, regularizer, tmp_path):
    model = example.make_model("CartPole-v1", regularizer, 0)
    model.learning_starts = 10
    model.learn(20)
    model.save(tmp_path / "agent")
    again = type(model).load(tmp_path / "agent", env=model.get_env())
    for (name, one), other in zip(model.policy.named_parameters(), again.policy.parameters(), strict=True):
        assert torch.equal(one, other), name
    assert again.feature_weight == model.feature_weight
    assert again.policy.q_net.q_net[-1]._forward_pre_hooks
    again.learn(20)


@pytest.mark.filterwarnings("ignore")
def test_the_board_fits_the_network(example):
    model = example.make_model("MinAtar/Breakout-v1", "eccentric", 0)
    board, _ = model.get_env().envs[0].reset()
    assert board.shape == (4, 10, 10)
    features = example.features_of(model.policy.q_net, torch.as_tensor(board)[None])
    assert features.shape == (1, 128)
    torch.testing.assert_close(model.policy.q_net.q_net[-1](features), model.policy.q_net(torch.as_tensor(board)[None]))
