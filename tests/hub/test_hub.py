"""Runs and estimators on the hub: sent to a server on the loopback interface and fetched from it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from eccentric import EccentricAutoencoder
from eccentric.cli import app
from eccentric.data import from_arrays
from eccentric.errors import EccentricError, UsageError
from eccentric.hub import check_repository, fetch, model_card
from eccentric.runs import Run
from eccentric.training import TrainConfig, train
from tests.hub.fake import TOKEN, Hub

ROWS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
UNREADABLE = (".pt", ".pkl", ".pickle", ".bin", ".py")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    from huggingface_hub import constants, file_download

    server = Hub()
    template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
    if hasattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE"):  # old versions copy it
        monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    for name, value in (
        ("ENDPOINT", server.address),
        ("HUGGINGFACE_CO_URL_TEMPLATE", template),
        ("HF_HUB_OFFLINE", False),
        ("HF_TOKEN_PATH", str(tmp_path / "no-token")),
        ("HF_HUB_CACHE", str(tmp_path / "cache")),
    ):
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield server
    server.close()


def test_estimator_there_and_back(hub, tmp_path):
    model = EccentricAutoencoder(2, n_runs=2, max_epochs=1, random_state=0, device="cpu").fit(ROWS)
    address = model.push_to_hub("someone/rows", private=True)
    assert address.endswith("/someone/rows")
    assert hub.private["someone/rows"]
    sent = hub.files["someone/rows"]
    assert {"README.md", "config.json", "model.safetensors", "components.safetensors", "report.html"} <= set(sent)
    assert not [name for name in sent if name.endswith(UNREADABLE) or name.startswith("checkpoint")]

    card = sent["README.md"].decode()
    front = yaml.safe_load(card.split("---")[1])
    assert front["library_name"] == "eccentric"
    assert "EccentricAutoencoder.from_pretrained('someone/rows')" in card
    for k, stability in enumerate(model.component_stability_):
        assert f"| p{k + 1} |" in card
        assert f"{stability:.2f}" in card
    for picture in ("figures/effects.png", "figures/spectrum.png"):
        assert f"({picture})" in card
        assert sent[picture].startswith(b"\x89PNG")

    hub.files["someone/rows"]["evil.pkl"] = b"cos\nsystem\n"
    back = EccentricAutoencoder.from_pretrained("someone/rows")
    np.testing.assert_array_equal(back.transform(ROWS), model.transform(ROWS))
    np.testing.assert_array_equal(back.component_stability_, model.component_stability_)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in UNREADABLE]


def test_train_and_push(hub, tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    arguments = ["train", str(tmp_path / "rows.npy"), "--out", str(tmp_path / "run"), "--dim", "2", "--epochs", "1"]
    done = CliRunner().invoke(app, [*arguments, "--width", "0.1", "--push", "someone/trained"])
    assert done.exit_code == 0, done.output
    assert "/someone/trained" in done.output
    assert any(name.startswith("checkpoint") for name in (p.name for p in (tmp_path / "run").iterdir()))
    assert not [name for name in hub.files["someone/trained"] if name.startswith("checkpoint")]
    run = Run(fetch("someone/trained"))
    assert run.config["train"]["dim"] == 2
    assert "not measured" in hub.files["someone/trained"]["README.md"].decode()


def test_refusals_are_one_line(hub, tmp_path, monkeypatch):
    with pytest.raises(EccentricError, match="no repository"):
        EccentricAutoencoder.from_pretrained("someone/nothing")
    for name in ("rows", "some one/rows", "a/b/c"):
        with pytest.raises(UsageError, match="hub id"):
            check_repository(name)
    monkeypatch.setenv("HF_TOKEN", "wrong")
    done = CliRunner().invoke(app, ["train", "digits", "--out", str(tmp_path / "run"), "--push", "someone/digits"])
    assert isinstance(done.exception, EccentricError)
    assert "\n" not in str(done.exception)
    assert not (tmp_path / "run").exists()  # before the work
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(EccentricError, match="hf auth login"):
        check_repository("someone/digits")
    with pytest.raises(UsageError, match="--runs"):
        CliRunner().invoke(
            app, ["train", "digits", "--out", "x", "--runs", "2", "--push", "a/b"], catch_exceptions=False
        )


def test_local_folder(tmp_path):
    run = train(
        from_arrays(ROWS, name="a|b<c"),
        TrainConfig(dim=2, epochs=1, width=0.1, device="cpu"),
        tmp_path / "run",
    )
    assert fetch(tmp_path / "run") == tmp_path / "run"
    assert EccentricAutoencoder.from_pretrained(tmp_path / "run").n_components_ == 2
    card = model_card(run, "someone/rows")
    assert "a\\|b&lt;c" in card
    assert json.dumps(run.spec.shape[0]) in card
    (tmp_path / "empty").mkdir()
    with pytest.raises(EccentricError):
        EccentricAutoencoder.from_pretrained(tmp_path / "empty")
