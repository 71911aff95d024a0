"""Padding never changes anything: neither what it holds nor how much there is of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eccentric.components import DeepComponents
from eccentric.data import ItemSpec, from_arrays
from eccentric.inference import encode, reconstruction_error
from eccentric.models import Autoencoder, build_model
from eccentric.models.gru import GRUEncoder, gru_pair
from eccentric.models.pca import fit_pca
from eccentric.models.units import units_of
from eccentric.padding import item_errors, lengths_of, pad, pad_like, trimmed

CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-6}


def sequences(lengths: list[int], seed: int = 0) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(length, 2, generator=random) + torch.arange(2) for length in lengths]


def model_for(x: torch.Tensor) -> Autoencoder:
    spec = ItemSpec("sequence", tuple(x.shape[1:]))
    shift, scale, _ = units_of(x, spec)
    return build_model(spec, "auto", 3, width=0.05, units=(shift, scale))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=4, max_size=8), st.integers(1, 6), st.sampled_from([-1e6, 0.0, 3.0, np.nan])
)
def test_nothing_depends_on_the_padding(lengths, more, value):
    items = sequences(lengths)
    x = pad(items)
    data = []
    for steps in (x.shape[1], x.shape[1] + more):
        raw = np.full((len(lengths), steps, 2), value)
        for row, item in zip(raw, items, strict=True):
            row[: len(item)] = item
        data.append(from_arrays(raw, lengths=lengths).train.x)
    torch.testing.assert_close(data[0], data[1], rtol=0, atol=0, equal_nan=True)

    # Longer padding than any reader leaves, down to the gradients.
    found = []
    for padded in (x, pad(items, x.shape[1] + more)):
        model = model_for(padded)
        z, reconstruction, target = model(padded)
        error = model.mean_error(reconstruction, target)
        error.backward()
        components = DeepComponents().fit(z.detach())
        found.append(
            (z, error, model.shift, model.scale, components.eigenvalues, *(p.grad for p in model.parameters()))
        )
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


def test_the_error_is_the_mean_over_the_items_of_the_mean_over_their_real_numbers():
    items, other = sequences([2, 5, 3]), torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(1))
    expected = [(other[i, : len(item)] - item).square().mean() for i, item in enumerate(items)]
    other.requires_grad_()
    errors = item_errors(other, pad(items))
    torch.testing.assert_close(errors, torch.stack(expected))
    errors.mean().backward()
    assert other.grad is not None
    assert (other.grad[0, 2:] == 0).all()
    assert (other.grad[0, :2] != 0).all()


def test_a_whole_is_the_mean_of_its_batches():
    x = pad(sequences([2, 5, 3, 9, 1, 4]))
    model = model_for(x)
    parts = [reconstruction_error(model, part) for part in x.split(2)]
    assert reconstruction_error(model, x) == pytest.approx(np.mean(parts), rel=1e-5)


def test_padding_there_and_back():
    items = sequences([2, 5, 3])
    x = pad(items)
    assert lengths_of(x).tolist() == [2, 5, 3]
    for found, item in zip(trimmed(x), items, strict=True):
        assert torch.equal(found, item)
    assert torch.equal(pad_like(torch.zeros(3, 5, 2), x).isnan(), x.isnan())


def test_units_are_those_of_the_real_steps():
    items = sequences([2, 5, 3, 7])
    steps = torch.cat(items).double()
    shift, scale, constant = units_of(pad(items), ItemSpec("sequence", (7, 2)))
    torch.testing.assert_close(shift, steps.mean(0))
    torch.testing.assert_close(scale, steps.std(0))
    assert constant == []


def test_off_the_cpu_the_state_is_that_of_the_packed_sequence(monkeypatch):
    """An accelerator runs over the padding and picks the state at the last real step."""
    x = pad(sequences([2, 5, 3]))
    torch.manual_seed(0)
    encoder = GRUEncoder(2, 3, 8)
    packed = encoder(x)
    monkeypatch.setattr("eccentric.models.gru.packs_on", lambda device: False)
    torch.testing.assert_close(encoder(x), packed, **CLOSE)


def test_a_longer_decoder_begins_with_the_same_steps():
    torch.manual_seed(0)
    _, decoder = gru_pair((6, 2), 3, width=0.05)
    z = torch.randn(4, 3)
    short = decoder(z)
    decoder.steps = 11
    torch.testing.assert_close(decoder(z)[:, :6], short, **CLOSE)


def test_pca_of_padded_rows():
    """PCA sees the mean in the padding; its error is over the real numbers."""
    x = pad(sequences([3, 5, 2, 5, 4, 1, 5, 2]))
    model = model_for(x)
    whole = fit_pca(model, x, 8)
    assert whole.scores(x).shape == (8, 8)
    assert whole.errors(x).mean().item() == pytest.approx(0, abs=1e-9)
    standardized = ((x - model.shift) / model.scale).double()
    rows = standardized.flatten(1).nan_to_num().numpy()
    _, _, axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    redrawn = (rows - rows.mean(0)) @ axes[:1].T @ axes[:1] + rows.mean(0)
    gaps = item_errors(torch.from_numpy(redrawn).view(x.shape), standardized)
    torch.testing.assert_close(fit_pca(model, x, 1).errors(x), gaps)


def test_encoding_takes_other_lengths_than_those_trained_on():
    items = sequences([3, 5, 9])
    model = model_for(pad(items[:2]))
    torch.testing.assert_close(encode(model, pad(items))[:2], encode(model, pad(items[:2])), **CLOSE)
