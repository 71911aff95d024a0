from __future__ import annotations

import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from eccentric.data import from_arrays
from eccentric.data.items import ItemSpec
from eccentric.errors import UsageError
from eccentric.methods.registry import make_method
from eccentric.models import Autoencoder, LinearSkip, conv_pair, mnist_pair, start_from_pca, start_model
from eccentric.models.general import Bypass
from eccentric.models.start import distance_from_scores
from eccentric.report import write_report
from eccentric.training import Stop, train
from eccentric.training.config import TrainConfig

if TYPE_CHECKING:
    from eccentric.runs import Run
    from eccentric.training import Metrics


def images(n: int = 120, side: int = 8, channels: int = 1) -> torch.Tensor:
    """Soft spots at random places, in [0, 255]."""
    generator = torch.Generator().manual_seed(0)
    at = torch.rand(n, channels, 2, 1, generator=generator) * side
    bumps = torch.exp(-((torch.arange(side) - at) ** 2) / 4)
    return (255 * bumps[:, :, 0, :, None] * bumps[:, :, 1, None, :]).round().to(torch.uint8)


def wrapped(x: torch.Tensor, dim: int = 3, networks: tuple[nn.Module, nn.Module] | None = None) -> Autoencoder:
    shape = tuple(x.shape[1:])
    encoder, decoder = networks or conv_pair(shape, dim)  # type: ignore[arg-type]
    size = x[0].numel()
    return Autoencoder(LinearSkip(encoder, size, dim), LinearSkip(decoder, dim, shape))


@torch.no_grad()
@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_network_starts_near_pca(channels):
    x = images(channels=channels)
    model = wrapped(x)
    assert start_from_pca(model, x)
    rows = x.flatten(1).numpy() / 255
    pca = PCA(3, random_state=0).fit(rows)
    expected = pca.inverse_transform(pca.transform(rows)).reshape(x.shape)
    z, made, target = model.eval()(x)
    assert 0 <= made.min() <= made.max() <= 1
    assert np.corrcoef(made.numpy().ravel(), expected.clip(0, 1).ravel())[0, 1] > 0.95
    ours, theirs = (made - target).square().mean().item(), np.square(expected - target.numpy()).mean()
    assert ours <= 1.2 * theirs
    covariance = np.cov(z.numpy().T)
    np.testing.assert_allclose(
        covariance, np.diag(3 * pca.explained_variance_ / pca.explained_variance_.sum()), atol=1e-4
    )


class Own(nn.Module):
    """A network without a last layer that could be set to zero."""

    def __init__(self, inputs: int, outputs: tuple[int, ...]) -> None:
        super().__init__()
        self.layer, self.outputs = nn.Linear(inputs, int(np.prod(outputs))), outputs

    def forward(self, x):
        return self.layer(x.flatten(1)).sin().unflatten(1, self.outputs)


