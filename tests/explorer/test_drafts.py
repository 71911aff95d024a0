"""The decoder that answers while a slider moves."""

import pytest
import torch
from torch import nn

from eccentric import DeepComponents
from eccentric.explorer import drafts
from eccentric.explorer.drafts import quick_decoder
from eccentric.explorer.fast_layers import IntegerUpsampling, LinearNear, PackedTransposed
from eccentric.explorer.states import latents_of
from eccentric.models import Autoencoder
from eccentric.models.paper import celeba_pair, mnist_pair


def model(pair, dim):
    made = Autoencoder(*pair(dim, width=0.1))
    made.decoder(torch.randn(16, dim))  # gives batch normalisation its statistics
    return made.to_inference()


def components_of(dim):
    return DeepComponents().fit(torch.randn(50, dim) @ torch.randn(dim, dim) + 1)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("pair", [mnist_pair, celeba_pair])
def test_a_draft_is_the_decoded_item_within_grey_levels(pair, monkeypatch):
    exact, components = model(pair, 3), components_of(3)
    quick = quick_decoder(exact, components, torch.zeros(1, 3))
    state = torch.randn(1, 3)
    expected = exact.decode(latents_of(components, state.numpy()))
    monkeypatch.setattr(exact.decoder, "forward", None)  # without the model's own decoder
    assert (quick(state) - expected).square().mean().sqrt() < 1
    assert (quick(state) - expected).abs().max() < 8


@pytest.mark.parametrize("integers", [False, True])
def test_a_simplified_decoder(integers):
    latents, decoder = drafts._Latents(components_of(3)), model(celeba_pair, 3).decoder
    with torch.no_grad():
        found = drafts._simplified(latents, decoder, torch.zeros(1, 3), integers)
        kinds = [type(layer) for layer in found.modules()]
        assert kinds.count(IntegerUpsampling) == (2 if integers else 0)
        assert kinds.count(PackedTransposed) == (1 if integers else 3)
        for state in torch.randn(3, 1, 3):
            error = (found(state) - decoder(latents(state))).square().mean().sqrt()
            assert error < (drafts.GREY_LEVEL if integers else 1e-6)


def test_other_processors_do_not_use_integers(monkeypatch):
    monkeypatch.setattr(drafts, "IntegerUpsampling", None)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    exact, components = model(celeba_pair, 3), components_of(3)
    quick = quick_decoder(exact, components, torch.zeros(1, 3))
    state = torch.randn(1, 3)
    expected = exact.decode(latents_of(components, state.numpy()))
    torch.testing.assert_close(quick(state), expected, rtol=0, atol=1e-3)


def test_a_decoder_whose_drafts_differ_is_not_used(monkeypatch):
    exact, components = model(celeba_pair, 3), components_of(3)
    state = torch.randn(1, 3)
    expected = exact.decode(latents_of(components, state.numpy()))
    monkeypatch.setattr(drafts, "GREY_LEVEL", 0.0)
    quick = quick_decoder(exact, components, torch.zeros(1, 3))
    torch.testing.assert_close(quick(state), expected, rtol=0, atol=1e-3)
    monkeypatch.setattr(drafts, "ROUNDING", -1.0)
    assert torch.equal(quick_decoder(exact, components, torch.zeros(1, 3))(state), expected)


@pytest.mark.parametrize("bias", [True, False])
def test_integers_agree_with_the_transposed_convolution(bias):
    layer = nn.ConvTranspose2d(5, 3, 4, 2, 1, bias=bias)
    x = torch.rand(1, 5, 4, 6)
    with torch.no_grad():
        fast = IntegerUpsampling(layer, [1, 5, 4, 6])
        for scale in (1e-3, 1.0, 1e3):
            expected = layer(scale * x).relu()
            assert (fast(scale * x) - expected).abs().max() < 0.02 * expected.abs().max()
        torch.testing.assert_close(fast(0 * x), layer(0 * x).relu())


def test_integers_do_not_overflow():
    layer = nn.ConvTranspose2d(64, 8, 4, 2, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1)
        x = torch.ones(1, 64, 4, 4)
        torch.testing.assert_close(IntegerUpsampling(layer, [1, 64, 4, 4])(x), layer(x), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    "other", [nn.ConvTranspose2d(2, 2, 4, 2), nn.ConvTranspose2d(2, 2, 2, 2), nn.Conv2d(2, 2, 4, 2, 1)]
)
def test_other_layers_are_not_computed_in_integers(other):
    assert not IntegerUpsampling.supports(other)
    assert IntegerUpsampling.supports(nn.ConvTranspose2d(2, 2, 4, 2, 1))
    around = nn.Sequential(nn.Identity(), nn.ConvTranspose2d(2, 2, 4, 2, 1), nn.ReLU())  # inputs may be negative
    assert isinstance(list(drafts._in_integers(around, {}).children())[1], nn.ConvTranspose2d)


@pytest.mark.parametrize(("most", "merged"), [(10**9, True), (1, False)])
def test_linear_layers_at_the_start_are_merged_up_to_a_size(most, merged, monkeypatch):
    monkeypatch.setattr(drafts, "MOST_NUMBERS", most)
    latents, decoder = drafts._Latents(components_of(3)), model(celeba_pair, 3).decoder
    state = torch.randn(1, 3)
    with torch.no_grad():
        found = drafts._merged(latents, decoder)
        assert any(isinstance(layer, LinearNear) for layer in found.modules()) == merged
        torch.testing.assert_close(found(state), decoder(latents(state)), rtol=1e-4, atol=1e-5)


def test_the_merged_layer_is_linear_wherever_its_inputs_were_before():
    weight, bias = torch.randn(12, 5), torch.randn(1, 5)
    layer = LinearNear(weight, bias)
    x = torch.zeros(1, 12)
    for i in range(40):
        x = x.clone()
        x[0, torch.randperm(12)[: 1 + i % 12]] = torch.randn(1 + i % 12) * 10
        result = layer(x)
        torch.testing.assert_close(result, bias + x @ weight, rtol=1e-4, atol=1e-4)
        result.zero_()  # as a layer that works in place


def test_where_pytorch_lacks_an_operator_the_model_decodes(monkeypatch):
    absent = lambda layer, shape: torch.ops.mkldnn.absent  # noqa: E731
    monkeypatch.setattr(drafts, "PackedTransposed", absent)
    monkeypatch.setattr(drafts, "IntegerUpsampling", absent)
    exact, components = model(mnist_pair, 3), components_of(3)
    state = torch.randn(1, 3)
    quick = quick_decoder(exact, components, torch.zeros(1, 3))
    assert torch.equal(quick(state), exact.decode(latents_of(components, state.numpy())))
