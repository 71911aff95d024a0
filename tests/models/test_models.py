from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from eccentric.data.items import ItemSpec
from eccentric.errors import UsageError
from eccentric.methods import find, make_method
from eccentric.models import (
    ARCHITECTURES,
    Autoencoder,
    build_model,
    build_networks,
    celeba_pair,
    choose_architecture,
    choose_start,
    conv_pair,
    linear_pair,
    mlp_pair,
    mnist_pair,
    rare_columns,
    start_model,
)


def spec_of(shape: tuple[int, ...]) -> ItemSpec:
    return ItemSpec("image", shape, "uint8") if len(shape) == 3 else ItemSpec("table", shape)


def count(layers: list[tuple[int, int, int]]) -> int:
    """Parameters of layers (inputs, outputs, kernel side), each with a bias."""
    return sum(inputs * outputs * side**2 + outputs for inputs, outputs, side in layers)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def sizes(module: nn.Module, x: torch.Tensor, kind: type) -> list[int]:
    """Heights after each layer of a kind."""
    found = []
    assert isinstance(module, nn.Sequential)
    for layer in module:
        x = layer(x)
        if isinstance(layer, kind):
            found.append(x.shape[-1])
    return found


@pytest.mark.parametrize(("rows", "is_rare"), [(1, True), (9, True), (10, False), (500, False), (996, True)])
def test_a_column_is_rare_if_it_differs_in_few_rows(rows, is_rare):
    x = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0))
    x[:, 1] = (torch.arange(1000) < rows) * 5.0 - 2
    assert rare_columns(x) == [1] * is_rare


def test_constant_columns_and_few_rows_are_not_rare():
    assert rare_columns(torch.ones(100, 2)) == []
    assert rare_columns(torch.eye(20)) == []


@pytest.mark.parametrize("dim", [2, 6])
def test_the_papers_mnist_pair(dim):
    encoder, decoder = mnist_pair(dim)
    convolutions = [(1, 16, 5), (16, 24, 4), (24, 32, 4), (32, 48, 4)]
    norms = 2 * (16 + 24 + 32 + 48)
    assert parameters(encoder) == count([*convolutions, (768, 64, 1), (64, dim, 1)]) + norms
    back = [(dim, 48, 3), (48, 32, 4), (32, 24, 4), (24, 16, 4), (16, 16, 5), (16, 16, 1), (16, 1, 1)]
    assert parameters(decoder) == count(back) + 2 * (48 + 32 + 24 + 16 + 16 + 16)
    assert sizes(encoder, torch.rand(2, 1, 28, 28), nn.Conv2d) == [28, 13, 10, 4]
    assert sizes(decoder, torch.rand(2, dim), nn.ConvTranspose2d) == [3, 8, 11, 24, 28, 28, 28]


def test_the_papers_celeba_pair():
    encoder, decoder = celeba_pair(64)
    convolutions = [(3, 128, 4), (128, 256, 4), (256, 512, 4), (512, 1024, 4)]
    assert parameters(encoder) == count([*convolutions, (16384, 64, 1)]) + 2 * (128 + 256 + 512 + 1024)
    back = [(64, 65536, 1), (1024, 512, 4), (512, 256, 4), (256, 128, 4), (128, 3, 1)]
    assert parameters(decoder) == count(back) + 2 * (512 + 256 + 128)
    with torch.no_grad():
        assert sizes(encoder, torch.rand(2, 3, 64, 64), nn.Conv2d) == [32, 16, 8, 4]
        assert sizes(decoder, torch.rand(2, 64), nn.ConvTranspose2d) == [16, 32, 64, 64]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 17, 30), (4, 64, 5), (2, 1, 1), (1, 28, 28)])
def test_convolutions_for_any_image(shape):
    encoder, decoder = conv_pair(shape, 5)
    z = encoder(torch.rand(3, *shape))
    assert z.shape == (3, 5)
    image = decoder(z)
    assert image.shape == (3, *shape)
    assert 0 <= image.min() <= image.max() <= 1


def test_tables():
    encoder, decoder = mlp_pair(11, 3)
    z = encoder(torch.randn(4, 11))
    assert z.shape == (4, 3)
    assert decoder(z).shape == (4, 11)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 64), (2, 9, 20), (7,)])
