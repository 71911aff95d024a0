from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eccentric.comparison import Setup, Stopped, compare, trainings
from eccentric.comparison.writing import cell
from eccentric.data import from_arrays
from eccentric.errors import EccentricError, UsageError
from eccentric.plots import style
from eccentric.runs import Run
from eccentric.training.stopping import Stop
from eccentric.training.train import train

if TYPE_CHECKING:
    from eccentric.comparison.trainings import Progress

SETUP = Setup(runs=2, epochs=2, dim=2, batch_size=20, device="cpu")


@pytest.fixture(autouse=True)
def low_resolution(monkeypatch):
    monkeypatch.setitem(style.STYLE, "figure.dpi", 72)


def table_of(n: int = 80):
    rng = np.random.default_rng(0)
    return from_arrays(rng.normal(size=(n, 5)), rng.integers(0, 3, n), name="noise")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    out = tmp_path_factory.mktemp("comparison")
    seen: list[Progress] = []
    table = compare(table_of(), ["vq-vae"], out, SETUP, on_progress=seen.append)
    return out, table, seen


def test_every_training_is_a_run_folder(compared):
    out, _, seen = compared
    runs = sorted(path.parent for path in out.glob("runs/*/*/seed-*/config.json"))
    assert len(runs) == 2 * (1 + 3)
    assert all(Run(path).finished for path in runs)
    assert seen[-1].total == 8
    assert seen[-1].seconds_left is not None


def test_table(compared):
    out, table, _ = compared
    pd = pytest.importorskip("pandas")
    assert list(table["method"]) == ["plain", "vq-vae", "pca", "kernel-pca"]
    rows = table.set_index("method")
    plain, vq = rows.loc["plain"], rows.loc["vq-vae"]
    assert plain["error_first_2"] == pytest.approx(plain["error"], rel=1e-4)
    assert plain["eigenvalue_1"] >= plain["eigenvalue_2"]
    assert plain["mcc"] == pytest.approx((plain["mcc_1"] + plain["mcc_2"]) / 2)
    assert 0 < plain["mcc_null"] < 1
    # Codes have no components, but they span a space.
    assert np.isnan([vq["mcc"], vq["eigenvalue_1"], vq["error_first_1"]]).all()
    assert np.isfinite([vq["cka"], vq["r2"], vq["error"]]).all()
    assert cell(table.iloc[1], "mcc") == "discrete"
    assert "frechet_standard" not in table  # these are no images
    written = pd.read_csv(out / "comparison.csv")
    assert list(written.columns) == list(table.columns)


def test_page_and_pictures(compared):
    out, _, _ = compared
    page = (out / "comparison.md").read_text(encoding="utf-8")
    assert "at most 5% above that of the plain autoencoder" in page
    assert "Versions: eccentric" in page
    for name in ("trade-off.png", "errors.png", "spectra.png"):
        assert f"({name})" in page
        assert (out / name).read_bytes()[1:4] == b"PNG"


def test_finished_runs_are_used_again(compared):
    out, table, _ = compared
    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/*/*/model.safetensors")}
    again = compare(table_of(), ["vq-vae"], out, SETUP)
    assert {path: path.stat().st_mtime_ns for path in out.glob("runs/*/*/*/model.safetensors")} == before
    np.testing.assert_allclose(again["error"], table["error"])


def test_runs_of_other_data_are_not_used(compared):
    out, _, _ = compared
    with pytest.raises(UsageError, match="other data"):
        compare(table_of(90), ["plain"], out, SETUP)


def test_stopped_comparison_resumes(tmp_path):
    stop = Stop()

    def show(progress):
        stop.asked = progress.done == 1

    with pytest.raises(Stopped, match="run the same command again"):
        compare(table_of(), ["plain"], tmp_path, SETUP, stop=stop, on_progress=show)
    assert not (tmp_path / "comparison.csv").exists()
    assert len(compare(table_of(), ["plain"], tmp_path, SETUP)) == 3


def test_a_training_that_diverges_is_left_out(tmp_path, monkeypatch):
    original = train

    def diverging(data, config, folder, **rest):
        if config.method == "irmae":
            raise EccentricError("the error became nan")
        return original(data, config, folder, **rest)

    monkeypatch.setattr(trainings, "train", diverging)
    notes: list[str] = []
    table = compare(table_of(), ["irmae"], tmp_path, SETUP, on_note=notes.append)
    assert "irmae" not in list(table["method"])
    assert "irmae, seed 0 failed: the error became nan" in notes