@torch.no_grad()
def test_any_pair_of_modules_starts_from_pca():
    x = images()
    model = wrapped(x, 3, (Own(64, (3,)), Own(3, (1, 8, 8))))
    assert start_from_pca(model, x)
    rows = x.flatten(1).numpy() / 255
    pca = PCA(3, random_state=0).fit(rows)
    expected = pca.inverse_transform(pca.transform(rows)).reshape(x.shape)
    np.testing.assert_allclose(model(x)[1].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize(("networks", "share"), [(None, 0.9), ((Own(64, (3,)), Own(3, (1, 8, 8))), 0.995)])
def test_training_gains_on_pca(networks, share):
    torch.manual_seed(0)
    x = images(channels=1)
    model = wrapped(x, 3, networks).train()
    start_from_pca(model, x)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    errors = []
    for _ in range(40):
        _, made, target = model(x)
        error = (made - target).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < share * errors[0]


def test_every_parameter_is_saved_and_the_network_is_silent_at_first():
    x = torch.rand(4, 1, 28, 28)
    encoder, decoder = mnist_pair(3)
    skip = LinearSkip(decoder, 3, (1, 28, 28)).eval()
    assert {name.partition(".")[0] for name in skip.state_dict()} == {"linear", "network", "share"}
    z = torch.randn(4, 3)
    y = skip.linear(z).view(4, 1, 28, 28)
    torch.testing.assert_close(skip(z), y.sigmoid())
    front = LinearSkip(encoder, 784, 3).eval()
    torch.testing.assert_close(front(x), front.linear(x.flatten(1)))
    assert "gate" in LinearSkip(Own(3, (2,)), 3, 2).state_dict()


def encoder_of(run: Run) -> LinearSkip:
    encoder = run.model().encoder
    assert isinstance(encoder, LinearSkip)
    return encoder


@torch.no_grad()
def test_the_linear_map_fades_in_the_first_quarter_or_375_steps():
    x = images()
    model = wrapped(x).eval()
    start_from_pca(model, x)
    encoder, decoder = model.skips
    for skip in model.skips:
        skip.network[-1].weight.normal_()  # type: ignore[index]
    raw = x.float() / 255
    linear, network = encoder.linear(raw.flatten(1)), encoder.network(raw)
    for progress, step, share in ((0, 0, 1), (0.125, 200, 0.5), (0.25, 400, 0), (1.0, 75, 0.8), (1.0, 1600, 0)):
        model.before_step(progress, step)
        torch.testing.assert_close(model.encode(x), share * linear + network)
    z = model.encode(x)
    torch.testing.assert_close(255 * decoder.network(z).sigmoid(), model.decode(z))


@torch.no_grad()
def test_weights_from_before_the_fading_keep_the_whole_linear_map():
    x = images()
    model = wrapped(x).eval()
    start_from_pca(model, x)
    expected, old = model.encode(x), model.state_dict()
    model.before_step(1.0, 1000)
    assert not torch.allclose(model.encode(x), expected)
    model.load_state_dict({name: value for name, value in old.items() if not name.endswith(".share")})
    torch.testing.assert_close(model.encode(x), expected)


def test_the_distance_is_that_from_scaled_pca_scores():
    x = images()
    model = wrapped(x)
    start_from_pca(model, x)
    rows = x.flatten(1).double().numpy() / 255
    scores = PCA(3, svd_solver="full").fit_transform(rows)
    scores *= np.sqrt(3 / scores.var(0, ddof=1).sum())
    z = torch.randn(len(x), 3, generator=torch.Generator().manual_seed(1))
    encoder = model.skips[0]
    signs = np.sign((encoder.linear(x.flatten(1) / 255).detach().numpy() * scores).sum(0))
    expected = np.square(z.numpy() - signs * scores).sum(1).mean()
    assert distance_from_scores(encoder, z, x / 255).item() == pytest.approx(expected, rel=1e-4)


def states(x, **options):
    spec = ItemSpec("image" if x.ndim == 4 else "table", tuple(x.shape[1:]), str(x.dtype).removeprefix("torch."))
    return start_model(x, spec, "auto", 3, **options)[0].state_dict()


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_the_start_is_random_for_images_and_pca_for_tables_unless_asked():
    x = images()
    rows = x.flatten(1)[:, 20:40].float()
    assert same(states(x), states(x, start="random"))
    assert not any("linear" in name for name in states(x))
    assert same(states(rows), states(rows, start="pca"))
    assert not same(states(rows), states(rows, start="random"))
    started = states(x, start="pca")
    inner = {name.replace("network.", ""): value for name, value in started.items() if ".network." in name}
    changed = [name for name, value in inner.items() if not torch.equal(value, states(x)[name])]
    assert len(changed) == 4  # weight and bias of the two last layers
    assert all((inner[name] == 0).all() for name in changed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "zero"}, "unknown start 'zero'; choose one of auto, pca, random"),
        ({"start": "pca", "networks": (Own(64, (3,)), Own(3, (1, 8, 8)))}, "both are wrapped in"),
        ({"start": "pca", "method": lambda: make_method("irmae", {}, 3)}, "method 'irmae' cannot start from PCA"),
        (
            {"start": "pca", "method": lambda: make_method("linear", {}, 3)},
            "architecture 'linear' cannot start from PCA",
        ),
    ],
)
def test_what_cannot_start_from_pca_is_named(options, message):
    with pytest.raises(UsageError, match=message):
        states(images(), **options)