@pytest.mark.parametrize("width", [0.001, 0.3, 1.5])
def test_the_width_scales_hidden_layers_only(shape, width):
    pairs = {factor: build_networks(spec_of(shape), "auto", 3, width=factor) for factor in (1.0, width)}
    encoder, decoder = pairs[width]
    with torch.no_grad():
        z = encoder.eval()(torch.rand(2, *shape))
        assert z.shape == (2, 3)
        assert decoder.eval()(z).shape == (2, *shape)
    for narrow, full in zip(pairs[width], pairs[1.0], strict=True):
        assert (parameters(narrow) < parameters(full)) == (width < 1)


def test_a_quarter_of_the_width():
    encoder, _ = mnist_pair(6, width=0.25)
    assert parameters(encoder) == count(
        [(1, 4, 5), (4, 6, 4), (6, 8, 4), (8, 12, 4), (12 * 16, 16, 1), (16, 6, 1)]
    ) + 2 * (4 + 6 + 8 + 12)
    assert all(
        wide.out_channels == 4
        for wide in conv_pair((1, 4, 4), 2, width=0.125)[0].children()
        if isinstance(wide, nn.Conv2d)
    )


@pytest.mark.parametrize(
    "pair",
    [
        mnist_pair(4, latent_width=9),
        celeba_pair(4, latent_width=9, width=0.05),
        conv_pair((1, 28, 28), 4, latent_width=9),
        mlp_pair(5, 4, latent_width=9),
        linear_pair((3, 64, 64), 4, latent_width=9),
    ],
)
def test_the_encoder_may_make_more_than_the_decoder_takes(pair):
    shape = {5: (5,), 3: (3, 64, 64), 1: (1, 28, 28)}[pair[1](torch.rand(2, 4)).shape[1]]
    assert pair[0](torch.rand(2, *shape)).shape == (2, 9)


@pytest.mark.parametrize(
    ("shape", "expected"), [((1, 28, 28), mnist_pair(4)), ((3, 64, 64), celeba_pair(4)), ((9,), mlp_pair(9, 4))]
)
def test_auto_goes_by_shape(shape, expected):
    encoder, decoder = build_networks(spec_of(shape), "auto", 4)
    assert (parameters(encoder), parameters(decoder)) == (parameters(expected[0]), parameters(expected[1]))


@pytest.mark.parametrize(
    ("architecture", "shape", "message"),
    [
        ("mnist", (3, 64, 64), "'mnist' takes 1x28x28 images, the data are 3x64x64 images"),
        ("celeba", (1, 28, 28), "'celeba' takes 3x64x64 images, the data are 1x28x28 images"),
        ("conv", (7,), "'conv' takes images, the data are 7 columns"),
        ("mlp", (1, 8, 8), "'mlp' takes tables, the data are 1x8x8 images"),
        ("resnet", (7,), "unknown architecture 'resnet'; choose one of auto, mnist"),
    ],
)
def test_architectures_that_do_not_fit(architecture, shape, message):
    with pytest.raises(UsageError, match=message):
        build_networks(spec_of(shape), architecture, 4)


@pytest.mark.parametrize(
    ("name", "shape"), [("mnist", (1, 28, 28)), ("celeba", (3, 64, 64)), ("conv", (2, 5, 9)), ("mlp", (6,))]
)
def test_every_architecture_has_an_encoder_and_a_decoder_of_their_own_widths(name, shape):
    spec = spec_of(shape)
    assert choose_architecture("auto", spec) == name
    encoder, decoder = build_networks(spec, name, 3, latent_width=5, width=0.1)
    with torch.no_grad():
        assert encoder.eval()(torch.rand(2, *shape)).shape == (2, 5)
        assert decoder.eval()(torch.rand(2, 3)).shape == (2, *shape)
    assert name in ARCHITECTURES


