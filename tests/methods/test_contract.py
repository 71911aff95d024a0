"""What every method in the registry must do, so that a new one needs no code outside its file."""

from __future__ import annotations

import copy
import dataclasses
import html
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from eccentric.data import from_arrays
from eccentric.errors import UsageError
from eccentric.files import read_tensors
from eccentric.methods import METHODS, Method, make_method, make_settings
from eccentric.methods.base import Outputs
from eccentric.models import build_model
from eccentric.plots import style
from eccentric.report import write_report
from eccentric.runs import Run
from eccentric.training import Stop, TrainConfig, train
from eccentric.training.metrics import columns
from tests.methods.checking import objective, pair

NAMES = sorted(METHODS)
# Sequences with a few methods: a plain one, one with random numbers, one with parameters, and one in stages.
OF_SEQUENCES = ("eccentric", "nested-dropout", "irmae", "pcaae", "vq-vae")
CASES = [(name, kind) for name in NAMES for kind in ("image", "table")] + [(name, "sequence") for name in OF_SEQUENCES]


def data(kind: str):
    random = np.random.default_rng(0)
    factors = random.normal(size=(64, 3))
    if kind == "table":
        return from_arrays(
            (factors @ random.normal(size=(3, 6)) + 0.1 * random.normal(size=(64, 6))).astype(np.float32)
        )
    if kind == "sequence":
        phases = factors[:, :1, None] + np.arange(7)[:, None] * (0.5 + 0.1 * factors[:, 1:2, None])
        return from_arrays(np.sin(phases + np.arange(2)), lengths=2 + np.arange(64) % 6)
    waves = np.sin(np.arange(64).reshape(1, 8, 8) / (5 + np.abs(factors[:, :1, None])))
    images = 127 + 60 * waves + 20 * factors[:, 1, None, None]
    return from_arrays(images.clip(0, 255).astype(np.uint8), labels=np.arange(64) % 2)


def config(method: str) -> TrainConfig:
    return TrainConfig(
        method=method, dim=3, epochs=2, batch_size=16, learning_rate=1e-3, width=0.1, log_every=2, device="cpu"
    )


def ask(stop, metrics):
    stop.asked = True


@pytest.fixture(autouse=True)
def low_resolution(monkeypatch):
    monkeypatch.setitem(style.STYLE, "figure.dpi", 50)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_trains_resumes_to_the_bit_and_opens(name, kind, tmp_path):
    items = data(kind)
    whole = train(items, config(name), tmp_path / "whole")
    stop = Stop()
    stopped = train(items, config(name), tmp_path / "resumed", stop=stop, on_metrics=partial(ask, stop))
    assert not stopped.finished
    resumed = train(items, config(name), tmp_path / "resumed", resume=True)
    assert resumed.finished

    ours, theirs = (read_tensors(run.path / "model.safetensors") for run in (resumed, whole))
    assert ours.keys() == theirs.keys()
    for tensor in theirs:
        assert torch.equal(ours[tensor], theirs[tensor]), tensor

    assert set(columns(METHODS[name].term_titles)) <= set(whole.metrics)
    for column, values in whole.metrics.items():
        assert column in ("test_reconstruction", "items_per_second") or np.isfinite(values).all(), column

    model = Run(whole.path).model()
    with torch.no_grad():
        z = model.encode(items.test.x)
        assert z.shape == (len(items.test.x), model.method.decoder_width)
        assert torch.equal(z, model.encode(items.test.x)), "an item has one latent"
        assert model.decode(z).shape == items.test.x.shape


@pytest.mark.parametrize("name", NAMES)
def test_works_on_sequences_or_refuses_them_in_one_line(name):
    items = data("sequence")
    if "sequence" not in METHODS[name].traits.kinds:
        with pytest.raises(UsageError, match=f"method '{name}' supports items of kind image or table") as caught:
            build_model(items.spec, "auto", 3, method=config(name).make_method, width=0.1)
        assert "\n" not in str(caught.value)
        return
    model = build_model(items.spec, "auto", 3, method=config(name).make_method, width=0.1)
    x = model.standardize(items.train.x[:8])
    model.method.before_step(0.5)
    outputs = model.method(model.encoder, model.decoder, x)
    error = model.mean_error(outputs.reconstruction, x)
    for value, weight, _ in model.method.terms(outputs, x, model.encoder, model.decoder).values():
        error = error + weight * value
    error.backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("name", NAMES)
def test_reports(name, tmp_path):
    run = train(data("image"), dataclasses.replace(config(name), epochs=1), tmp_path / "run")
    text = write_report(run).read_text(encoding="utf-8")
    assert METHODS[name].title in text
    assert f"--method {name}" in text or "--method" not in text
    for title in METHODS[name].term_titles.values():
        assert html.escape(title, quote=False) in text.replace("&#39;", "'")


