"""The decoder that answers while a slider moves."""

import pytest
import torch

from eccentric import DeepComponents
from eccentric.explorer import drafts
from eccentric.explorer.drafts import quick_decoder
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
def test_a_draft_is_the_decoded_item_up_to_rounding(pair, monkeypatch):
    exact, components = model(pair, 3), components_of(3)
    quick = quick_decoder(exact, components, torch.zeros(1, 3))
    state = torch.randn(1, 3)
    expected = exact.decode(latents_of(components, state.numpy()))
    assert torch.allclose(quick(state), expected, atol=1e-3)
    monkeypatch.setattr(exact.decoder, "forward", None)
    assert torch.allclose(quick(state), expected, atol=1e-3)  # without the model's own decoder


@pytest.mark.parametrize(("most", "merged"), [(10**9, True), (1, False)])
def test_linear_layers_at_the_start_are_merged_up_to_a_size(most, merged, monkeypatch):
    monkeypatch.setattr(drafts, "MOST_NUMBERS", most)
    latents, decoder = drafts._Latents(components_of(3)), model(celeba_pair, 3).decoder
    state = torch.randn(1, 3)
    with torch.no_grad():
        found = drafts._merged(latents, decoder)
        assert any(isinstance(layer, drafts._LinearNear) for layer in found.modules()) == merged
        torch.testing.assert_close(found(state), decoder(latents(state)), rtol=1e-4, atol=1e-5)


def test_the_merged_layer_is_linear_wherever_its_inputs_were_before():
    weight, bias = torch.randn(12, 5), torch.randn(1, 5)
    layer = drafts._LinearNear(weight, bias)
    x = torch.zeros(1, 12)
    for i in range(40):
        x = x.clone()
        x[0, torch.randperm(12)[: 1 + i % 12]] = torch.randn(1 + i % 12) * 10
        result = layer(x)
        torch.testing.assert_close(result, bias + x @ weight, rtol=1e-4, atol=1e-4)
        result.zero_()  # as a layer that works in place


def test_where_pytorch_lacks_an_operator_the_model_decodes(monkeypatch):
    monkeypatch.setattr(drafts, "_PackedTransposed", lambda layer, shape: torch.ops.mkldnn.absent)
    exact, components = model(mnist_pair, 3), components_of(3)
    state = torch.randn(1, 3)
    quick = quick_decoder(exact, components, torch.zeros(1, 3))
    assert torch.equal(quick(state), exact.decode(latents_of(components, state.numpy())))