@pytest.mark.parametrize("shape", [(2, 5, 9), (6,)])
def test_the_linear_pair_is_one_layer_each_way(shape):
    encoder, decoder = build_networks(spec_of(shape), "linear", 3, latent_width=4)
    x, z = torch.rand(2, *shape), torch.rand(2, 3)
    for network, made, wanted in ((encoder, x, (2, 4)), (decoder, z, (2, *shape))):
        assert [p.ndim for p in network.parameters()] == [2, 1]
        assert network(made).shape == wanted
        torch.testing.assert_close(network(2 * made) - network(made), network(made) - network(0 * made))


def test_a_method_may_need_one_architecture():
    spec, linear = spec_of((1, 28, 28)), find("linear")
    assert choose_architecture("auto", spec, linear) == "linear"
    assert choose_architecture("linear", spec, linear) == "linear"
    assert choose_architecture("auto", spec, find("plain")) == "mnist"
    with pytest.raises(UsageError, match="method 'linear' needs architecture 'linear', not 'mnist'"):
        choose_architecture("mnist", spec, linear)
    assert len(list(build_networks(spec, "auto", 2, method=linear)[0].parameters())) == 2


def test_sequences_have_one_architecture():
    spec = ItemSpec("sequence", (50, 6))
    assert choose_architecture("auto", spec) == "gru"
    for name in ("conv", "mlp", "linear"):
        with pytest.raises(UsageError, match=f"architecture '{name}' takes .*, the data are 50x6 sequences"):
            build_model(spec, name, 2)
    with pytest.raises(UsageError, match="architecture 'gru' cannot start from PCA"):
        choose_start("pca", spec, "gru")
    with pytest.raises(UsageError, match="method 'vae' supports items of kind image or table, but the data are sequ"):
        build_model(spec, "auto", 2, method=partial(make_method, "vae", {}, 2))


def test_first_weights_depend_on_the_seed_alone():
    def weights(seed: int) -> torch.Tensor:
        return nn.utils.parameters_to_vector(build_model(spec_of((1, 8, 8)), "auto", 2, seed=seed).parameters())

    before = torch.get_rng_state()
    first = weights(1)
    torch.rand(3)
    assert torch.equal(weights(1), first)
    assert not torch.equal(weights(2), first)
    torch.set_rng_state(before)


@pytest.mark.parametrize("standardize", [True, False])
def test_the_units_of_a_table(standardize):
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10.0, 0.0]) + 5
    model, constant = start_model(x, spec_of((3,)), "auto", 2, standardize=standardize)
    seen = model.standardize(x)
    assert constant == [2]
    torch.testing.assert_close(seen.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    wanted = torch.tensor([1.0, 1.0, 0.0]) if standardize else x.var(0) / x.var(0).mean()
    torch.testing.assert_close(seen.var(0), wanted)


@pytest.mark.parametrize(
    ("x", "shift", "scale"),
    [
        (torch.tensor([0, 9], dtype=torch.uint8), 0.0, 255.0),
        (torch.tensor([0.0, 0.5]), 0.0, 1.0),
        (torch.tensor([-1.0, 3.0]), -1.0, 4.0),
        (torch.tensor([7.0, 7.0]), 7.0, 1.0),
    ],
)
def test_the_units_of_images(x, shift, scale):
    model, _ = start_model(x.reshape(2, 1, 1, 1), ItemSpec("image", (1, 1, 1)), "auto", 2)
    assert (model.shift.item(), model.scale.item()) == (shift, scale)


def test_units_travel_with_the_weights():
    shift, scale = torch.tensor([10.0, -3.0]), torch.tensor([2.0, 5.0])
    model = Autoencoder(nn.Identity(), nn.Identity(), shift, scale)
    x = torch.tensor([[12.0, 7.0], [8.0, -3.0]])
    torch.testing.assert_close(model.standardize(x), torch.tensor([[1.0, 2.0], [-1.0, 0.0]]))
    torch.testing.assert_close(model.decode(model.encode(x)), x)
    assert {"shift", "scale"} <= set(model.state_dict())


def test_bytes_become_unit_intervals():
    model = Autoencoder(nn.Flatten(), nn.Identity())
    z, _, target = model(torch.tensor([[[[0, 255]]]], dtype=torch.uint8))
    assert target.flatten().tolist() == [0, 1]
    assert z.dtype == torch.float32