# Methods whose gradient is not the derivative of their objective on purpose.
ESTIMATED = {
    "vq-vae": "the gradient passes straight through the nearest code",
    "wae-gan": "the discriminator and the encoder each see the other as constant",
    "hyperspherical-vae": "the derivative of a sample is that of its distribution function, with the probability fixed",
    "pcaae": "a stage sees the latents of earlier stages as constant",
}
# Settings for which the gradient is the derivative: the default decoder has a variance that counts as constant.
FIXED = {
    "vae": {"decoder": "gaussian"},
    "beta-vae": {"decoder": "gaussian"},
    "projected-mhe": {"projection": "random"},
}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ESTIMATED])
def test_the_gradient_is_that_of_the_objective(name):
    """In double precision, against central differences along a random direction in the weights."""
    torch.manual_seed(0)
    x = torch.randn(12, 12, dtype=torch.float64)
    method = make_method(name, FIXED.get(name, {}), 4)
    encoder, decoder = pair()
    encoder = nn.Sequential(*list(encoder.children())[:-1], nn.Linear(16, method.encoder_width))
    if method.traits.architecture == "linear":
        encoder, decoder = nn.Sequential(nn.Linear(12, 4)), nn.Sequential(nn.Linear(4, 12))
    modules = nn.ModuleList([*method.prepare(encoder, decoder), method]).double()
    method.before_step(0.5)
    for _ in range(200):  # singular values of normalised layers are found step by step
        objective(method, modules[0], modules[1], x)
    parameters = [p for p in modules.parameters() if p.requires_grad]
    directions = [torch.randn_like(p) for p in parameters]
    state = copy.deepcopy(modules.state_dict())  # buffers change in each step

    def value(step: float) -> torch.Tensor:
        modules.load_state_dict(state)
        for p, direction in zip(parameters, directions, strict=True):
            p.data.add_(direction, alpha=step)
        torch.manual_seed(1)  # the same noise
        return objective(method, modules[0], modules[1], x)

    gradients = torch.autograd.grad(value(0.0), parameters, allow_unused=True)
    along = sum(
        float((g * direction).sum()) for g, direction in zip(gradients, directions, strict=True) if g is not None
    )
    h = 1e-7  # pairs of items may be close to each other, where the objective is steep
    numerically = float(value(h)) - float(value(-h))
    assert along == pytest.approx(numerically / (2 * h), rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_terms_are_scalars_in_float32_with_the_names_that_the_method_gives(name):
    spec = data("image").spec
    model = build_model(spec, "auto", 3, method=config(name).make_method, width=0.1)
    x = model.standardize(data("image").train.x[:8])
    model.method.before_step(0.5)
    outputs = model.method(model.encoder, model.decoder, x)
    terms = model.method.terms(outputs, x, model.encoder, model.decoder)
    assert list(terms) == list(METHODS[name].term_titles)
    for value, weight, over in terms.values():
        assert value.shape == ()
        assert value.dtype == torch.float32
        assert over in ("items", "union")
        assert torch.as_tensor(weight).isfinite()
    assert outputs.reconstruction.shape == x.shape


@pytest.mark.parametrize("name", NAMES)
def test_terms_do_not_depend_on_the_order_of_items(name):
    items = data("table")
    x = items.train.x[:12]
    model = build_model(items.spec, "auto", 3, method=config(name).make_method, width=0.1)
    method, target = model.method, model.standardize(x)
    method.before_step(0.5)
    outputs = method(model.encoder, model.decoder, target)
    order = torch.randperm(12)
    moved = Outputs(
        outputs.z[order],
        outputs.reconstruction[order],
        {key: value[order] if value.ndim and len(value) == 12 else value for key, value in outputs.extra.items()},
    )
    found = []
    for given, batch in ((outputs, target), (moved, target[order])):
        torch.manual_seed(0)  # some terms draw random numbers
        found.append(method.terms(given, batch, model.encoder, model.decoder))
    for key, term in found[0].items():
        torch.testing.assert_close(found[1][key].value, term.value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_bad_settings_are_refused_by_name(name):
    with pytest.raises(UsageError, match=f"method {name!r} has no setting 'nonsense'"):
        make_settings(name, {"nonsense": 1})
    for field in dataclasses.fields(METHODS[name].Settings):
        assert field.metadata["help"].endswith(".")
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            for value in ("many", float("nan"), -1):
                with pytest.raises(UsageError, match=field.name) as caught:
                    make_method(name, {field.name: value}, 3)
                assert "\n" not in str(caught.value)


def test_an_unknown_method_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match=r"unknown method 'wae_mmd' .*'wae-mmd'"):
        TrainConfig(method="wae_mmd")


def test_names_and_titles_differ():
    assert len({method.title for method in METHODS.values()}) == len(METHODS)
    assert all(issubclass(method, Method) and method.__doc__ for method in METHODS.values())


def main() -> None:
    """What each of two ranks does: train every method in one process group, resume one half of the way."""
    for name in NAMES:
        out = Path(sys.argv[1]) / name
        train(data("image"), config(name), out / "whole")
        stop = Stop()
        train(data("image"), config(name), out / "resumed", stop=stop, on_metrics=partial(ask, stop))
        train(data("image"), config(name), out / "resumed", resume=True)
    train(data("sequence"), config("eccentric"), Path(sys.argv[1]) / "sequences")


def test_two_ranks(tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*torchrun, "-m", "tests.methods.test_contract", str(tmp_path)],
        check=False,
        timeout=300,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name in NAMES:
        whole, resumed = (Run(tmp_path / name / part) for part in ("whole", "resumed"))
        assert whole.finished
        assert whole.config["engine"]["ranks"] == 2
        ours, theirs = (read_tensors(run.path / "model.safetensors") for run in (resumed, whole))
        for tensor in theirs:
            assert torch.equal(ours[tensor], theirs[tensor]), f"{name}: {tensor}"
    # Without batch normalisation two ranks learn what one process learns, whatever the lengths on either.
    alone = train(data("sequence"), config("eccentric"), tmp_path / "alone")
    ours, theirs = (read_tensors(path / "model.safetensors") for path in (tmp_path / "sequences", alone.path))
    for tensor in theirs:
        torch.testing.assert_close(ours[tensor], theirs[tensor], rtol=1e-3, atol=1e-4)


if __name__ == "__main__":
    main()
