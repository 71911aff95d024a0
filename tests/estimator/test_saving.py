"""An estimator written and read: pickles, clones, run folders, and runs of the command line."""

from __future__ import annotations

import copy
import json
import pickle
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

from eccentric import EccentricAutoencoder
from eccentric.data import from_arrays, load
from eccentric.errors import EccentricError
from eccentric.report import write_report
from eccentric.training import Run, TrainConfig, train
from tests.estimator.test_inputs import squares
from tests.estimator.test_learning import low_rank, quick

NAMES = list("abcdefgh")


@pytest.fixture(scope="module")
def table():
    return pd.DataFrame(low_rank(), columns=NAMES)


@pytest.fixture(scope="module")
def fitted(table):
    return quick(n_components=3, n_runs=2).fit(table)


ARRAYS = (
    "explained_variance_",
    "components_rotation_",
    "mean_",
    "component_stability_",
    "component_stability_std_",
    "run_variances_",
)


def same(one, other, x):
    np.testing.assert_array_equal(one.transform(x), other.transform(x))
    np.testing.assert_array_equal(one.sample(3), other.sample(3))
    for name in ARRAYS:
        assert hasattr(one, name) == hasattr(other, name)
        if hasattr(one, name):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("n_features_in_", "n_components_", "n_iter_"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("reconstruction_error_", "pca_reconstruction_error_"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-12, nan_ok=True)
    assert one.get_params() == other.get_params()
    assert tuple(one.item_shape_) == tuple(other.item_shape_)
    for column in one.history_:
        np.testing.assert_allclose(one.history_[column], other.history_[column], rtol=1e-6)


def test_pickle_joblib_and_copies(fitted, table, tmp_path):
    joblib.dump(fitted, tmp_path / "model.joblib")
    for other in (
        pickle.loads(pickle.dumps(fitted)),
        joblib.load(tmp_path / "model.joblib"),
        copy.deepcopy(fitted),
    ):
        same(fitted, other, table)
        assert list(other.feature_names_in_) == NAMES


def test_a_clone_is_unfitted(fitted):
    other = clone(fitted)
    assert other.get_params() == fitted.get_params()
    assert not other.__sklearn_is_fitted__()


class TestFolder:
    def test_comes_back_exactly(self, fitted, table, tmp_path):
        fitted.save(tmp_path / "run")
        other = EccentricAutoencoder.load(tmp_path / "run")
        same(fitted, other, table)
        assert list(other.feature_names_in_) == NAMES
        other.save(tmp_path / "again")
        same(other, EccentricAutoencoder.load(tmp_path / "again"), table)

    def test_holds_no_pickle(self, fitted, tmp_path):
        fitted.save(tmp_path / "run")
        suffixes = {path.suffix for path in (tmp_path / "run").iterdir() if path.name != ".lock"}
        assert suffixes == {".json", ".csv", ".safetensors", ".parquet", ".sha256"}

    def test_is_a_run_that_can_be_reported(self, fitted, tmp_path):
        fitted.save(tmp_path / "run")
        page = write_report(Run(tmp_path / "run"))
        assert page.stat().st_size > 50_000
        run = Run(tmp_path / "run")
        assert run.config["status"] == "finished"
        assert run.feature_names == NAMES
        np.testing.assert_array_equal(run.latents("train").p.shape, (540, 3))

    @pytest.mark.parametrize("scale", [1, 255], ids=["fractions", "bytes"])
    def test_images(self, tmp_path, scale):
        x = squares() if scale == 255 else squares().astype(np.float32) / 255
        model = quick(n_components=2, max_epochs=2).fit(x)
        model.save(tmp_path / "run")
        other = EccentricAutoencoder.load(tmp_path / "run")
        same(model, other, x)
        np.testing.assert_array_equal(other.inverse_transform(other.transform(x)).shape, x.shape)
        run = Run(tmp_path / "run")
        assert run.model().scale.item() == 255
        assert run.examples.max() == 255
        assert write_report(run).exists()

    def test_one_component_and_no_rows_held_out(self, tmp_path):
        model = quick(n_components=1).fit(low_rank(9))
        model.save(tmp_path / "run")
        again = EccentricAutoencoder.load(tmp_path / "run")
        same(model, again, low_rank(9))
        again.save(tmp_path / "again")
        for name in ("run", "again"):
            data = Run(tmp_path / name).config["data"]
            assert (data["split"], data["held_out"]) == ("nothing held out", False)
            assert "no rows were held out, so the test items are training items" in data["notes"]
            page = write_report(Run(tmp_path / name)).read_text(encoding="utf-8")
            assert "On 9 of the training items, because no items were held out" in page
            assert "not used for training" not in page

    def test_one_unit_for_all_columns(self, fitted, tmp_path):
        quick(n_components=2, standardize=False).fit(low_rank()).save(tmp_path / "run")
        page = write_report(Run(tmp_path / "run")).read_text(encoding="utf-8")
        assert "in units of the root of the mean of the columns&#39; variances" in page
        assert "in units of the mean of the columns&#39; variances" in page
        assert "standard deviations of the column" not in page
        assert "would be as good an answer" not in page
        fitted.save(tmp_path / "standardised")
        page = write_report(Run(tmp_path / "standardised")).read_text(encoding="utf-8")
        assert "standard deviations of the column" in page
        assert "the columns&#39; variances" not in page

    def test_of_a_stream(self, tmp_path):
        model = quick(n_components=2).partial_fit(low_rank()).partial_fit(low_rank())
        model.save(tmp_path / "run")
        other = EccentricAutoencoder.load(tmp_path / "run")
        np.testing.assert_array_equal(model.transform(low_rank()), other.transform(low_rank()))
        assert other.n_samples_seen_ == 1200
        assert other.partial_fit(low_rank()).n_samples_seen_ == 1800
        assert pickle.loads(pickle.dumps(model)).partial_fit(low_rank()).n_samples_seen_ == 1800

    def test_a_pickled_stream_can_be_saved(self, tmp_path):
        model = pickle.loads(pickle.dumps(quick(n_components=2).partial_fit(low_rank())))
        model.save(tmp_path / "run")
        assert EccentricAutoencoder.load(tmp_path / "run").n_samples_seen_ == 600

    def test_overwrites_when_asked_only(self, fitted, tmp_path):
        fitted.save(tmp_path / "run")
        with pytest.raises(FileExistsError, match="already holds a run; choose another folder, or pass overwrite=True"):
            fitted.save(tmp_path / "run")
        fitted.save(tmp_path / "run", overwrite=True)
        (tmp_path / "thesis").mkdir()
        (tmp_path / "thesis" / "main.tex").write_text("")
        with pytest.raises(FileExistsError, match="holds no run"):
            fitted.save(tmp_path / "thesis", overwrite=True)

    def test_parameters_that_are_not_plain(self, tmp_path):
        parameters = {"weight": np.float32(0.003), "mu": np.float64(1), "learning_rate": np.float32(0.001)}
        model = quick(n_components=np.int64(2), device=torch.device("cpu"), **parameters).fit(low_rank())
        model.save(tmp_path / "run")
        other = EccentricAutoencoder.load(tmp_path / "run")
        assert other.device == "cpu"
        assert other.weight == pytest.approx(0.003)
        np.testing.assert_array_equal(model.transform(low_rank()), other.transform(low_rank()))

    def test_other_files_are_kept_and_a_link_stays_a_link(self, fitted, table, tmp_path):
        fitted.save(tmp_path / "run")
        (tmp_path / "link").symlink_to("run")
        fitted.save(tmp_path / "link", overwrite=True)
        (tmp_path / "run" / "notes.txt").write_text("mine")
        fitted.save(tmp_path / "run", overwrite=True)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "run" / "notes.txt").read_text() == "mine"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "run"]
        same(fitted, EccentricAutoencoder.load(tmp_path / "link"), table)

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux exchanges two folders in one step")
    def test_a_killed_save_leaves_the_old_or_the_new_run(self, fitted, table, tmp_path, monkeypatch):
        """The process ends at each of the calls that change the folder."""

        class Killed(BaseException):
            pass

        fitted.save(tmp_path / "run")
        for step in ("exchange", "shutil.rmtree"):
            with monkeypatch.context() as patch:
                patch.setattr(f"eccentric.estimator.saving.{step}", _raising(Killed))
                with pytest.raises(Killed):
                    fitted.save(tmp_path / "run", overwrite=True)
            same(fitted, EccentricAutoencoder.load(tmp_path / "run"), table)
            assert len([*tmp_path.iterdir()]) == 2
            fitted.save(tmp_path / "run", overwrite=True)
            assert [path.name for path in tmp_path.iterdir()] == ["run"]

    def test_without_an_exchange_of_folders(self, fitted, table, tmp_path, monkeypatch):
        monkeypatch.setattr("eccentric.estimator.saving.exchange", lambda *_: False)
        for _ in range(2):
            fitted.save(tmp_path / "run", overwrite=True)
            same(fitted, EccentricAutoencoder.load(tmp_path / "run"), table)
        assert [path.name for path in tmp_path.iterdir()] == ["run"]

    def test_what_cannot_be_written_does_not_cost_the_old_run(self, fitted, table, tmp_path):
        fitted.save(tmp_path / "run")
        bad = copy.deepcopy(fitted)
        bad.n_iter_ = object()
        with pytest.raises(TypeError, match="not JSON serializable"):
            bad.save(tmp_path / "run", overwrite=True)
        same(fitted, EccentricAutoencoder.load(tmp_path / "run"), table)

    def test_a_disk_that_fills_up_does_not_cost_the_old_run(self, fitted, table, tmp_path, monkeypatch):
        def fill(*_, **__):
            raise EccentricError("No space left on device")

        fitted.save(tmp_path / "run")
        monkeypatch.setattr("eccentric.runs.results.write_latents", fill)
        for folder in ("run", "new"):
            with pytest.raises(EccentricError, match="No space left"):
                fitted.save(tmp_path / folder, overwrite=True)
        same(fitted, EccentricAutoencoder.load(tmp_path / "run"), table)
        assert [file.name for file in (tmp_path / "new").iterdir()] == [".lock"]

    def test_a_lock_alone_is_an_empty_folder(self, fitted, tmp_path):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / ".lock").touch()
        fitted.save(tmp_path / "run")
        assert EccentricAutoencoder.load(tmp_path / "run").n_components_ == 3

    def test_loading_leaves_the_random_state_alone(self, fitted, tmp_path):
        fitted.save(tmp_path / "run")
        before = torch.get_rng_state()
        EccentricAutoencoder.load(tmp_path / "run")
        assert torch.equal(torch.get_rng_state(), before)

    def test_tells_its_data_from_others(self, tmp_path):
        def recorded(model, name):
            model.save(tmp_path / name)
            return Run(tmp_path / name).config["data"].get("fingerprint")

        x = low_rank().astype(np.float32)
        first = recorded(quick(n_components=2).fit(x), "first")
        assert first == recorded(quick(n_components=2).fit(pd.DataFrame(x, columns=NAMES)), "same")
        assert first == recorded(EccentricAutoencoder.load(tmp_path / "first"), "again")
        assert first != recorded(quick(n_components=2).fit(x + 1), "other")
        loader = DataLoader(TensorDataset(torch.from_numpy(x)), 100, shuffle=True)
        assert recorded(quick(n_components=2, max_epochs=1).fit(loader), "loader") is None
        assert recorded(quick(n_components=2).partial_fit(x), "stream") is None

    def test_settings_of_another_version(self, fitted, table, tmp_path):
        fitted.save(tmp_path / "run")
        path = tmp_path / "run" / "config.json"
        config = json.loads(path.read_text())
        del config["train"]["checkpoint_seconds"], config["train"]["weight_decay"]
        config["train"]["momentum"] = 0.9
        path.write_text(json.dumps(config))
        other = EccentricAutoencoder.load(tmp_path / "run")
        same(fitted, other, table)
        assert other._fitted.record is not None
        assert other._fitted.record.config.weight_decay == TrainConfig().weight_decay

    def test_what_is_no_run(self, tmp_path):
        with pytest.raises(EccentricError, match="there is no run folder"):
            EccentricAutoencoder.load(tmp_path / "none")


