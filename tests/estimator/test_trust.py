"""What an estimator says of its components, and how many it finds."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.known_factors import KINDS, numbers_found

from eccentric import EccentricAutoencoder
from eccentric.estimator import fitting
from tests.estimator.test_inputs import squares
from tests.estimator.test_learning import low_rank, quick


@pytest.fixture(scope="module")
def repeated():
    x = low_rank(300) + 0.1 * np.random.default_rng(1).normal(size=(300, 8)) * np.logspace(-2, 2, 8)
    return x, quick(n_components=4, n_runs=2, max_epochs=3).fit(x)


def test_importance(repeated):
    _, model = repeated
    curve = model.error_curve_
    assert curve.shape == (5,)
    assert curve[-1] == pytest.approx(model.reconstruction_error_, rel=1e-3)
    assert curve[0] > curve[3]
    assert model.component_importance_.shape == model.error_curve_noise_.shape == (4,)
    assert model.component_importance_[0] > 10 * model.component_importance_[3]


def test_stability_beside_pcas_and_chance(repeated):
    _, model = repeated
    found = model.stability_
    np.testing.assert_array_equal(found.ours, model.component_stability_)
    assert found.pca.shape == (4,)
    assert found.pca[:3].min() > 0.9
    assert 0 < found.null < 0.5
    assert 0 < found.cka <= 1
    assert 0 < found.r2 <= 1


def test_redundancy(repeated):
    _, model = repeated
    assert model.component_redundancy_.shape == (4,)
    assert (model.component_redundancy_ < 0.5).all()


def test_all_of_it_is_saved(repeated, tmp_path):
    _, model = repeated
    model.save(tmp_path / "run")
    other = EccentricAutoencoder.load(tmp_path / "run")
    for name in ("component_importance_", "error_curve_", "component_stability_", "component_redundancy_"):
        np.testing.assert_allclose(getattr(other, name), getattr(model, name), rtol=1e-12)
    np.testing.assert_array_equal(other.stability_.pca, model.stability_.pca)
    assert other.stability_.cka == model.stability_.cka
    assert other.fell_back_to_pca_ is model.fell_back_to_pca_


def test_falling_back_is_said():
    noise = np.random.default_rng(0).normal(size=(80, 6))
    model = quick(n_components=2, max_epochs=2).fit(noise)
    assert model.fell_back_to_pca_
    assert repr(model).endswith("# fell back to PCA")
    assert not quick(n_components=2, max_epochs=2, start="random").fit(noise).fell_back_to_pca_


def test_a_stream_forgets_what_was_measured(repeated):
    x, model = repeated
    model = quick(n_components=2, max_epochs=1).fit(x).partial_fit(x)
    assert not hasattr(model, "component_importance_")


def test_images_are_measured_as_well():
    model = quick(n_components=2, max_epochs=1).fit(squares(60))
    assert model.component_importance_.shape == (2,)


class TestHowMany:
    @pytest.fixture
    def gaussian(self):
        random = np.random.default_rng(0)
        x = random.normal(size=(1000, 12)) * np.r_[4, 3, 2, np.ones(9)]
        return x @ np.linalg.qr(random.normal(size=(12, 12)))[0]

    def test_a_gaussian_has_pcas_number(self, gaussian):
        model = quick(n_components="auto", standardize=False, max_epochs=2).fit(gaussian)
        assert model.n_components_ == 3
        assert model.choice_.n_components.tolist() == [1, 2, 3, 4]
        assert (np.diff(model.choice_.error) < 0).all()
        same = quick(n_components=3, standardize=False, max_epochs=2).fit(gaussian)
        np.testing.assert_array_equal(model.transform(gaussian), same.transform(gaussian))
        assert model.get_params()["n_components"] == "auto"

    @pytest.mark.parametrize(("wanted", "strict"), [(3, False), ("auto", True), (0.5, True)])
    def test_numbers_are_compared_after_convergence(self, gaussian, monkeypatch, wanted, strict):
        asked = []
        once = fitting.train_once

        def noted(*args, **kwargs):
            asked.append(kwargs["strict"])
            return once(*args, **kwargs)

        monkeypatch.setattr(fitting, "train_once", noted)
        quick(n_components=wanted, standardize=False, max_epochs=1).fit(gaussian[:200])
        assert set(asked) == {strict}

    def test_a_share_of_the_variance(self, gaussian, tmp_path):
        model = quick(n_components=0.7, standardize=False, max_epochs=1).fit(gaussian)
        # 16, 9 and 4 of 38: two have 0.66, three have 0.76
        assert model.n_components_ == 3
        assert model.score(gaussian) > 0.7
        model.save(tmp_path / "run")
        assert EccentricAutoencoder.load(tmp_path / "run").choice_.n_components.tolist() == sorted(
            model.choice_.n_components
        )

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", KINDS)
    def test_three_factors(self, kind):
        assert numbers_found(kind, tables=1, rows=4000) == [3]

    @pytest.mark.parametrize("wrong", ["many", 0.0, 1.5, 0])
    def test_other_words(self, wrong):
        with pytest.raises(ValueError, match="'n_components' parameter of EccentricAutoencoder must be"):
            quick(n_components=wrong).fit(low_rank())

    def test_needs_rows_held_out(self):
        with pytest.raises(ValueError, match="n_components='auto' is chosen on held-out rows, and there are none"):
            quick(n_components="auto", early_stopping=False).fit(low_rank())
        with pytest.raises(ValueError, match="partial_fit cannot choose n_components='auto'; pass an int"):
            quick(n_components="auto").partial_fit(low_rank())
