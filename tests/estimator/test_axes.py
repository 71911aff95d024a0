"""Axes and starts: what they change, what they leave, and what a folder records."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA

from eccentric import EccentricAutoencoder, EccentricLoss
from eccentric.data import from_arrays
from eccentric.models import LinearSkip
from eccentric.training import TrainConfig, train
from tests.estimator.test_inputs import squares
from tests.estimator.test_learning import curved, low_rank, quick


@pytest.fixture(scope="module")
def both():
    """The same training, with either axes."""
    x = low_rank()
    settings = {"n_components": 3, "max_epochs": 2, "learning_rate": 0.003, "early_stopping": False}
    return x, *(quick(**settings, axes=axes).fit(x) for axes in ("anchored", "principal"))


def test_a_rotation_changes_neither_reconstruction_nor_loss(both):
    x, anchored, principal = both
    p, q = anchored.transform(x), principal.transform(x)
    assert not np.allclose(p, q, atol=1e-2)
    np.testing.assert_allclose(anchored.inverse_transform(p), principal.inverse_transform(q), atol=1e-4)
    assert anchored.reconstruction_error_ == principal.reconstruction_error_
    loss = EccentricLoss(3)
    mean = torch.from_numpy(anchored.mean_ @ anchored.components_rotation_.T)
    z = torch.from_numpy(p) + mean  # the latents, turned
    turned = torch.from_numpy(q) + torch.from_numpy(principal.mean_ @ principal.components_rotation_.T)
    torch.testing.assert_close(loss(z), loss(turned), rtol=1e-6, atol=0)


def test_anchored_axes_are_ordered_and_near_pcas(both):
    x, anchored, principal = both
    variances = anchored.explained_variance_
    assert (np.diff(variances) <= 0).all()
    assert variances.sum() == pytest.approx(principal.explained_variance_.sum())
    p = anchored.transform(x)
    np.testing.assert_allclose(p.var(0, ddof=1), variances, rtol=0.2)  # of all rows, not of the training rows alone
    scores = PCA(3).fit_transform((x - x.mean(0)) / x.std(0))
    correlation = np.abs(np.corrcoef(p.T, scores.T)[:3, 3:])
    assert correlation.max(1).min() > 0.8


def test_axes_and_start_are_saved(both, tmp_path):
    x, anchored, principal = both
    anchored.save(tmp_path / "run")
    again = EccentricAutoencoder.load(tmp_path / "run")
    assert (again.axes, again.start) == ("anchored", "auto")
    np.testing.assert_array_equal(again.transform(x), anchored.transform(x))
    assert clone(again).get_params() == anchored.get_params()
    principal.save(tmp_path / "old")
    path = tmp_path / "old" / "config.json"
    config = json.loads(path.read_text())
    del config["train"]["axes"], config["estimator"]["parameters"]["axes"], config["estimator"]["parameters"]["start"]
    path.write_text(json.dumps(config))  # as earlier versions wrote it
    old = EccentricAutoencoder.load(tmp_path / "old")
    assert (old.axes, old.start) == ("principal", "pca")
    np.testing.assert_array_equal(old.transform(x), principal.transform(x))


def test_images_start_from_pca(tmp_path):
    x = squares(60)
    first, random = (
        quick(n_components=2, max_epochs=1, start=start, learning_rate=1e-9).fit(x) for start in ("auto", "random")
    )
    assert isinstance(first._fitted.model.encoder, LinearSkip)
    assert first.reconstruction_error_ < 1.2 * first.pca_reconstruction_error_ < random.reconstruction_error_
    first.save(tmp_path / "run")
    again = EccentricAutoencoder.load(tmp_path / "run")
    np.testing.assert_allclose(again.transform(x), first.transform(x), atol=1e-5)
    with pytest.raises(ValueError, match="method 'irmae' cannot start from PCA"):
        quick(method="irmae", start="pca").fit(x)
    assert quick(n_components=2, method="irmae", max_epochs=1).fit(x).n_components_ == 2


def test_training_waits_until_the_linear_maps_have_faded():
    settings = {"n_components": 2, "max_epochs": 60, "batch_size": 4, "n_iter_no_change": 2, "learning_rate": 1e-9}
    x = squares(60)  # 13 steps per epoch, so that the maps fade for 28 epochs
    waiting, random = (quick(**settings, start=start).fit(x) for start in ("pca", "random"))
    assert waiting.n_iter_ == 28 + 2
    assert random.n_iter_ < 28


def test_images_are_anchored_to_pca_scores():
    x = squares(60)
    for start, anchor in (("auto", 0.001), ("random", 0.0)):
        model = quick(n_components=2, max_epochs=1, start=start).fit(x)
        assert model._fitted.record.config.anchor == anchor
        assert ("term/anchor" in model.history_) == (anchor > 0)
    assert quick(n_components=2, max_epochs=1).fit(low_rank())._fitted.record.config.anchor == 0.0


def test_a_larger_anchor_keeps_tables_nearer_to_pca_at_a_higher_error():
    x = curved()
    scores = PCA(2).fit_transform((x - x.mean(0)) / x.std(0))
    errors, unexplained = [], []
    for anchor in (0.0, 0.03, 10.0):
        model = quick(n_components=2, max_epochs=40, learning_rate=3e-3, anchor=anchor).fit(x)
        p = model.transform(x)
        left = p - scores @ np.linalg.lstsq(scores, p, rcond=None)[0]
        errors.append(model.reconstruction_error_)
        unexplained.append(np.square(left).sum() / np.square(p).sum())
    assert errors == sorted(errors)
    assert errors[-1] < model.pca_reconstruction_error_  # the decoder is not linear
    assert unexplained == sorted(unexplained, reverse=True)
    assert unexplained[-1] < 1e-3


def test_a_stream_keeps_the_anchor_of_fit_and_a_folder_that_of_its_run(tmp_path):
    x = low_rank().astype(np.float32)
    model = quick(n_components=2, max_epochs=1, anchor=0.1).fit(x)
    before = model._fitted.model.encoder.linear.weight.clone()
    model.set_params(anchor=0.0).partial_fit(x)
    torch.testing.assert_close(model._fitted.model.encoder.linear.weight, before)
    free = quick(n_components=2, max_epochs=1).fit(x).set_params(anchor=0.1).partial_fit(x)
    assert free._fitted.config.anchor == 0.0  # its linear map is not that of PCA any more

    train(from_arrays(x), TrainConfig(dim=2, epochs=1, anchor=0.2, device="cpu"), tmp_path / "run")
    loaded = EccentricAutoencoder.load(tmp_path / "run")
    assert loaded.anchor == 0.2
    assert loaded.partial_fit(x)._fitted.config.anchor == 0.2


@pytest.mark.parametrize("anchor", [np.array([0.1, 0.2]), -1.0, np.inf, np.nan, True, "much", None])
def test_anchors_out_of_range_are_named(anchor):
    with pytest.raises(ValueError, match="'anchor' parameter of EccentricAutoencoder must be a float in"):
        quick(anchor=anchor).fit(low_rank())


@pytest.mark.parametrize("settings", [{"start": "random"}, {"method": "irmae"}, {"architecture": "linear"}])
def test_an_anchor_needs_a_start_from_pca(settings):
    with pytest.raises(ValueError, match=r"anchor=0\.1 needs a training that starts from PCA"):
        quick(n_components=2, anchor=0.1, **settings).fit(low_rank())


def test_a_stream_has_anchored_axes():
    x = low_rank()
    p = quick(n_components=2).partial_fit(x).transform(x)
    scores = PCA(2).fit_transform((x - x.mean(0)) / x.std(0))
    assert np.abs(np.corrcoef(p.T, scores.T)[:2, 2:]).max(1).min() > 0.9


def test_the_command_line_records_the_axes(tmp_path):
    data = from_arrays(low_rank().astype(np.float32))
    config = TrainConfig(dim=2, epochs=1, device="cpu", axes="anchored")
    run = train(data, config, tmp_path / "run")
    assert run.config["train"]["axes"] == run.components.axes == "anchored"
    x = data.train.x.numpy()
    p = run.latents("train").p
    scores = PCA(2).fit_transform((x - x.mean(0)) / x.std(0))
    assert np.abs(np.corrcoef(p.T, scores.T)[:2, 2:]).max(1).min() > 0.9
    assert EccentricAutoencoder.load(tmp_path / "run").axes == "anchored"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"axes": "own"}, "'axes' parameter of EccentricAutoencoder must be 'anchored' or 'principal'"),
        ({"start": "zero"}, "'start' parameter of EccentricAutoencoder must be one of 'auto', 'pca', 'random'"),
    ],
)
def test_other_words(wrong, words):
    with pytest.raises(ValueError, match=words):
        quick(**wrong).fit(low_rank())
