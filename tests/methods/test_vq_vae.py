"""VQ-VAE: codes, moving averages, straight-through gradients, sampling."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from eccentric import EccentricAutoencoder
from eccentric.comparison.runs import compare
from eccentric.components import DeepComponents
from eccentric.data import load
from eccentric.errors import EccentricError, UsageError
from eccentric.evaluation.random_latents import describe_sampling, random_latents
from eccentric.export import sample
from eccentric.methods import make_method, make_settings
from eccentric.methods.vq_vae import VQVAE
from eccentric.report import write_report
from eccentric.runs import Run
from eccentric.training import TrainConfig, train
from tests.methods.checking import pair, trained


def build(dim: int = 2, **settings: Any) -> VQVAE:
    torch.manual_seed(0)
    method = make_method("vq-vae", settings, dim)
    assert isinstance(method, VQVAE)
    return method


def with_codes(codes: list[list[float]], **settings: Any) -> VQVAE:
    """A VQ-VAE with the given codebook, each of whose codes was used once a step so far."""
    method = build(len(codes[0]), codes=len(codes), **settings)
    method.codebook.copy_(torch.tensor(codes))
    method.sums.copy_(method.codebook)
    method.counts.fill_(1)
    return method


def step(method: VQVAE, h: Tensor) -> None:
    outputs = method(nn.Identity(), nn.Identity(), h)
    method.terms(outputs, h, nn.Identity(), nn.Identity())
    method.after_step()


def test_each_vector_becomes_its_nearest_code():
    method = with_codes([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]], tokens=2)
    h = torch.tensor([[3.0, 1.0, 0.5, 0.1], [1.0, 3.0, -9.0, -9.0]])
    assert method.nearest(h).tolist() == [[1, 0], [2, 0]]
    assert method.encode(h).tolist() == [[4, 0, 0, 0], [0, 4, 0, 0]]
    assert torch.equal(method.encode(method.encode(h)), method.encode(h))
    assert (method.encoder_width, method.decoder_width) == (4, 4)
    many = torch.randn(50, 4)
    distances = torch.cdist(many.view(-1, 2).double(), method.codebook.double())
    assert torch.equal(method.nearest(many).flatten(), distances.argmin(1))


def test_moving_averages_by_hand():
    method = with_codes([[0.0, 0.0], [10.0, 0.0]], tokens=1, decay=0.75)
    step(method, torch.tensor([[1.0, 1.0], [2.0, -1.0], [9.0, 2.0]]))
    # Two vectors with the sum (3, 0) chose the first code, one chose the second.
    torch.testing.assert_close(method.counts, torch.tensor([0.75 + 0.5, 0.75 + 0.25]))
    torch.testing.assert_close(method.sums, torch.tensor([[0.75, 0.0], [7.5 + 2.25, 0.5]]))
    torch.testing.assert_close(method.codebook, torch.tensor([[0.6, 0.0], [9.75, 0.5]]))
    step(method, torch.tensor([[9.0, 0.0]]))
    torch.testing.assert_close(method.counts, torch.tensor([1.25 * 0.75, 0.75 + 0.25]))
    torch.testing.assert_close(method.codebook[0], torch.tensor([0.6, 0.0]))
    torch.testing.assert_close(method.codebook[1], torch.tensor([9.75 * 0.75 + 9 * 0.25, 0.5 * 0.75]))


def test_without_memory_a_code_is_the_mean_of_its_vectors():
    method = with_codes([[-1.0, 0.0], [1.0, 0.0]], tokens=2, decay=0.0)
    h = torch.randn(40, 4)
    codes, vectors = method.nearest(h).flatten(), h.view(-1, 2)
    step(method, h)
    for k in range(2):
        torch.testing.assert_close(method.codebook[k], vectors[codes == k].mean(0))


def test_averages_do_not_depend_on_the_order_of_items():
    h = torch.randn(30, 4)
    codebooks = []
    for order in (torch.arange(30), torch.randperm(30)):
        method = with_codes([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], tokens=2)
        step(method, h[order])
        codebooks.append(method.codebook)
    torch.testing.assert_close(*codebooks)


def test_lost_codes_are_put_onto_vectors_of_the_batch():
    method = build(codes=5, tokens=2)
    h = torch.randn(30, 4) + 20
    unused = method.nearest(h).flatten().bincount(minlength=5) == 0
    assert unused.any()
    step(method, h)  # the first step puts all codes there: those that were chosen onto the mean of their vectors
    vectors = h.view(-1, 2)
    assert all((vectors == code).all(1).any() for code in method.codebook[unused])
    assert torch.equal(method.counts[unused], torch.ones(int(unused.sum())))
    assert method.codebook.min() > 15
    far = with_codes([[0.0, 0.0], [500.0, 0.0]], tokens=1, decay=0.5)
    for _ in range(10):
        step(far, torch.randn(8, 2))
    assert far.codebook.abs().max() < 5


def test_gradients_pass_straight_through_and_the_codebook_has_none():
    method = with_codes([[0.0, 0.0], [4.0, 0.0]], tokens=1)
    h = torch.tensor([[3.0, 1.0], [0.5, 0.5]], requires_grad=True)
    decoder = nn.Linear(2, 3)
    outputs = method(nn.Identity(), decoder, h)
    torch.testing.assert_close(outputs.reconstruction, decoder(method.encode(h)))
    slope = torch.randn(2, 3)
    (outputs.reconstruction * slope).sum().backward()
    assert h.grad is not None
    torch.testing.assert_close(h.grad, slope @ decoder.weight)
    h.grad = None
    term = method.terms(outputs, h, nn.Identity(), decoder)["commitment"]
    assert (term.weight, term.over) == (0.25, "items")
    torch.testing.assert_close(term.value, torch.tensor((1 + 1 + 0.25 + 0.25) / 4))
    term.value.backward()
    torch.testing.assert_close(h.grad, 2 * (h - method.encode(h)).detach() / 4)
    assert not list(method.parameters())


def test_it_learns_with_its_codes():
    torch.manual_seed(0)
    x = torch.randn(300, 3) @ torch.randn(3, 12)
    method = build(3, codes=32, tokens=4)
    encoder, decoder, _ = trained(method, pair(dim=method.encoder_width), x, steps=400)
    z = method.encode(encoder(x))
    assert (decoder(z) - x).square().mean() < 0.3 * x.var()
    assert len(method.nearest(encoder(x)).unique()) > 16


def test_a_saved_model_goes_on_to_the_bit():
    first = build(codes=6, tokens=2)
    step(first, torch.randn(20, 4))
    second = build(codes=6, tokens=2)
    second.load_state_dict(first.state_dict())
    assert sorted(first.state_dict()) == ["codebook", "counts", "sums"]
    for method in (first, second):
        torch.manual_seed(3)
        step(method, torch.randn(20, 4))
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_sampling_keeps_the_frequencies_of_each_place():
    method = with_codes([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]], tokens=2)
    codes = torch.tensor([[0, 1]] * 30 + [[1, 1]] * 10 + [[1, 2]] * 10)
    latents = method.codebook[codes].flatten(1)
    z = random_latents(method, DeepComponents().fit(latents), lambda: latents, 20_000, "categorical", seed=0)
    assert z.shape == (20_000, 4)
    assert torch.equal(method.encode(z), z)
    drawn = method.nearest(z)
    assert (drawn[:, 0] == 0).float().mean().item() == pytest.approx(0.6, abs=0.02)
    assert (drawn[:, 1] == 2).float().mean().item() == pytest.approx(0.2, abs=0.02)
    # The places are independent of one another: this is no prior over items.
    assert ((drawn[:, 0] == 0) & (drawn[:, 1] == 2)).float().mean().item() == pytest.approx(0.12, abs=0.02)
    assert "no prior" in describe_sampling(method, "categorical")
    with pytest.raises(UsageError, match="method 'vq-vae' has no sampling 'matched'; choose one of categorical"):
        random_latents(method, DeepComponents(), lambda: latents, 5, "matched")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"codes": 1}, "codes must be 2 or more, not 1"),
        ({"tokens": 0}, "tokens must be 1 or more, not 0"),
        ({"decay": 1.0}, "decay must be 0 or more and below 1, not 1.0"),
        ({"decay": "nan"}, "decay must be 0 or more and below 1"),
        ({"weight": -0.1}, "weight must be zero or a positive number"),
    ],
)
def test_bad_settings_are_named(values, message):
    with pytest.raises(UsageError, match=message):
        make_settings("vq-vae", values)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vq-vae") / "run"
    settings = {"codes": 8, "tokens": 3}
    config = TrainConfig(method="vq-vae", settings=settings, dim=2, epochs=1, width=0.1, device="cpu")
    return train(load("digits"), config, folder)


def test_a_run_has_no_components(run, tmp_path):
    assert not (run.path / "components.safetensors").exists()
    with pytest.raises(EccentricError, match="method vq-vae, which has no principal components"):
        _ = run.components
    latents = run.latents("test")
    assert latents.p.shape == (len(latents.rows), 0)
    assert latents.z.shape == (len(latents.rows), 6)
    assert "neighbour_error" in run.evaluation
    assert sample(run, 4, seed=0).shape == (4, 1, 8, 8)
    with pytest.raises(UsageError, match="no components to align"):
        compare([run, Run(shutil.copytree(run.path, tmp_path / "other"))])


def test_its_report_leaves_components_out(run):
    page = write_report(run).read_text()
    assert "it has no principal components" in page
    assert "trace" not in page.lower()
    assert {path.stem for path in (run.path / "figures").iterdir()} == {"curves", "reconstructions", "samples"}


def test_the_estimator_refuses_it():
    with pytest.raises(ValueError, match="method 'vq-vae' has no principal components"):
        EccentricAutoencoder(2, method="vq-vae").fit(np.eye(20, 4))