def test_a_run_that_started_from_pca_opens_again(tmp_path):
    x = images()
    config = TrainConfig(dim=3, epochs=1, batch_size=40, device="cpu", precision="32-true", compile="off", start="pca")
    run = train(from_arrays(x), config, tmp_path / "run")
    assert run.config["train"]["start"] == "pca"
    assert isinstance(run.model().encoder, LinearSkip)
    assert encoder_of(run).share == pytest.approx(1 - 1 / 375)  # before the last of two steps
    assert run.evaluation["test_reconstruction"] < 1.05 * run.evaluation["pca_test_reconstruction"]
    plain = train(from_arrays(x), replace(config, start="auto"), tmp_path / "plain")
    assert plain.config["train"]["start"] == "random"
    config = replace(config, architecture="auto")
    encoder, decoder = conv_pair((1, 8, 8), 3)
    own = LinearSkip(encoder, 64, 3), LinearSkip(decoder, 3, (1, 8, 8))
    custom = train(from_arrays(x), config, tmp_path / "own", encoder=own[0], decoder=own[1])
    assert custom.evaluation["test_reconstruction"] < 1.05 * custom.evaluation["pca_test_reconstruction"]


def test_anchors_keep_latents_near_pca_scores_and_are_part_of_the_objective(tmp_path):
    x = images(400)
    config = TrainConfig(dim=3, epochs=20, batch_size=40, learning_rate=2e-3, device="cpu", start="pca", compile="off")
    data = from_arrays(x)
    runs = [train(data, replace(config, anchor=anchor), tmp_path / str(anchor)) for anchor in (0, 0.1)]
    with torch.no_grad():
        far, near = (distance_from_scores(encoder_of(run), run.model().encode(x), x / 255).item() for run in runs)
    assert near < 0.2 * far
    free, anchored = (run.metrics for run in runs)
    assert "term/anchor" not in free
    weighted = anchored["reconstruction"] + 0.001 * anchored["term/eccentric"] + 0.1 * anchored["term/anchor"]
    np.testing.assert_allclose(anchored["objective"], weighted, rtol=1e-5)
    initial, _ = start_model(data.train.x, data.spec, "auto", 3, start="pca")
    torch.testing.assert_close(encoder_of(runs[1]).linear.weight, initial.skips[0].linear.weight)


def test_tables_can_be_anchored(tmp_path):
    x = torch.randn(300, 6, generator=torch.Generator().manual_seed(0)).cumsum(1)
    data = from_arrays(x)
    config = TrainConfig(dim=2, epochs=5, batch_size=30, learning_rate=1e-2, device="cpu")
    runs = [train(data, replace(config, anchor=anchor), tmp_path / str(anchor)) for anchor in (0, 10.0)]
    encoder, z = runs[1].model().encoder, runs[1].model().encode(x)
    assert isinstance(encoder, Bypass)
    assert distance_from_scores(encoder, z, runs[1].model().standardize(x)).item() < 0.01
    initial, _ = start_model(data.train.x, data.spec, "auto", 2)
    assert isinstance(initial.encoder, Bypass)
    torch.testing.assert_close(encoder.linear.weight, initial.encoder.linear.weight)
    assert ["term/anchor" in run.metrics for run in runs] == [False, True]


def test_anchors_need_a_linear_map(tmp_path):
    with pytest.raises(UsageError, match="start pca"):
        train(from_arrays(images()), TrainConfig(dim=3, epochs=1, anchor=0.1, device="cpu"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match="anchor must be zero or a positive number"):
        TrainConfig(anchor=-1.0)


def test_fading_and_anchors_resume_to_the_bit_and_are_reported(tmp_path):
    data = from_arrays(images(400))
    config = TrainConfig(dim=3, epochs=12, batch_size=40, device="cpu", start="pca", anchor=0.01, log_every=5)
    whole = train(data, config, tmp_path / "whole")
    stop = Stop()

    def in_the_middle_of_the_fading(metrics: Metrics) -> None:
        stop.asked = metrics.step >= 45

    stopped = train(data, config, tmp_path / "resumed", stop=stop, on_metrics=in_the_middle_of_the_fading)
    assert 0.85 < encoder_of(stopped).share < 0.9
    resumed = train(data, config, tmp_path / "resumed", resume=True)
    for name, tensor in resumed.model().state_dict().items():
        assert torch.equal(tensor, whole.model().state_dict()[name]), name
    with pytest.raises(UsageError, match="epochs was 12, not 24"):  # the fading depends on the number
        train(data, replace(config, epochs=24), tmp_path / "resumed", resume=True)
    report = write_report(resumed).read_text()
    assert "0.01 × squared distance from PCA scores" in report
    assert encoder_of(resumed).share == pytest.approx(1 - 95 / 375)  # before the last of 96 steps


def test_a_pair_with_linear_maps_can_be_pickled():
    model = wrapped(images())
    model.before_step(0.1, 40)
    again = pickle.loads(pickle.dumps(model))
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
