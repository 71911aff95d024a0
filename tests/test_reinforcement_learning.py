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
    example.study(tmp_path, ["CartPole-v1"], steps=1100, seeds=1)
    cells = [example.read_json(path) for path in sorted(tmp_path.glob("*.json"))]
    assert [cell["regularizer"] for cell in cells] == ["eccentric", "none", "rank-penalty"]
    assert all(1 <= rank <= 64 for cell in cells for rank in cell["effective_rank"])
    # The same seed, so that the loss alone makes the difference, and it makes one.
    assert len({cell["effective_rank"][-1] for cell in cells}) == 3
    table = example.table(cells)
    assert table.count("| CartPole-v1 |") == 3


@pytest.mark.filterwarnings("ignore")
def test_the_board_fits_the_network(example):
    model = example.make_model("MinAtar/Breakout-v1", "eccentric", 0)
    board, _ = model.get_env().envs[0].reset()
    assert board.shape == (4, 10, 10)
    features = example.features_of(model, torch.as_tensor(board)[None])
    assert features.shape == (1, 128)
    torch.testing.assert_close(model.policy.q_net.q_net[-1](features), model.policy.q_net(torch.as_tensor(board)[None]))
