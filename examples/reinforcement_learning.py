"""The rank of a value network's features as it trains, with the Eccentric loss, without, and with a rank penalty.

    pip install "eccentric[rl]"
    python examples/reinforcement_learning.py train CartPole-v1 --regularizer eccentric
    python examples/reinforcement_learning.py study runs/rl      # all cells; resumable, one JSON file each
    python examples/reinforcement_learning.py write runs/rl docs

`RegularizedFeatures` is a mix-in for DQN of stable-baselines3 that can be copied as it stands.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from eccentric import diagnostics, eccentric_loss
from eccentric.adapters.gradients import regularize_input
from eccentric.files import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

STEPS = {"CartPole-v1": 20_000, "Acrobot-v1": 20_000, "MinAtar/Breakout-v1": 30_000}
SEEDS = range(5)
PROBED = 1024
EPISODES = 20


def rank_penalty(features: Tensor) -> Tensor:
    """Largest less smallest squared singular value of the features (b, d), as in Kumar et al. (2021)."""
    singular = torch.linalg.svdvals(features)
    return singular[0].square() - singular[-1].square()


REGULARIZERS: dict[str, tuple[float, Callable[[Tensor], Tensor]] | None] = {
    "none": None,
    "eccentric": (0.001, eccentric_loss),
    "rank-penalty": (0.001, rank_penalty),
}
"""Name -> weight and loss of the features (b, d). The penalty's weight is its authors'; neither was tuned here."""


class RegularizedFeatures:
    """Mix-in: a loss of the features before the last layer of the online Q-network.

    class EccentricDQN(RegularizedFeatures, DQN): ...
    EccentricDQN("MlpPolicy", env, feature_loss=eccentric_loss, feature_weight=0.001).learn(50_000)
    """

    policy: Any

    def __init__(
        self,
        *args: Any,
        feature_loss: Callable[[Tensor], Tensor] = eccentric_loss,
        feature_weight: float = 0.001,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        regularize_input(self.policy.q_net.q_net[-1], feature_weight, feature_loss)


class RegularizedDQN(RegularizedFeatures, DQN):
    pass


class Board(gymnasium.ObservationWrapper[Any, Any, Any]):
    """MinAtar's boolean board with the channels first, in float32."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        assert env.observation_space.shape is not None
        height, width, channels = env.observation_space.shape
        self.observation_space = gymnasium.spaces.Box(0, 1, (channels, height, width), np.float32)

    def observation(self, observation: Any) -> Any:
        return np.moveaxis(np.asarray(observation, np.float32), 2, 0)


class BoardNetwork(BaseFeaturesExtractor):
    """One convolution with 16 kernels of 3x3, as MinAtar's authors use, and a flattened output."""

    def __init__(self, observation_space: Any) -> None:
        channels, height, width = observation_space.shape
        super().__init__(observation_space, 16 * (height - 2) * (width - 2))
        self.network = nn.Sequential(nn.Conv2d(channels, 16, 3), nn.ReLU(), nn.Flatten())

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.network(x)
        return result


def make_env(name: str, seed: int) -> Any:
    if name.startswith("MinAtar/"):
        from minatar.gym import register_envs

        if name not in gymnasium.registry:
            register_envs()
        env = Board(gymnasium.make(name))
    else:
        env = gymnasium.make(name)  # type: ignore[assignment]
    env = Monitor(env)  # type: ignore[assignment]
    env.reset(seed=seed)
    return env


def make_model(name: str, regularizer: str, seed: int) -> DQN:
    """Deep Q-learning with the settings of RL Baselines3 Zoo's kind, the same for every regularizer."""
    board = name.startswith("MinAtar/")
    kwargs: dict[str, Any] = {"net_arch": [128] if board else [64, 64]}
    if board:
        kwargs["features_extractor_class"] = BoardNetwork
    settings: dict[str, Any] = {
        "learning_rate": 3e-4 if board else 1e-3,
        "buffer_size": 50_000,
        "learning_starts": 1000,
        "batch_size": 64,
        "train_freq": 4,
        "gradient_steps": 1 if board else 2,
        "target_update_interval": 500,
        "exploration_fraction": 0.2,
        "exploration_final_eps": 0.05,
        "policy_kwargs": kwargs,
        "seed": seed,
        "device": "cpu",
    }
    env, chosen = make_env(name, seed), REGULARIZERS[regularizer]
    if chosen is None:
        return DQN("MlpPolicy", env, **settings)
    return RegularizedDQN("MlpPolicy", env, feature_weight=chosen[0], feature_loss=chosen[1], **settings)


