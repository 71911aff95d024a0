from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from eccentric.data.items import ItemSpec
from eccentric.models import Autoencoder, build_model
from eccentric.training import TrainConfig, engine
from eccentric.training.step import Step


@pytest.mark.parametrize(
    ("architecture", "shape"), [("mnist", (1, 28, 28)), ("conv", (1, 8, 8)), ("conv", (3, 16, 16))]
)
def test_activations_are_channels_last_from_the_first_layer_on(architecture, shape):
    """One that is not costs a tenth of the step, in conversions and in slow loops over mixed strides."""
    config = TrainConfig(dim=4, device="cpu")
    model = build_model(ItemSpec("image", shape, "uint8"), architecture, config.dim, method=config.make_method)
    seen = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.out_channels > 1:
            layer.register_forward_hook(lambda layer, inputs, output: seen.append(output.stride(1)))
    step = Step(model, engine.start(config, work=0, images=True), config)
    step(torch.randint(256, (8, *shape), dtype=torch.uint8))
    assert seen
    assert set(seen) == {1}


def started(architecture="conv", shape=(1, 8, 8)):
    config = TrainConfig(dim=3, device="cpu", precision="32-true")
    model = build_model(ItemSpec("image", shape, "uint8"), architecture, config.dim, method=config.make_method)
    return Step(model, engine.start(config, work=0, images=True), config), model


def test_adams_state_comes_back_whatever_its_layout():
    """A checkpoint may have been written where convolutions like another one."""
    x = torch.randint(256, (8, 3, 8, 8), dtype=torch.uint8)
    step, model = started(shape=(3, 8, 8))
    step(x)
    other, other_model = started(shape=(3, 8, 8))
    other_model.load_state_dict(model.state_dict())
    state = deepcopy(step.optimizer.state_dict()["state"])
    other.load_optimizer({i: {name: value.contiguous() for name, value in kept.items()} for i, kept in state.items()})
    step(x)
    other(x)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other_model.state_dict()[name]), name


class WithASecret(nn.Linear):
    """A layer whose state is more than tensors, and one that its state leaves out."""

    def __init__(self):
        super().__init__(5, 3)
        self.register_buffer("seen", torch.zeros(()), persistent=False)

    def get_extra_state(self):
        return {"secret": 1}


def test_the_state_is_every_tensor_and_nothing_else():
    config = TrainConfig(dim=3, device="cpu")
    layer = WithASecret()
    step = Step(Autoencoder(layer, nn.Linear(3, 5), method=config.make_method()), engine.start(config, work=0), config)
    places = {tensor.data_ptr() for tensor in step.state()}
    assert {layer.weight.data_ptr(), layer.get_buffer("seen").data_ptr()} <= places
