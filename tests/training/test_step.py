from __future__ import annotations

import pytest
import torch
from torch import nn

from eccentric.models import Autoencoder, build_pair
from eccentric.training import TrainConfig, engine
from eccentric.training.step import Step


@pytest.mark.parametrize(
    ("architecture", "shape"), [("mnist", (1, 28, 28)), ("conv", (1, 8, 8)), ("conv", (3, 16, 16))]
)
def test_activations_are_channels_last_from_the_first_layer_on(architecture, shape):
    """One that is not costs a tenth of the step, in conversions and in slow loops over mixed strides."""
    config = TrainConfig(dim=4, device="cpu")
    model = Autoencoder(*build_pair(architecture, shape, config.dim))
    seen = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.out_channels > 1:
            layer.register_forward_hook(lambda layer, inputs, output: seen.append(output.stride(1)))
    step = Step(model, engine.start(config, work=0, images=True), config)
    step(torch.randint(256, (8, *shape), dtype=torch.uint8))
    assert seen
    assert set(seen) == {1}
