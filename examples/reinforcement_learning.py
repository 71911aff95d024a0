"""The rank of a value network's features as it trains, with the Eccentric loss, with published remedies, and without.

    pip install "eccentric[rl]"
    python examples/reinforcement_learning.py train CartPole-v1 --regularizer eccentric
    python examples/reinforcement_learning.py study runs/rl      # all trainings; resumable, one JSON file each
    python examples/reinforcement_learning.py write runs/rl docs

`study` copies trainings with the same settings from docs/reinforcement-learning.json; `--afresh` repeats them.
`RegularizedFeatures` is a mix-in for DQN of stable-baselines3 that can be copied as it stands.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import statistics
import time
from functools import partial
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
KEPT = Path(__file__).parents[1] / "docs" / "reinforcement-learning.json"


def rank_penalty(features: Tensor) -> Tensor:
    """Largest less smallest squared singular value of the features (b, d), as in Kumar et al. (2021)."""
    singular = torch.linalg.svdvals(features)
    return singular[0].square() - singular[-1].square()


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
        self.feature_loss, self.feature_weight = feature_loss, feature_weight
        super().__init__(*args, **kwargs)

    def _setup_model(self) -> None:  # called by __init__, and by load
        super()._setup_model()  # type: ignore[misc]
        regularize_input(self.policy.q_net.q_net[-1], self.feature_weight, self.feature_loss)


class InitialFeatures:
    """Mix-in: InFeR (Lyle et al. 2022). Linear heads on the features regress to their scaled initial outputs.

    Adds feature_weight * mean over the batch of the sum over the heads of (g(x) - scale * g_0(x))^2 to the objective:
    g is a head on the present features, g_0 the initial head on the features of the initial network. The heads are
    trained as well.
    """

    policy: Any

    def __init__(
        self, *args: Any, heads: int = 10, scale: float = 100.0, feature_weight: float = 0.1, **kwargs: Any
    ) -> None:
        self.heads, self.scale, self.feature_weight = heads, scale, feature_weight
        super().__init__(*args, **kwargs)

    def _setup_model(self) -> None:
        super()._setup_model()  # type: ignore[misc]
        policy, network = self.policy, self.policy.q_net
        last = network.q_net[-1]
        # As parts of the policy, they are saved, loaded and counted in the norm of the gradient.
        policy.heads = nn.Linear(last.in_features, self.heads).to(last.weight.device)
        policy.initial_heads = copy.deepcopy(policy.heads).requires_grad_(False)
        policy.initial_net = copy.deepcopy(network).requires_grad_(False)
        policy.optimizer.add_param_group({"params": list(policy.heads.parameters())})
        last.register_forward_pre_hook(self._keep)
        network.register_forward_hook(self._add)

    def _keep(self, _: nn.Module, inputs: tuple[Tensor]) -> None:
        (self._features,) = inputs

    def _add(self, network: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        features = self.__dict__.pop("_features")
        if not network.training or not torch.is_grad_enabled():
            return output
        target = self.scale * self.policy.initial_heads(features_of(self.policy.initial_net, inputs[0]))
        gaps = self.policy.heads(features) - target
        added: Tensor = AddedLoss.apply(output, self.feature_weight * gaps.square().sum(1).mean())
        return added


class AddedLoss(torch.autograd.Function):
    """Returns its first argument, and adds the second one to the objective."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, loss: Tensor) -> Tensor:
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        return gradient, gradient.new_ones(())


class RegularizedDQN(RegularizedFeatures, DQN):
    pass


class InitialFeaturesDQN(InitialFeatures, DQN):
    pass


REGULARIZERS: dict[str, Callable[..., DQN]] = {
    "none": DQN,
    "eccentric": partial(RegularizedDQN, feature_loss=eccentric_loss, feature_weight=0.001),
    "rank-penalty": partial(RegularizedDQN, feature_loss=rank_penalty, feature_weight=0.001),
    "infer": InitialFeaturesDQN,
}
"""The weight of the rank penalty is its authors'. Nothing was tuned here."""


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
    return REGULARIZERS[regularizer]("MlpPolicy", make_env(name, seed), **settings)


def features_of(network: Any, observations: Tensor) -> Tensor:
    """What goes into the last layer of a Q-network, (n, d), without gradients."""
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
        ranks.append(diagnostics(features_of(model.policy.q_net, states), warn=False))
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


def study(
    folder: Path,
    environments: list[str],
    regularizers: list[str],
    steps: int | None = None,
    seeds: int = len(SEEDS),
    kept: Path | None = KEPT,
) -> None:
    """Each training that neither the folder nor the kept results have with the same settings."""
    folder.mkdir(parents=True, exist_ok=True)
    known = read_json(kept) if kept is not None and kept.exists() else []
    for seed, name, regularizer in itertools.product(range(seeds), environments, regularizers):
        settings: dict[str, Any] = {
            "environment": name,
            "regularizer": regularizer,
            "seed": seed,
            "steps": steps or STEPS[name],
        }
        path = folder / f"{name.replace('/', '-')}-{regularizer}-seed{seed}.json"
        if path.exists():
            there = read_json(path)["steps"]
            if there != settings["steps"]:
                raise SystemExit(f"{path} has {there} steps, not {settings['steps']}; choose another folder")
            continue
        found = next((cell for cell in known if settings.items() <= cell.items()), None)
        if found is None:
            found = train(name, regularizer, seed, settings["steps"])
            print(f"{path.stem}: return {found['return']:.1f}, rank {found['effective_rank'][-1]:.1f}", flush=True)
        write_json(path, found)


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
    all_.add_argument("--environments", nargs="+", choices=list(STEPS), default=list(STEPS), metavar="NAME")
    all_.add_argument("--regularizers", nargs="+", choices=list(REGULARIZERS), default=list(REGULARIZERS))
    all_.add_argument("--seeds", type=int, default=len(SEEDS))
    all_.add_argument("--steps", type=int)
    all_.add_argument("--afresh", action="store_true", help="use no results of docs/reinforcement-learning.json")
    told = actions.add_parser("write", help="print the table of what there is, and keep the numbers as JSON")
    told.add_argument("folder", type=Path)
    told.add_argument("docs", type=Path)
    args = parser.parse_args()
    if args.action == "train":
        found = train(args.environment, args.regularizer, args.seed, args.steps or STEPS.get(args.environment, 50_000))
        for key, value in found.items():
            print(f"{key}: {value}")
    elif args.action == "study":
        kept = None if args.afresh else KEPT
        study(args.folder, args.environments, args.regularizers, args.steps, args.seeds, kept)
    else:
        cells = [read_json(path) for path in sorted(args.folder.glob("*.json"))]
        print(table(cells))
        write_json(args.docs / "reinforcement-learning.json", cells)


if __name__ == "__main__":
    main()