def features_of(model: DQN, observations: Tensor) -> Tensor:
    """What goes into the last layer of the Q-network, (n, d)."""
    network: Any = model.policy.q_net
    with torch.no_grad():
        z: Tensor = network.q_net[:-1](network.extract_features(observations, network.features_extractor))
    return z


def train(name: str, regularizer: str, seed: int, steps: int) -> dict[str, Any]:
    """One training; the return is that of the greedy policy over 20 episodes, the rank that of 1,024 states met."""
    torch.manual_seed(seed)
    model = make_model(name, regularizer, seed)
    ranks = []
    start = time.process_time()
    parts = 5
    for part in range(parts):
        model.learn(steps // parts, reset_num_timesteps=part == 0)
        assert model.replay_buffer is not None
        states = model.replay_buffer.sample(min(PROBED, model.replay_buffer.size())).observations
        ranks.append(diagnostics(features_of(model, states), warn=False))
    seconds = time.process_time() - start
    assert model.ep_info_buffer is not None
    returns = [float(episode["r"]) for episode in model.ep_info_buffer]  # the last hundred episodes, exploring
    greedy, _ = evaluate_policy(model, make_env(name, 1000 + seed), EPISODES, warn=False)
    return {
        "environment": name,
        "regularizer": regularizer,
        "seed": seed,
        "steps": steps,
        "return": float(np.mean(greedy)),
        "training_return": statistics.mean(returns) if returns else None,
        "effective_rank": [found.effective_rank.item() for found in ranks],
        "trace": [found.trace.item() for found in ranks],
        "features": len(ranks[-1].eigenvalues),
        "cpu_seconds": seconds,
    }


def study(folder: Path, environments: list[str], steps: int | None = None, seeds: int = len(SEEDS)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name, regularizer in itertools.product(range(seeds), environments, REGULARIZERS):
        path = folder / f"{name.replace('/', '-')}-{regularizer}-seed{seed}.json"
        if not path.exists():
            found = train(name, regularizer, seed, steps or STEPS[name])
            write_json(path, found)
            print(f"{path.stem}: return {found['return']:.1f}, rank {found['effective_rank'][-1]:.1f}", flush=True)


def table(cells: list[dict[str, Any]]) -> str:
    """One row for each environment and regularizer, the highest mean return first."""
    lines = [
        "| environment | regularizer | seeds | return, greedy | return, last 100 episodes | effective rank | CPU s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in STEPS:
        rows = []
        for regularizer in REGULARIZERS:
            some = [c for c in cells if (c["environment"], c["regularizer"]) == (name, regularizer)]
            if some:
                greedy = [c["return"] for c in some]
                lately = [c["training_return"] for c in some if c["training_return"] is not None]
                rank = [c["effective_rank"][-1] for c in some]
                seconds = statistics.median(c["cpu_seconds"] for c in some)
                row = f"| {name} | {regularizer} | {len(some)} | {spread(greedy)} | {spread(lately)} | "
                row += f"{spread(rank)} of {some[0]['features']} | {seconds:.0f} |"
                rows.append((statistics.mean(greedy), row))
        lines += [row for _, row in sorted(rows, reverse=True)]
    return "\n".join(lines) + "\n"


def spread(values: list[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    one = actions.add_parser("train", help="one training; prints what it found")
    one.add_argument("environment", help=", ".join(STEPS))
    one.add_argument("--regularizer", choices=list(REGULARIZERS), default="eccentric")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--steps", type=int)
    all_ = actions.add_parser("study", help="every environment, regularizer and seed")
    all_.add_argument("folder", type=Path)
    all_.add_argument("--environments", nargs="+", default=list(STEPS))
    all_.add_argument("--seeds", type=int, default=len(SEEDS))
    all_.add_argument("--steps", type=int)
    told = actions.add_parser("write", help="print the table of what there is, and keep the numbers as JSON")
    told.add_argument("folder", type=Path)
    told.add_argument("docs", type=Path)
    args = parser.parse_args()
    if args.action == "train":
        found = train(args.environment, args.regularizer, args.seed, args.steps or STEPS.get(args.environment, 50_000))
        for key, value in found.items():
            print(f"{key}: {value}")
    elif args.action == "study":
        study(args.folder, args.environments, args.steps, args.seeds)
    else:
        cells = [read_json(path) for path in sorted(args.folder.glob("*.json"))]
        print(table(cells))
        write_json(args.docs / "reinforcement-learning.json", cells)


if __name__ == "__main__":
    main()
