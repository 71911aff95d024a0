"""What the transformer learns, where the answer is known."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from eccentric import EccentricAutoencoder
from eccentric.errors import EccentricError
from eccentric.estimator import fitting
from eccentric.estimator.fitting import has_converged
from eccentric.evaluation import folds
from eccentric.training import Run
from eccentric.training.step import Step

pytestmark = pytest.mark.filterwarnings("ignore:constant columns", "ignore:columns whose variance")


def low_rank(n=600, seed=0):
    """A Gaussian of rank 3 in 8 columns, in units of their own."""
    random = np.random.default_rng(seed)
    factors = random.normal(size=(n, 3)) * [3, 2, 1]
    return factors @ random.normal(size=(3, 8)) * np.logspace(-2, 2, 8) + np.arange(8)


def curved(n=900, seed=0):
    """A curve of one parameter in six columns, which three principal components are needed for."""
    random = np.random.default_rng(seed)
    t = random.uniform(-2, 2, n)
    x = np.c_[t, t**2, np.sin(2 * t), t, -(t**2), np.cos(2 * t)]
    return x + 0.02 * random.normal(size=x.shape)


def quick(**parameters):
    return EccentricAutoencoder(**{"max_epochs": 5, "random_state": 0, "device": "cpu", **parameters})


@pytest.fixture(scope="module")
def digits():
    return load_digits().data


@pytest.fixture(scope="module")
def repeated(digits):
    return quick(n_components=4, n_runs=3).fit(digits[:800])


class TestLinearData:
    def test_spans_the_principal_subspace(self):
        x = low_rank()
        p = quick(n_components=3, max_epochs=30).fit_transform(x)
        scores = PCA(3).fit_transform((x - x.mean(0)) / x.std(0))
        p, scores = p - p.mean(0), scores - scores.mean(0)
        left = p - scores @ np.linalg.lstsq(scores, p, rcond=None)[0]
        assert (left**2).sum(0) / (p**2).sum(0) == pytest.approx(0, abs=1e-3)

    def test_reconstructs_it(self):
        x = low_rank(900)
        model = quick(n_components=3, max_epochs=30).fit(x[:600])
        assert model.reconstruction_error_ < 1e-3
        assert model.score(x[600:]) > 0.999

    def test_is_no_worse_than_pca_where_that_is_best(self):
        x = np.random.default_rng(0).normal(size=(1000, 10)) * np.linspace(3, 0.5, 10) @ np.eye(10)[::-1]
        model = quick(n_components=4, max_epochs=20, standardize=False).fit(x)
        assert model.reconstruction_error_ <= model.pca_reconstruction_error_ * (1 + 1e-9)

    def test_the_variances_sum_to_d(self):
        model = quick(n_components=3, max_epochs=30).fit(low_rank())
        assert model.explained_variance_.sum() == pytest.approx(3, rel=0.1)
        assert model.explained_variance_ratio_.sum() == pytest.approx(1)


def test_components_are_uncorrelated_and_ordered(digits):
    # Also on the held-out rows: the axes are those of all rows.
    model = quick(n_components=5, axes="principal").fit(digits)
    assert not model.fell_back_to_pca_
    covariance = np.cov(model.transform(digits).T)
    np.testing.assert_allclose(covariance, np.diag(model.explained_variance_), atol=1e-5)
    assert (np.diff(model.explained_variance_) <= 0).all()


def test_beats_pca_on_a_curve():
    x = curved()
    model = quick(n_components=1, max_epochs=60, learning_rate=3e-3).fit(x)
    assert model.reconstruction_error_ < 0.5 * model.pca_reconstruction_error_
    fresh = curved(300, seed=1)
    standard = PCA(1).fit((x - x.mean(0)) / x.std(0))
    z = (fresh - x.mean(0)) / x.std(0)
    linear = 1 - np.square(standard.inverse_transform(standard.transform(z)) - z).sum() / np.square(z - z.mean(0)).sum()
    assert model.score(fresh) > linear + 0.1


def test_pca_error_is_pcas(digits):
    model = quick(n_components=4).fit(digits)
    held = np.setdiff1d(np.arange(len(digits)), model._fitted.record.train.rows)
    train = np.delete(digits, held, axis=0)
    spread = train.std(0, ddof=1)
    spread[spread == 0] = 1
    a, b = (train - train.mean(0)) / spread, (digits[held] - train.mean(0)) / spread
    pca = PCA(4).fit(a)
    expected = np.square(pca.inverse_transform(pca.transform(b)) - b).mean()
    assert model.pca_reconstruction_error_ == pytest.approx(expected, rel=1e-3)


class TestRepeated:
    def test_stability(self, repeated):
        assert repeated.component_stability_.shape == repeated.component_stability_std_.shape == (4,)
        assert (repeated.component_stability_ > 0.4).all()
        assert (repeated.component_stability_ <= 1).all()
        assert repeated.run_variances_.shape == (3, 4)
        np.testing.assert_allclose(repeated.run_variances_[0], repeated.explained_variance_)

    def test_tells_signal_from_noise(self):
        random = np.random.default_rng(0)
        turn = np.linalg.qr(random.normal(size=(20, 20)))[0]
        x = random.normal(size=(600, 20)) * np.r_[4, 3, 2, np.ones(17)] @ turn
        stability = quick(n_components=6, n_runs=3, standardize=False).fit(x).component_stability_
        assert (stability[:3] > 0.98).all()
        assert (stability[3:] < 0.8).all()

    def test_keeps_the_first_run(self, repeated, digits):
        alone = quick(n_components=4).fit(digits[:800])
        np.testing.assert_array_equal(alone.transform(digits), repeated.transform(digits))

    def test_one_run_says_nothing_of_stability(self, digits):
        assert not hasattr(quick(max_epochs=1).fit(digits[:100]), "component_stability_")

    def test_a_new_fit_forgets_the_old_stability(self, repeated, digits):
        model = copy.deepcopy(repeated).set_params(n_runs=1).fit(digits[:100])
        assert not hasattr(model, "component_stability_")

    def test_needs_rows_held_out(self):
        with pytest.raises(ValueError, match="n_runs > 1 is judged on held-out rows; set validation_fraction"):
            quick(n_runs=2, validation_fraction=0.0).fit(low_rank())
        with pytest.raises(ValueError, match="here are too few; add rows"):
            quick(n_runs=2).fit(low_rank(8))


class TestRandomState:
    def test_an_int_gives_the_same_numbers(self, digits):
        one, other = (quick(random_state=3).fit_transform(digits[:300]) for _ in range(2))
        np.testing.assert_array_equal(one, other)

    def test_another_gives_others(self, digits):
        assert not np.allclose(quick().fit_transform(digits[:300]), quick(random_state=1).fit_transform(digits[:300]))

    def test_samples(self, digits):
        model = quick(n_components=3).fit(digits)
        np.testing.assert_array_equal(model.sample(5), model.sample(5))
        assert model.sample(5).shape == (5, 64)
        assert not np.allclose(model.sample(5), model.sample(5, "standard"))
        with pytest.raises(ValueError, match="no sampling 'gaussian'"):
            model.sample(5, "gaussian")
        with pytest.raises(ValueError, match="at least one sample"):
            model.sample(0)

    def test_leaves_the_callers_generators_alone(self, digits, monkeypatch):
        seeded: list[int] = []
        monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
        before = torch.get_rng_state()
        quick(max_epochs=1).fit(digits[:100]).partial_fit(digits[:100])
        assert torch.equal(torch.get_rng_state(), before)
        assert not seeded


def test_stays_in_one_process_under_slurm(monkeypatch, tmp_path):
    names = {"NTASKS": "2", "NTASKS_PER_NODE": "2", "NNODES": "1", "JOB_NAME": "job", "PROCID": "0", "LOCALID": "0"}
    for name, value in {**names, "JOB_ID": "1", "STEP_ID": "0", "NODELIST": "localhost"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    x = low_rank(100)
    model = quick(n_components=2, max_epochs=1).fit(x)
    assert model._fitted.record.engine["engine"]["ranks"] == 1
    model.partial_fit(x).save(tmp_path / "run")
    assert Run(tmp_path / "run").config["engine"]["ranks"] == 1


class TestFailedFit:
    def test_leaves_an_unfitted_one_unfitted(self):
        model = quick()
        with pytest.raises(ValueError, match="NaN"):
            model.fit(np.full((50, 4), np.nan))
        assert vars(model) == vars(quick())
        with pytest.raises(NotFittedError):
            check_is_fitted(model)

    def test_leaves_a_fitted_one_as_it_was(self):
        x = pd.DataFrame(low_rank(), columns=list("abcdefgh"))
        model = quick(n_components=2).fit(x)
        expected, state = model.transform(x), dict(vars(model))
        with pytest.raises(EccentricError, match="lower the learning rate"):
            model.set_params(learning_rate=1e30).fit(low_rank()[:, :5])
        model.set_params(learning_rate="auto")
        assert vars(model) == state
        np.testing.assert_array_equal(model.transform(x), expected)


class TestSettings:
    def test_early_stopping_keeps_the_best(self):
        x = low_rank()
        x = np.concatenate([x, np.abs(x)], 1)  # which no line can tell
        model = quick(n_components=3, max_epochs=200, n_iter_no_change=2).fit(x)
        assert model.n_iter_ < 200
        assert model.reconstruction_error_ < model.pca_reconstruction_error_
        assert model.reconstruction_error_ == pytest.approx(model.history_["test_reconstruction"].min(), rel=1e-5)

    def test_a_gain_by_chance_is_none(self, capsys):
        noise = np.random.default_rng(0).normal(size=(150, 20))
        model = quick(n_components=3, max_epochs=200, n_iter_no_change=5, verbose=1).fit(noise)
        assert model.n_iter_ < 200
        assert model.history_["test_reconstruction"].min() < model.pca_reconstruction_error_
        assert model.reconstruction_error_ == model.pca_reconstruction_error_
        assert "keeping the initial weights" in capsys.readouterr().out
        train = noise[model._fitted.record.train.rows]
        scores = PCA(3).fit_transform((train - train.mean(0)) / train.std(0))
        p = model.transform(train)
        p, scores = p - p.mean(0), scores - scores.mean(0)
        left = p - scores @ np.linalg.lstsq(scores, p, rcond=None)[0]
        assert np.abs(left).max() < 1e-4

    def test_errors_without_held_out_rows_are_of_all_kinds_of_rows(self):
        x = np.random.default_rng(0).normal(size=(12_000, 5))
        x[:10_000] *= 0.01  # sorted, as by a class
        model = quick(n_components=2, early_stopping=False, max_epochs=1).fit(x)
        assert model.reconstruction_error_ == pytest.approx(1 - model.score(x), rel=0.1)

    def test_works_in_float32_whatever_the_default(self):
        x = low_rank(100)
        expected = quick(n_components=2, max_epochs=2).fit(x).transform(x)
        torch.set_default_dtype(torch.float64)
        try:
            np.testing.assert_array_equal(quick(n_components=2, max_epochs=2).fit(x).transform(x), expected)
        finally:
            torch.set_default_dtype(torch.float32)

    def test_without_it_all_rows_are_learnt_from(self):
        model = quick(early_stopping=False, max_epochs=3).fit(low_rank(100))
        assert model.n_iter_ == 3
        assert len(model._fitted.record.train.rows) == 100
        assert np.isnan(model.history_["test_reconstruction"]).all()

    def test_defaults_adapt_to_the_rows(self):
        assert quick(max_epochs="auto").fit(low_rank(64)).n_iter_ > 10

    def test_one_number_for_all_columns(self):
        x = low_rank()
        model = quick(n_components=2, standardize=False, early_stopping=False, max_epochs=1, learning_rate=1e-12).fit(x)
        p, scores = model.transform(x), PCA(2).fit_transform(x)
        correlation = np.abs(np.corrcoef(p.T, scores.T)[:2, 2:])
        np.testing.assert_allclose(np.diag(correlation), 1, atol=1e-4)

    def test_a_bar_on_a_terminal(self, capsys, monkeypatch):
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        quick(max_epochs=2, early_stopping=False, verbose=1).fit(low_rank(60))
        out = capsys.readouterr().out
        assert out.count("\r") == 2
        assert "[####################] epoch 2 of 2" in out
        assert out.endswith("\n")

    def test_verbose(self, capsys):
        quick(max_epochs=2, n_runs=2, verbose=1).fit(low_rank())
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 4
        assert lines[0].startswith("run 1 of 2, epoch 1 of 2, step ")
        quick(max_epochs=2, early_stopping=False, verbose=1).fit(low_rank())
        assert capsys.readouterr().out.count("\n") == 2

    def test_fewer_rows_than_the_batch(self):
        with pytest.warns(UserWarning, match="Got batch_size 500, larger than the 90 rows"):
            quick(batch_size=500).fit(low_rank(100))

    @pytest.mark.parametrize(
        ("parameter", "message"),
        [
            ({"n_components": 9}, r"n_components=9 must be between 1 and min\(n_samples, n_features\)=8"),
            ({"n_components": 0}, "The 'n_components' parameter of EccentricAutoencoder must be an int in the range"),
            ({"n_components": 2.5}, "Got 2.5 instead"),
            ({"max_epochs": "many"}, "'max_epochs' .* or 'auto'. Got 'many' instead"),
            ({"batch_size": 1}, "'batch_size' .* in the range"),
            ({"n_runs": 0}, "'n_runs' parameter .* Got 0 instead"),
            ({"validation_fraction": 1.0}, "'validation_fraction' .* Got 1.0 instead"),
            ({"weight": -1.0}, "weight must be zero or a positive number"),
            ({"weight": "small"}, "The 'weight' parameter of EccentricAutoencoder must be a number"),
            ({"learning_rate": "fast"}, "The 'learning_rate' parameter of EccentricAutoencoder must be a number or"),
            ({"mu": 0.4}, "mu"),
            ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
            ({"architecture": "resnet"}, "unknown architecture 'resnet'"),
            ({"architecture": "conv"}, "'conv' takes images, the data are 8 columns"),
            ({"device": "gpu9"}, "device 'gpu9' cannot be used"),
            ({"precision": "8"}, "unknown precision '8'"),
        ],
    )
    def test_out_of_range(self, parameter, message):
        model = quick(**parameter)
        with pytest.raises(ValueError, match=message):
            model.fit(low_rank(50))
        assert not hasattr(model, "n_features_in_")

    def test_more_components_than_rows(self):
        with pytest.raises(ValueError, match=r"n_components=6 must be between 1 and min\(n_samples, n_features\)=5"):
            quick(n_components=6).fit(low_rank(5))


class TestStream:
    def test_learns(self):
        x = curved(4000)
        model = quick(n_components=1, learning_rate=3e-3)
        errors = [model.partial_fit(batch).reconstruction_error_ for batch in np.array_split(np.tile(x, (5, 1)), 80)]
        assert np.mean(errors[-5:]) < 0.6 * np.mean(errors[:5])
        assert model.n_samples_seen_ == 20000
        assert len(model.history_["step"]) == 80

    def test_components_are_those_of_the_latest_rows(self):
        x = low_rank(6000)
        model = quick(n_components=2, axes="principal")
        for batch in np.array_split(x, 12):
            model.partial_fit(batch)
        p = model.transform(x[-2000:])
        np.testing.assert_allclose(np.cov(p.T), np.diag(model.explained_variance_), atol=1e-4)

    def test_holds_the_latest_rows_only(self):
        model = quick(n_components=2)
        for _ in range(5):
            model.partial_fit(low_rank(1500))
        assert len(model._fitted.stream.recent.x) == 2000

    def test_goes_on_from_a_fit(self):
        x = low_rank()
        model = quick(n_components=3, max_epochs=20).fit(x)
        before = model.reconstruction_error_
        model.partial_fit(x)
        assert model.reconstruction_error_ < before + 0.01
        assert model.n_components_ == 3

    def test_goes_on_after_a_batch_that_diverged(self):
        x = low_rank()
        model = quick(n_components=2).partial_fit(x)
        expected = model.transform(x)
        with pytest.raises(EccentricError, match=r"became (inf|nan)"):
            model.partial_fit(x * 1e25)
        np.testing.assert_array_equal(model.transform(x), expected)
        assert np.isfinite(model.partial_fit(x).transform(x)).all()

    def test_a_failing_batch_changes_nothing(self):
        x = low_rank()
        model = quick(n_components=2).partial_fit(x)
        expected = model.transform(x)
        with pytest.raises(ValueError, match="NaN"):
            model.partial_fit(np.full((10, 8), np.nan))
        np.testing.assert_array_equal(model.transform(x), expected)
        assert model.n_samples_seen_ == 600

    @pytest.mark.parametrize(("batch_size", "steps"), [("auto", 2), (100, 25), (2000, 1)])
    def test_batches_are_of_the_size_that_was_asked_for(self, batch_size, steps):
        model = quick(n_components=2, batch_size=batch_size).partial_fit(low_rank(10))
        model.partial_fit(low_rank(2500))
        assert model.history_["step"].tolist() == [1, 1 + steps]

    def test_says_nothing_of_the_error_of_pca_on_rows_long_gone(self):
        model = quick(n_components=2).fit(low_rank())
        assert np.isfinite(model.pca_reconstruction_error_)
        assert np.isnan(model.partial_fit(low_rank()).pca_reconstruction_error_)

    @pytest.mark.parametrize("rows", [2, 3, 5, 7])
    def test_takes_odd_batches(self, rows):
        x = low_rank()
        model = quick(n_components=2, batch_size=2).partial_fit(x[:40])
        steps = model.history_["step"][-1]
        model.partial_fit(x[:rows])
        assert model.history_["step"][-1] - steps == rows // 2
        assert model.n_samples_seen_ == 40 + rows

    def test_one_row_makes_no_pair(self):
        x = low_rank()
        model = quick(n_components=2).partial_fit(x)
        expected = model.transform(x)
        with pytest.raises(ValueError, match=r"Found array with 1 sample.* while a minimum of 2 is required"):
            model.partial_fit(x[:1])
        np.testing.assert_array_equal(model.transform(x), expected)

    @pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("out of memory")])
    def test_an_interrupted_batch_changes_nothing(self, error, monkeypatch):
        x = low_rank()
        model, undisturbed = (quick(n_components=2, batch_size=50).partial_fit(x) for _ in range(2))
        steps = []

        def failing(step, batch):
            steps.append(batch)
            if len(steps) == 3:
                raise error
            original(step, batch)

        original = Step.__call__
        with monkeypatch.context() as patch:
            patch.setattr(Step, "__call__", failing)
            with pytest.raises(error if isinstance(error, type) else type(error)):
                model.partial_fit(x)
        assert len(steps) == 3
        np.testing.assert_array_equal(model.transform(x), undisturbed.transform(x))
        # The moments of Adam and the count of steps as well:
        np.testing.assert_array_equal(model.partial_fit(x).transform(x), undisturbed.partial_fit(x).transform(x))
        np.testing.assert_array_equal(model.history_["step"], undisturbed.history_["step"])


class TestConvergence:
    @pytest.mark.parametrize(
        ("errors", "otherwise", "if_strict"),
        [
            ([1.0, 1.0, 1.0], True, True),
            ([1.0, 0.9, 0.8, 0.7, 0.6], False, False),
            ([1.0, 0.5, 0.49, 0.52, 0.48], True, True),  # 2 % lower than after half of the epochs
            ([1.0, 0.5, 0.49, 0.52, 0.45], True, False),  # 8 %
            ([1.0, 0.5, 0.49, 0.52, 0.4], False, False),
            ([0.002, 0.002, 0.002, 0.0015, 0.0016], True, True),
        ],
    )
    def test_the_rule(self, errors, otherwise, if_strict):
        assert has_converged(errors) == otherwise
        assert has_converged(errors, strict=True) == if_strict

    def test_a_folded_code_has_not_converged(self, monkeypatch):
        monkeypatch.setattr(fitting, "LEAST_STEPS", 20)
        monkeypatch.setattr(fitting, "MOST_STEPS", 300)
        x = np.random.default_rng(0).normal(size=(300, 2)) * [3, 1]
        settings = {"n_components": 1, "max_epochs": "auto", "batch_size": 64}
        early = quick(**settings).fit(x)
        monkeypatch.setattr(folds, "FOLDED", -2.0)  # every code counts as folded
        with pytest.warns(UserWarning, match="may be folded"):
            late = quick(**settings).fit(x)
        assert early.n_iter_ < late.n_iter_ == 75

    def test_linear_data_end_early_and_curved_data_late(self, monkeypatch):
        monkeypatch.setattr(fitting, "LEAST_STEPS", 20)
        monkeypatch.setattr(fitting, "MOST_STEPS", 300)
        settings = {"n_components": 1, "max_epochs": "auto", "batch_size": 64, "learning_rate": 3e-3}
        linear = quick(**settings).fit(np.random.default_rng(0).normal(size=(300, 2)) * [3, 1])
        t = np.random.default_rng(0).uniform(-2, 2, 300)
        curved = quick(**settings).fit(np.c_[t, t**2])
        assert linear.n_iter_ < curved.n_iter_ <= 75
        assert curved.reconstruction_error_ < 0.5 * curved.pca_reconstruction_error_
        recorded = curved._fitted.record.config
        assert (recorded.schedule, recorded.epochs) == ("trapezoid", curved.n_iter_)
