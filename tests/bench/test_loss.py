from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from eccentric import eccentric_loss
from eccentric.bench import loss, rivals
from eccentric.methods.vicreg import vicreg


@pytest.fixture
def few(monkeypatch):
    """Without what takes a compiler and its time."""
    monkeypatch.setattr(rivals, "same_loss", lambda: {"paper's listing": rivals.paper_listing, "dense": rivals.dense})
    monkeypatch.setattr(rivals, "other_losses", lambda: {"VICReg": vicreg})


@pytest.mark.parametrize("rival", [rivals.paper_listing, rivals.dense])
def test_rivals_compute_the_same(rival):
    z = torch.randn(50, 6, dtype=torch.float64, requires_grad=True)
    (ours,) = torch.autograd.grad(eccentric_loss(z), z)
    (theirs,) = torch.autograd.grad(rival(z), z)
    torch.testing.assert_close(rival(z), eccentric_loss(z))
    torch.testing.assert_close(theirs, ours)


def test_measurements(few, tmp_path, capsys):
    found = loss.measure([(64, 4), (128, 4)], torch.device("cpu"), repeats=2, memory=False)
    assert {(m.name, m.b) for m in found} == {
        (name, b) for name in ("eccentric", "paper's listing", "dense", "VICReg") for b in (64, 128)
    }
    ours = {m.b: m for m in found if m.name == "eccentric"}
    for m in found:
        assert m.ratio == pytest.approx(m.seconds / ours[m.b].seconds)
        assert m.floor < m.seconds
    table = loss.table(found).splitlines()
    assert table[0] == "| time (ratio), memory | b = 64, d = 4 | b = 128, d = 4 |"
    assert len(table) == 2 + 4 + 1
    loss.write_json(tmp_path / "bench.json", found, torch.device("cpu"))
    report = json.loads((tmp_path / "bench.json").read_text())
    assert len(report["measurements"]) == 8
    assert torch.__version__ in report["conditions"]
    loss.write_plot(tmp_path / "growth.png", loss.growth_plot(found[:4], found[4:]))
    with Image.open(tmp_path / "growth.png") as image:
        assert image.size[0] > 1000


def test_only_what_fits_is_tried():
    cpu = torch.device("cpu")
    assert rivals.limit("paper's listing", cpu) < 2**15
    assert rivals.limit("SIGReg, 1024 slices", cpu) == 2**14
    assert rivals.limit("eccentric", cpu) > 2**20


def test_a_rival_that_cannot_run_is_left_out(few, monkeypatch, capsys):
    def broken(z):
        raise RuntimeError("no compiler\nfound")

    monkeypatch.setattr(rivals, "other_losses", lambda: {"broken": broken})
    found = loss.measure([(16, 3)], torch.device("cpu"), repeats=1, memory=False)
    assert {m.name for m in found} == {"eccentric", "paper's listing", "dense"}
    assert capsys.readouterr().err == "left out: RuntimeError: no compiler\n"


def test_memory_is_measured_in_a_process_of_its_own():
    """3,000 vectors: the listing keeps tensors of 36 MB, ours none."""
    ours = loss._peak_memory("eccentric", 3000, 8, torch.device("cpu"))
    theirs = loss._peak_memory("paper's listing", 3000, 8, torch.device("cpu"))
    assert ours is not None
    assert theirs is not None
    assert ours < 20e6
    assert theirs > 50e6
