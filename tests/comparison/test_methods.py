from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.decomposition import PCA

from eccentric.comparison import Setup, Stopped, compare, jobs
from eccentric.comparison.cache import Cache
from eccentric.comparison.measuring import Measuring
from eccentric.comparison.plan import Candidate, divide_rows
from eccentric.comparison.writing import cell
from eccentric.data import from_arrays
from eccentric.errors import EccentricError, UsageError
from eccentric.plots import style
from eccentric.runs import Run
from eccentric.training.stopping import Stop, stop_on_signal
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
    assert seen[-1].total == seen[-1].done == 8
    assert seen[-1].seconds_left == 0
    assert sum(progress.begun is not None for progress in seen) == 8
    assert max(progress.running for progress in seen) == 1


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
    assert 0 < plain["mcc_spearman"] <= 1
    assert 0 < plain["mcc_anchored"] <= 1
    assert plain["default_mcc"] == plain["mcc"]  # it has no weight to choose
    assert vq["default_setting"] == "weight 0.25"
    # Codes have no components, but they span a space.
    assert np.isnan([vq["mcc"], vq["eigenvalue_1"], vq["error_first_1"]]).all()
    assert np.isfinite([vq["cka"], vq["r2"], vq["error"]]).all()
    assert cell(table.iloc[1], "mcc") == "discrete"
    assert "frechet_standard" not in table  # these are no images
    written = pd.read_csv(out / "comparison.csv")
    assert list(written.columns) == list(table.columns)
    weights = pd.read_csv(out / "weights.csv")
    assert list(weights["setting"].fillna("")) == ["", "weight 0.025", "weight 0.25", "weight 2.5"]
    assert weights["default"].tolist() == [True, False, True, False]
    assert weights.groupby("method")["chosen"].sum().to_dict() == {"plain": 1, "vq-vae": 1}


def test_page_and_pictures(compared):
    out, _, _ = compared
    page = (out / "comparison.md").read_text(encoding="utf-8")
    assert "at most 5 % above that of the plain autoencoder" in page
    assert "## At the default weights" in page
    assert "Versions: eccentric" in page
    for name in ("trade-off.png", "errors.png", "spectra.png"):
        assert f"({name})" in page
        assert (out / name).read_bytes()[1:4] == b"PNG"


def test_finished_runs_and_measurements_are_used_again(compared):
    out, table, _ = compared
    files = [*out.glob("runs/*/*/*/model.safetensors"), *out.glob("measured/**/*.json")]
    assert len(files) == 8 + 4 + 4 + 1  # runs; weights, runs at the chosen weights, baselines
    before = {path: path.stat().st_mtime_ns for path in files}
    again = compare(table_of(), ["vq-vae"], out, SETUP, format="svg")
    assert all((out / name).read_text().startswith("<?xml") for name in ("trade-off.svg", "errors.svg", "spectra.svg"))
    assert {path: path.stat().st_mtime_ns for path in files} == before
    np.testing.assert_array_equal(again["error"], table["error"])


def test_measurements_of_other_runs_are_not_used(compared):
    out, _, _ = compared
    cache = Cache(out / "measured", "other data")
    assert cache.get("baselines", 0, lambda: "new") == "new"
    assert cache.get("baselines", 0, lambda: "newer") == "new"
    assert cache.get("baselines", 1, lambda: "newer") == "newer"


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


def test_a_stopped_training_is_not_evaluated_but_resumes(tmp_path):
    stop = Stop()
    job = jobs.Job(Candidate("plain", "plain"), 0, tmp_path / "run")
    task = jobs.Task(table_of(), replace(SETUP, epochs=3))
    assert not jobs.run_job(task, job, stop, lambda epoch: setattr(stop, "asked", True))
    assert not (job.folder / "evaluation.json").exists()
    assert jobs.run_job(task, job, Stop(), lambda epoch: None)
    assert (job.folder / "evaluation.json").exists()


def test_a_signal_ends_the_measurements_at_once(compared, monkeypatch):
    out, _, _ = compared

    def endless(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    monkeypatch.setattr(Measuring, "baselines", endless)
    began = time.monotonic()
    with stop_on_signal() as stop, pytest.raises(Stopped, match="run the same command again"):
        compare(table_of(), ["vq-vae"], out, SETUP, stop=stop)
    assert stop.signum == signal.SIGTERM
    assert time.monotonic() - began < 50


def test_time_that_is_over_leaves_whole_methods(compared, tmp_path):
    out, _, _ = compared
    notes: list[str] = []
    table = compare(table_of(), ["vq-vae", "irmae"], out, SETUP, seconds=0, on_note=notes.append)
    assert list(table["method"]) == ["plain", "vq-vae", "pca", "kernel-pca"]
    assert "6 trainings are not finished, so these methods are left out: irmae" in notes
    with pytest.raises(Stopped):
        compare(table_of(), ["plain"], tmp_path, SETUP, seconds=0)


@pytest.fixture
def diverging(monkeypatch):
    """Trainings of the named methods fail."""
    names: list[str] = []

    def failing(data, config, folder, **rest):
        if config.method in names:
            raise EccentricError("the error became nan")
        return train(data, config, folder, **rest)

    monkeypatch.setattr(jobs, "train", failing)
    return names


def test_a_method_that_diverges_is_a_row_with_the_reason(tmp_path, diverging):
    diverging.append("nested-dropout")
    notes: list[str] = []
    table = compare(table_of(), ["nested-dropout"], tmp_path, SETUP, on_note=notes.append)
    row = table.set_index("method").loc["nested-dropout"]
    assert row["setting"] == "failed: the error became nan"
    assert row["runs"] == 0
    assert np.isnan(row["error"])
    assert "nested-dropout, full 0.1, seed 0 failed: the error became nan" in notes
    assert "failed: the error became nan" in (tmp_path / "comparison.md").read_text(encoding="utf-8")


def test_without_the_plain_autoencoder_there_is_nothing_to_compare_with(tmp_path, diverging):
    diverging.append("plain")
    with pytest.raises(EccentricError, match=r"every training of the plain autoencoder failed \(the error became nan"):
        compare(table_of(), ["plain"], tmp_path, SETUP)


def test_sequences_of_different_lengths(tmp_path):
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 7, size=60)
    data = from_arrays(rng.normal(size=(60, 6, 2)).cumsum(1), rng.integers(0, 2, 60), lengths=lengths)
    table = compare(data, ["plain"], tmp_path, Setup(runs=2, epochs=1, dim=2, batch_size=20, device="cpu"))
    rows = table.set_index("method")
    assert list(rows.index) == ["plain", "pca", "kernel-pca"]
    assert np.isfinite(rows[["error", "mcc", "cka", "error_first_1"]].to_numpy(float)).all()
    assert np.allclose(rows["error_first_2"], rows["error"], rtol=1e-4)
    # The error of PCA by hand: the mean over sequences of the mean over their own steps.
    units = Run(tmp_path / "runs" / "plain" / "default" / "seed-0").model()
    used = divide_rows(data).data
    train, test = (units.standardize(split.x).flatten(1).numpy() for split in (used.train, used.test))
    pca = PCA(2).fit(np.nan_to_num(train))
    found = pca.inverse_transform(pca.transform(np.nan_to_num(test)))
    assert rows.loc["pca", "error"] == pytest.approx(np.nanmean((found - test) ** 2, axis=1).mean(), rel=1e-4)
