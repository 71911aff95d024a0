"""Exported programs: raw data to components and back, as this package computes them."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from eccentric import DeepComponents, EccentricAutoencoder, deploy
from eccentric.cli import app
from eccentric.data import from_arrays
from eccentric.data.items import ItemSpec
from eccentric.deploy import BATCH, ROUNDING, TOLERANCE, Program, export, export_run
from eccentric.errors import EccentricError, UsageError
from eccentric.inference import decode, encode
from eccentric.methods import METHODS, Method, make_method
from eccentric.models import build_model
from eccentric.training import TrainConfig, train

IMAGES, TABLE = ItemSpec("image", (1, 9, 7), "uint8"), ItemSpec("table", (5,))
SEQUENCES = ItemSpec("sequence", (4, 2))


def made(spec: ItemSpec, method: str = "eccentric", architecture: str = "auto"):
    """A model with random weights, its components, and a few raw items."""
    random = torch.Generator().manual_seed(0)
    x = torch.rand(12, *spec.shape, generator=random) * 200
    x = x.to(torch.uint8) if spec.is_image else x + 1000
    units = None if spec.is_image else (x.mean(0), x.std(0))
    own = partial(make_method, method, {}, 3)
    model = build_model(spec, architecture, 3, method=own, width=0.1, units=units).to_inference()
    for weights in model.parameters():  # the last layers begin at zero
        weights.requires_grad_(False).add_(0.05 * torch.randn(weights.shape, generator=random))
    if not METHODS[method].traits.has_spectrum:
        return model, None, x
    return model, DeepComponents(METHODS[method].traits.axes).fit(encode(model, x)), x


OWN = [name for name, made in METHODS.items() if (made.encode, made.prepare) != (Method.encode, Method.prepare)]


@pytest.mark.parametrize("name", sorted({*OWN, "eccentric"} - {"beta-vae", "eccentric-irmae"}))  # same as their parents
def test_methods_with_maps_of_their_own(name):
    model, components, x = made(TABLE, name)
    program = Program(model, components, TABLE.shape, "autoencoder")
    exported = torch.export.export(program, (x[:2],), dynamic_shapes=({0: BATCH},)).module()
    for n in (1, 12):
        p, back = exported(x[:n])
        z = encode(model, x[:n])
        torch.testing.assert_close(p, z if components is None else components.encode(z), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(back, decode(model, z), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("form", "spec", "part"),
    [
        ("onnx", IMAGES, "autoencoder"),
        ("onnx", TABLE, "decoder"),
        ("pt2", IMAGES, "autoencoder"),
        ("pt2", SEQUENCES, "autoencoder"),
    ],
)
def test_written_program_agrees(tmp_path, form, spec, part):
    if form == "onnx":
        pytest.importorskip("onnxscript")
        onnxruntime = pytest.importorskip("onnxruntime")
        if spec is IMAGES and torch.__version__.startswith("2.6."):
            pytest.skip("PyTorch 2.6 cannot write batch normalisation as .onnx")
    model, components, x = made(spec)
    path = tmp_path / f"program.{form}"
    assert export(model, components, spec, x, path, part).error <= TOLERANCE
    p = components.encode(encode(model, x))
    given, expected = (p, decode(model, components.decode(p))) if part == "decoder" else (x, p)
    for n in (1, 7, 12):
        if form == "pt2":
            found = torch.export.load(path).module()(given[:n])
            found = found[0] if part == "autoencoder" else found
        else:
            session = onnxruntime.InferenceSession(path)
            name = "p" if part == "decoder" else "x"
            found = torch.from_numpy(session.run(None, {name: given[:n].numpy()})[0])
            kept = json.loads(session.get_modelmeta().custom_metadata_map["eccentric"])
            assert kept["item"]["shape"] == list(spec.shape)
            assert np.allclose(kept["variances"], components.eigenvalues)
        torch.testing.assert_close(found, expected[:n], rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("factor", [1.001, float("nan")])
def test_program_that_differs_is_not_written(tmp_path, monkeypatch, factor):
    class Wrong(Program):
        def _decoded(self, z):
            return super()._decoded(z * factor)

    model, components, x = made(TABLE)
    monkeypatch.setattr(deploy, "Program", Wrong)
    with pytest.raises(EccentricError, match="differs"):
        export(model, components, TABLE, x, tmp_path / "program.pt2")
    assert list(tmp_path.iterdir()) == []


def ill_conditioned():
    """The deepest network, on images that stand far from zero, so that the components are small differences."""
    spec = ItemSpec("image", (1, 28, 28), "uint8")
    model, components, x = made(spec, architecture="mnist")
    model.shift.fill_(-1e4)
    return model, components.fit(encode(model, x)), spec, x


def test_error_of_float32_is_no_error_of_the_program(tmp_path, monkeypatch):
    model, components, spec, x = ill_conditioned()
    written = export(model, components, spec, x, tmp_path / "program.pt2")
    assert written.own_error > TOLERANCE
    assert written.error < ROUNDING * written.own_error

    class Wrong(Program):
        def forward(self, given):
            p, reconstruction = super().forward(given)
            return p * (1 + 10 * written.own_error), reconstruction

    monkeypatch.setattr(deploy, "Program", Wrong)
    with pytest.raises(EccentricError, match="differs"):
        export(model, components, spec, x, tmp_path / "wrong.pt2")


def test_networks_that_cannot_compute_in_double_precision(tmp_path):
    class Single(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x.float())

    model, components, x = made(TABLE)
    model.encoder = Single(model.encoder)
    written = export(model, components, TABLE, x, tmp_path / "program.pt2")
    assert written.own_error == 0
    assert written.error <= TOLERANCE


def test_a_network_that_cannot_be_exported_is_told_in_one_line(tmp_path):
    class Branching(nn.Module):
        def forward(self, x):
            return x[:, :3] * (2 if x.sum() > 0 else 3)

    model, components, x = made(TABLE)
    model.encoder = Branching()
    with pytest.raises(EccentricError, match="PyTorch cannot export") as raised:
        export(model, components, TABLE, x, tmp_path / "program.pt2")
    assert str(raised.value).isprintable()


def test_estimator(tmp_path):
    x = np.random.default_rng(0).uniform(0, 5, size=(40, 6, 4)).astype(np.float32)
    model = EccentricAutoencoder(2, max_epochs=1, random_state=0, device="cpu").fit(x)
    model.export(tmp_path / "images.pt2")
    p, back = torch.export.load(tmp_path / "images.pt2").module()(torch.from_numpy(x[:3]))
    np.testing.assert_allclose(p, model.transform(x[:3]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(back, model.inverse_transform(model.transform(x[:3])), rtol=1e-4, atol=1e-4)


def test_bad_names(tmp_path):
    model, components, x = made(TABLE)
    with pytest.raises(UsageError, match=r"\.pt2 or \.onnx"):
        export(model, components, TABLE, x, tmp_path / "program.bin")
    with pytest.raises(UsageError, match="encoder"):
        export(model, components, TABLE, x, tmp_path / "program.pt2", "all")  # type: ignore[arg-type]


def test_command(tmp_path):
    from typer.testing import CliRunner

    rows = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    out = tmp_path / "a.run"
    run = train(from_arrays(rows), TrainConfig(dim=2, epochs=1, width=0.1, device="cpu"), out)
    done = CliRunner().invoke(app, ["export", str(out), "--part", "encoder"])
    assert done.exit_code == 0, done.output
    program = torch.export.load(tmp_path / "a.run-encoder.pt2").module()
    p = run.components.encode(run.model().encode(torch.from_numpy(rows)))
    torch.testing.assert_close(program(torch.from_numpy(rows)), p, rtol=1e-4, atol=1e-5)
    assert export_run(run, tmp_path / "back.pt2", "decoder").error <= TOLERANCE
    wrong = CliRunner().invoke(app, ["export", str(out), "--format", "onnx", "--out", str(tmp_path / "b.pt2")])
    assert isinstance(wrong.exception, UsageError)
