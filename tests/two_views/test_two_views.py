"""Two views: the objective in closed form, its collapse, the views, the probes, and the study at toy size."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import two_views as study
from eccentric import eccentric_loss
from eccentric.files import read_json, write_json
from eccentric.methods.uniformity import uniformity
from eccentric.methods.vicreg import vicreg
from eccentric.two_views import REGULARIZERS, TwoViewLoss, Views
from eccentric.two_views.probing import probe

ROOT = Path(__file__).resolve().parents[2]


def test_the_objective_of_each_regularizer():
    a, b = torch.randn(2, 20, 5, dtype=torch.float64)
    gap = (a - b).square().mean()
    expected = gap + 0.3 * (eccentric_loss(a) + eccentric_loss(b)) / 2
    torch.testing.assert_close(TwoViewLoss(0.3)(a, b), expected)
    torch.testing.assert_close(TwoViewLoss(0.3, "vicreg")(a, b), gap + 0.15 * (vicreg(a) + vicreg(b)))
    on_sphere = (torch.nn.functional.normalize(a) - torch.nn.functional.normalize(b)).square().sum(1).mean()
    expected = on_sphere + 0.15 * (uniformity(a) + uniformity(b))
    torch.testing.assert_close(TwoViewLoss(0.3, "uniformity")(a, b), expected)
    # Of one view twice only the regularizer is left; SIGReg draws directions, so its value is nearly the same.
    few = [TwoViewLoss(1.0, "sigreg")(3 * a, 3 * a).item() for _ in range(2)]
    assert few[0] == pytest.approx(few[1], rel=0.2)
    for name in REGULARIZERS:
        torch.testing.assert_close(TwoViewLoss(0.0, name)(a, a), torch.zeros((), dtype=torch.float64))  # type: ignore[arg-type]


def test_bad_arguments():
    with pytest.raises(ValueError, match="weight must be"):
        TwoViewLoss(-1.0)
    with pytest.raises(ValueError, match="unknown regularizer 'barlow'; choose one of 'eccentric'"):
        TwoViewLoss(1.0, "barlow")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"one shape, not \(4, 3\) and \(4, 2\)"):
        TwoViewLoss()(torch.randn(4, 3), torch.randn(4, 2))


def test_views():
    images = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8)
    torch.testing.assert_close(Views()(images), images / 255)
    flipped = Views(flip=True)(images)
    assert all(
        torch.allclose(v, i / 255) or torch.allclose(v, i.flip(-1) / 255) for v, i in zip(flipped, images, strict=True)
    )
    grey = Views(grey=1.0)(images)
    torch.testing.assert_close(grey[:, 0], images.float().mean(1) / 255)
    # A crop stays inside the image, so that a constant image stays constant but for its border.
    crop = Views(scale=(0.5, 0.9))(torch.full((6, 1, 16, 16), 255, dtype=torch.uint8))
    torch.testing.assert_close(crop[:, :, 2:-2, 2:-2], torch.ones(6, 1, 12, 12))
    both = Views(rotation=10, scale=(0.8, 1.2), shift=0.1, contrast=0.2, noise=0.1)
    assert both(images).isfinite().all()
    assert not torch.equal(both(images), both(images))


@pytest.mark.parametrize("kind", ["labels", "attributes"])
def test_probes_of_features_that_tell_all_and_nothing(kind):
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 200)
    targets = labels if kind == "labels" else np.stack([labels, 1 - labels], 1)
    telling = np.eye(2)[labels] + 0.1 * draw.standard_normal((200, 2))
    silent = draw.standard_normal((200, 2))
    (found,) = probe(telling[:100], targets[:100], [(telling[100:], targets[100:])])
    assert found == (1.0, 1.0)
    (found,) = probe(silent[:100], targets[:100], [(silent[100:], targets[100:])])
    assert all(0.3 < score < 0.7 for score in found)
    (constant,) = probe(np.zeros((100, 2)), targets[:100], [(np.zeros((100, 2)), targets[100:])])
    assert constant.linear < 0.7


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    study.run(folder, ["digits"], steps=3, small=True)
    return folder


def test_the_study_at_toy_size(cells, tmp_path, capsys):
    found = study.read(cells)
    assert len(found) == 2 * (4 + 1)
    assert {study.kind_of(cell) for cell in found} == set(study.TITLES)
    before = {path: path.stat().st_mtime_ns for path in cells.iterdir()}
    study.run(cells, ["digits"], steps=3, small=True)  # nothing is left to do
    assert before == {path: path.stat().st_mtime_ns for path in cells.iterdir()}
    write_json(tmp_path / "kept.json", found)
    study.run(tmp_path / "copied", ["digits"], steps=3, small=True, kept=tmp_path / "kept.json")
    assert study.read(tmp_path / "copied") == found  # to the second: nothing was trained again
    with pytest.raises(SystemExit, match="other settings"):
        study.run(cells, ["digits"], steps=4, small=True)
    (tmp_path / "kept.json").unlink()
    for number, each in enumerate(found):
        write_json(tmp_path / f"{number}.json", {**each, "source": "mnist"})
    docs = tmp_path / "docs"
    docs.mkdir()
    study.write(tmp_path, docs)
    assert (docs / "images" / "self-supervised-weights.png").stat().st_size > 10_000
    assert "MNIST, accuracy, without projector" in capsys.readouterr().out
    assert len(read_json(docs / "self-supervised.json")) == 10


def cell(weight: float, score: float, seed: int = 0) -> study.Cell:
    scores = {"linear": score, "neighbours": score}
    return {"regularizer": "eccentric", "weight": weight, "seed": seed, "validation": scores, "test": scores}


def test_plateau_and_choice():
    cells = [cell(w, s) for w, s in [(0.001, 0.3), (0.01, 0.9), (0.1, 0.91), (1.0, 0.895), (10.0, 0.5)]]
    assert study.plateau(cells) == (0.01, 1.0)
    cells += [cell(0.1, 0.2, seed=1), cell(0.316, 0.99)]
    assert [c["seed"] for c in study.chosen(cells)] == [0, 1]  # half decades do not choose


def test_the_example(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["self_supervised.py", "digits", "--steps", "2"])
    runpy.run_path(str(ROOT / "examples" / "self_supervised.py"), run_name="__main__")
    assert "linear probe: accuracy" in capsys.readouterr().out


def test_the_recipe_for_cifar10_at_toy_size(monkeypatch, capsys, tmp_path):
    def train(epochs: int) -> str:
        small = ["--batch", "256", "--width", "2", "--projector", "8", "4", "--epochs", str(epochs)]
        monkeypatch.setattr(sys, "argv", ["self_supervised_cifar10.py", "digits", "--out", str(tmp_path), *small])
        runpy.run_path(str(ROOT / "examples" / "self_supervised_cifar10.py"), run_name="__main__")
        return str(capsys.readouterr().out)

    assert "epoch 1: loss" in train(1)
    resumed = train(2)
    assert "epoch 1:" not in resumed
    assert "epoch 2: loss" in resumed
    assert read_json(tmp_path / "result.json")["regularizer"] == "eccentric"
