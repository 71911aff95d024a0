"""The decoder that answers while a slider moves."""

import pytest
import torch

from eccentric.explorer import drafts
from eccentric.explorer.drafts import quick_decoder
from eccentric.models import Autoencoder
from eccentric.models.paper import celeba_pair, mnist_pair


def model(pair, dim):
    made = Autoencoder(*pair(dim, width=0.1))
    made.decoder(torch.randn(16, dim))  # gives batch normalisation its statistics
    return made.to_inference()


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("pair", [mnist_pair, celeba_pair])
def test_a_draft_is_the_decoded_item_up_to_rounding(pair):
    exact = model(pair, 3)
    quick = quick_decoder(exact, torch.zeros(1, 3))
    assert "_in_raw_units" in quick.__qualname__  # not the model's own
    z = torch.randn(1, 3)
    assert torch.allclose(quick(z), exact.decode(z), atol=1e-3)


@pytest.mark.parametrize(("most", "layers"), [(10**9, 2), (1, 3)])
def test_linear_layers_at_the_start_are_merged_up_to_a_size(most, layers, monkeypatch):
    monkeypatch.setattr(drafts, "MOST_NUMBERS", most)
    decoder = model(celeba_pair, 3).decoder
    z = torch.randn(1, 3)
    with torch.no_grad():
        merged = drafts._merged(decoder)
        assert len(list(decoder.children())) - len(list(merged.children())) == 3 - layers
        torch.testing.assert_close(merged(z), decoder(z), rtol=1e-4, atol=1e-5)


def test_where_pytorch_lacks_an_operator_the_model_decodes(monkeypatch):
    monkeypatch.setattr(drafts, "_PackedTransposed", lambda layer, shape: torch.ops.mkldnn.absent)
    exact = model(mnist_pair, 3)
    z = torch.randn(1, 3)
    assert torch.equal(quick_decoder(exact, torch.zeros(1, 3))(z), exact.decode(z))
