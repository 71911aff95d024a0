"""Latents with a loss, a Lightning trainer, a DQN that learns for a moment only, and a training loop."""

import gymnasium
import stable_baselines3
import torch
from examples.reinforcement_learning import RegularizedFeatures
from torch import nn

z = torch.randn(100, 6, requires_grad=True)
reconstruction_error = z.square().mean()
z0, z1 = z, z + 0.1 * torch.randn(100, 6)
env = gymnasium.make("CartPole-v1")


class DQN(stable_baselines3.DQN):
    def learn(self, total_timesteps, **settings):
        return super().learn(200, **settings)


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(10, 4), nn.Linear(4, 10)


model = Autoencoder()


def train(model):
    x = torch.randn(50, 10)
    (model.decoder(model.encoder(x)) - x).square().mean().backward()