class TestCommandLine:
    def test_a_table(self, tmp_path):
        data = from_arrays(low_rank().astype(np.float32), feature_names=NAMES)
        config = TrainConfig(dim=2, epochs=2, device="cpu", learning_rate=1e-3, seed=4)
        run = train(data, config, tmp_path / "run")
        model = EccentricAutoencoder.load(tmp_path / "run")
        assert (model.n_components, model.random_state, model.n_iter_) == (2, 4, 2)
        assert list(model.feature_names_in_) == NAMES
        x = pd.DataFrame(data.test.x.numpy(), columns=NAMES)
        np.testing.assert_allclose(model.transform(x), run.latents("test").p, atol=1e-5)
        np.testing.assert_array_equal(model.explained_variance_, run.components.eigenvalues)
        assert model.reconstruction_error_ == run.evaluation["test_reconstruction"]
        model.save(tmp_path / "again")
        assert Run(tmp_path / "again").config["data"] == run.config["data"]

    def test_images(self, tmp_path):
        data = load("digits")
        run = train(data, TrainConfig(dim=2, epochs=1, device="cpu"), tmp_path / "run")
        model = EccentricAutoencoder.load(tmp_path / "run")
        x = data.test.x.numpy()[:, 0]
        np.testing.assert_allclose(model.transform(x), run.latents("test").p, atol=1e-5)
        model.save(tmp_path / "again")
        np.testing.assert_array_equal(Run(tmp_path / "again").examples, run.examples)

    def test_goes_on_learning(self, tmp_path):
        data = from_arrays(load_digits().data.astype(np.float32))
        train(data, TrainConfig(dim=2, epochs=1, device="cpu"), tmp_path / "run")
        model = EccentricAutoencoder.load(tmp_path / "run")
        assert model.partial_fit(data.train.x.numpy()).n_samples_seen_ == len(data.train.x)


def test_parameters_of_a_newer_version_are_ignored(fitted, table, tmp_path):
    fitted.save(tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    config["estimator"]["parameters"]["temperature"] = 3
    path.write_text(json.dumps(config))
    again = EccentricAutoencoder.load(tmp_path / "run")
    assert "temperature" not in again.get_params()
    np.testing.assert_array_equal(again.transform(table), fitted.transform(table))


def _raising(error):
    def fail(*_, **__):
        raise error

    return fail
