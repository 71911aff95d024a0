"""What may be passed as X, and what is said of what may not."""

from __future__ import annotations

import tracemalloc
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from eccentric import EccentricAutoencoder
from eccentric.estimator.working import encode_array, encode_stream
from tests.estimator.test_learning import low_rank, quick

NAMES = list("abcdefgh")


@pytest.fixture(scope="module")
def fitted():
    return quick(n_components=3).fit(pd.DataFrame(low_rank(), columns=NAMES))


def squares(n=150, side=8):
    """Images uint8 (n, side, side) of a bright square somewhere."""
    random = np.random.default_rng(0)
    x = np.zeros((n, side, side), np.uint8)
    for image, (row, column) in zip(x, random.integers(0, side - 2, (n, 2)), strict=True):
        image[row : row + 3, column : column + 3] = 255
    return x


class Numbered(Dataset):
    """Rows made when asked for, and counted; nothing is held."""

    def __init__(self, n, features=8):
        self.n, self.features, self.read = n, features, 0

    def __len__(self):
        return self.n

    def __getitem__(self, row):
        self.read += 1
        return np.random.default_rng(row).normal(size=self.features).astype(np.float32), row


class Endless(IterableDataset):
    def __init__(self, x):
        self.x = x

    def __iter__(self):
        return iter(self.x)


class TestKinds:
    def test_all_kinds_of_tables_give_the_same(self):
        x = low_rank(200).astype(np.float32)
        expected = quick(n_components=2).fit_transform(x)
        for same in (torch.from_numpy(x), pd.DataFrame(x, columns=NAMES), pl.DataFrame(x, schema=NAMES), x.tolist()):
            np.testing.assert_allclose(quick(n_components=2).fit_transform(same), expected, atol=1e-5)

    def test_precision_follows_the_input(self, fitted):
        x = pd.DataFrame(low_rank(), columns=NAMES)
        single, double = fitted.transform(x.astype(np.float32)), fitted.transform(x)
        assert (single.dtype, double.dtype) == (np.float32, np.float64)
        np.testing.assert_allclose(single, double, atol=1e-4)
        assert fitted.inverse_transform(single).dtype == np.float32
        assert fitted.inverse_transform(double).dtype == np.float64

    def test_inverse_of_few_components(self, fitted):
        p = fitted.transform(pd.DataFrame(low_rank(), columns=NAMES))
        held = p.copy()
        held[:, 2] = 0
        np.testing.assert_allclose(fitted.inverse_transform(p[:, :2]), fitted.inverse_transform(held), rtol=1e-6)
        with pytest.raises(ValueError, match="X has 4 components, but EccentricAutoencoder has 3"):
            fitted.inverse_transform(np.zeros((2, 4)))

    def test_a_data_set(self):
        data = TensorDataset(torch.from_numpy(low_rank().astype(np.float32)))
        model = quick(n_components=3, max_epochs=20).fit(data)
        assert model.reconstruction_error_ < 0.01
        assert len(model._fitted.record.test.rows) == 60
        np.testing.assert_allclose(model.transform(data), model.transform(data.tensors[0]), atol=1e-5)
        assert model.score(data) == pytest.approx(model.score(data.tensors[0]), abs=1e-6)

    def test_a_loader(self):
        x = torch.from_numpy(low_rank().astype(np.float32))
        model = quick(n_components=3, max_epochs=20).fit(DataLoader(TensorDataset(x), 50, shuffle=True))
        assert model.n_iter_ == 20
        assert model.reconstruction_error_ < 0.01
        with pytest.raises(ValueError, match="n_runs > 1 needs rows to hold out, which a loader cannot give"):
            quick(n_runs=2).fit(DataLoader(TensorDataset(x), 50))

    @pytest.mark.parametrize(
        ("options", "words"), [({"shuffle": True}, "shuffles"), ({"drop_last": True}, "drops its last batch")]
    )
    def test_a_loader_whose_rows_cannot_be_told_apart(self, fitted, options, words):
        loader = DataLoader(TensorDataset(torch.from_numpy(low_rank().astype(np.float32))), 64, **options)
        with pytest.raises(ValueError, match=words):
            fitted.transform(loader)
        unfitted = quick()
        with pytest.raises(ValueError, match=words):
            unfitted.fit_transform(loader)
        assert not hasattr(unfitted, "n_iter_")
        whole = DataLoader(loader.dataset, 60, drop_last=True)
        np.testing.assert_allclose(fitted.transform(whole), fitted.transform(loader.dataset), atol=1e-5)

    def test_a_loader_decides_the_size_of_a_step(self):
        x = torch.from_numpy(low_rank().astype(np.float32))
        model = quick(n_components=2, max_epochs=2).fit(DataLoader(TensorDataset(x), 10))
        assert model.history_["step"][-1] == 120
        assert model._fitted.record.config.batch_size == 10

    def test_an_iterable_data_set(self):
        x = torch.from_numpy(low_rank().astype(np.float32))
        assert quick(n_components=3, max_epochs=10).fit(Endless(x)).transform(Endless(x)).shape == (600, 3)

    def test_a_file_larger_than_what_is_held(self, tmp_path):
        x = low_rank(20000)
        np.save(tmp_path / "x.npy", x)
        mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
        model = quick(n_components=3, max_epochs=1).fit(mapped)
        assert model.reconstruction_error_ < 0.02
        np.testing.assert_array_equal(model.transform(mapped[:100]), model.transform(x[:100]))

    def test_repeated_runs_of_a_data_set(self):
        model = quick(n_components=2, n_runs=2, max_epochs=3).fit(Numbered(300))
        assert ((model.component_stability_ > 0) & (model.component_stability_ < 1)).all()


class TestMemory:
    def test_transform_of_a_data_set_holds_the_result_only(self):
        wide = quick(n_components=1, max_epochs=1).fit(np.random.default_rng(0).normal(size=(200, 500)))
        data = Numbered(5000, features=500)
        tracemalloc.start()
        p = wide.transform(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert p.shape == (5000, 1)
        assert data.read <= 5000 + 1024  # the first batch is looked at for its shape
        assert peak < 5000 * 500 * 4 / 2

    @pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int8])
    def test_transform_of_a_file_holds_the_result_only(self, tmp_path, dtype):
        x = (10 * np.random.default_rng(0).normal(size=(40000, 50))).astype(dtype)
        np.save(tmp_path / "x.npy", x)
        model = quick(n_components=1, max_epochs=1).fit(x[:200])
        mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
        tracemalloc.start()
        p = model.transform(mapped)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 0.7 * 8 * x.size  # a few batches of 8 MB, whatever the file's length
        np.testing.assert_array_equal(p, model.transform(x.astype(np.float64)))


class TestImages:
    def test_grey(self):
        x = squares()
        model = quick(n_components=2, architecture="conv", max_epochs=20, learning_rate=3e-3).fit(x)
        assert (model.n_features_in_, model.item_shape_) == (64, (8, 8))
        assert model.transform(x).dtype == np.float32
        made = model.inverse_transform(model.transform(x))
        assert made.shape == x.shape
        assert 0 <= made.min() <= made.max() <= 255
        assert model.reconstruction_error_ < 0.12
        np.testing.assert_allclose(model.transform(x[:, None][:5].reshape(5, 8, 8)), model.transform(x)[:5], atol=1e-5)

    def test_units_are_those_given(self):
        x = squares().astype(np.float32)[:, None].repeat(3, 1) / 100 - 2
        model = quick(n_components=2, max_epochs=2).fit(x)
        made = model.inverse_transform(model.transform(x))
        assert made.shape == x.shape
        assert -2 <= made.min() <= made.max() <= 0.55001

    def test_channels_come_first(self):
        with pytest.raises(
            ValueError, match=r"\(8, 8, 3\), but \(channels, height, width\) .* np.moveaxis\(X, -1, 1\)"
        ):
            quick().fit(np.zeros((20, 8, 8, 3)))

    def test_booleans_are_zero_and_one(self):
        x = squares() > 0
        model = quick(n_components=2, max_epochs=2).fit(x)
        assert (model._fitted.model.shift.item(), model._fitted.model.scale.item()) == (0, 1)
        assert model.score(x) == model.score(x.astype(np.float32))
        same = quick(n_components=2, max_epochs=2).fit(x.astype(np.float32))
        assert model.reconstruction_error_ == same.reconstruction_error_

    @pytest.mark.parametrize("kind", [">f4", ">f8", ">u2", ">i4", np.longdouble, np.float16, np.uint16])
    def test_every_kind_of_number(self, kind):
        x = squares().astype(kind)
        model = quick(n_components=2, max_epochs=1).fit(x)
        p = model.transform(x)
        assert p.dtype == np.float32
        np.testing.assert_array_equal(p, model.transform(x.astype(np.float32)))
        assert np.isfinite(model.score(x))

    def test_another_size(self):
        model = quick(n_components=2, max_epochs=1).fit(squares())
        with pytest.raises(
            ValueError, match=r"items of shape \(9, 9\), but EccentricAutoencoder is expecting \(8, 8\)"
        ):
            model.transform(squares(side=9))

    def test_nan(self):
        x = squares().astype(float)
        x[7, 3, 2] = np.nan
        with pytest.raises(ValueError, match=r"Input X contains NaN.*\n.*row 7, column 3, 2"):
            quick().fit(x)

    def test_a_data_set(self):
        model = quick(n_components=2, max_epochs=2).fit(TensorDataset(torch.from_numpy(squares())))
        assert model.transform(squares()).shape == (150, 2)


def test_latents_leave_the_device_before_numpy_takes_them(fitted):
    """A stand-in for latents on a GPU: nothing can be done with them but bring them to the CPU."""
    x, on_device = np.zeros((4, 8), np.float32), SimpleNamespace(cpu=lambda: torch.ones(4, 3))
    model: Any = SimpleNamespace(
        parameters=lambda: iter([torch.zeros(1)]), encode=lambda batch: on_device, eval=lambda: None
    )
    expected = fitted._fitted.components.encode(torch.ones(4, 3)).numpy()
    np.testing.assert_array_equal(encode_array(model, fitted._fitted.components, x), expected)
    np.testing.assert_array_equal(encode_stream(model, fitted._fitted.components, [torch.from_numpy(x)]), expected)


class TestRefused:
    @pytest.mark.parametrize(("value", "what"), [(np.nan, "NaN"), (np.inf, "infinity"), (1e300, "too large for dtype")])
    def test_what_is_not_finite_is_named(self, fitted, value, what):
        x = pd.DataFrame(low_rank(), columns=NAMES)
        x.loc[417, "e"] = value
        for method in (quick().fit, fitted.transform, fitted.score):
            with pytest.raises(ValueError, match=f"Input X contains .*{what}.*\n.*row 417, column 'e'"):
                method(x)

    def test_nan_in_a_data_set(self):
        x = torch.from_numpy(low_rank().astype(np.float32))
        x[30, 4] = torch.nan
        with pytest.raises(
            ValueError, match=r"Input X contains NaN or infinity. The first is in row 30 of the data set, at"
        ):
            quick().fit(TensorDataset(x))

    def test_constant_columns_are_kept_with_a_warning(self):
        x = pd.DataFrame(low_rank(), columns=NAMES).assign(c=5.0)
        with pytest.warns(UserWarning, match="constant columns: 'c'. They are kept"):
            model = quick(n_components=2).fit(x)
        np.testing.assert_allclose(model.inverse_transform(model.transform(x))[:, 2], 5, atol=0.1)
        with pytest.warns(UserWarning, match="constant columns: 0, 1, 2"):
            quick(n_components=2).fit(np.ones((40, 3)))

    def test_warnings_point_to_the_line_of_the_user(self):
        x = np.c_[low_rank(), np.ones(len(low_rank()))]
        model = quick(n_components=2, max_epochs=1, batch_size=10_000)  # warns of the batch size as well
        for fit in (model.fit, model.fit_transform, make_pipeline(StandardScaler(), model).fit_transform):
            with pytest.warns(UserWarning, match="constant columns") as caught:
                fit(x)
            assert {warning.filename for warning in caught} == {__file__}
            assert len(caught) == 2

    def test_columns_that_vary_in_few_rows_are_named_if_they_are_standardised(self):
        x = pd.DataFrame(low_rank(), columns=NAMES).assign(rare=0.0)
        x.loc[[5, 50, 100], "rare"] = 7.0
        with pytest.warns(UserWarning, match="that of fewer than ten rows: 'rare'.*standardize=False"):
            quick(n_components=2, max_epochs=1).fit(x)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "columns whose variance")
            quick(n_components=2, max_epochs=1, standardize=False).fit(x)

    def test_text(self):
        x = pd.DataFrame(low_rank(), columns=NAMES).assign(city="Oslo")
        with pytest.raises(ValueError, match=r"could not convert string to float: 'Oslo'.*column 'city'"):
            quick().fit(x)

    @pytest.mark.filterwarnings("ignore:X does not have valid feature names")
    def test_other_names_or_numbers_of_features(self, fitted):
        x = pd.DataFrame(low_rank(), columns=NAMES)
        with pytest.raises(ValueError, match="The feature names should match those that were passed during fit"):
            fitted.transform(x.rename(columns={"a": "z"}))
        with pytest.raises(ValueError, match="X has 7 features, but EccentricAutoencoder is expecting 8 features"):
            fitted.transform(low_rank()[:, :7])
        with pytest.raises(ValueError, match="X has 5 features, but EccentricAutoencoder is expecting 8 features"):
            fitted.transform(Numbered(10, 5))

    def test_dates_masks_and_lazy_frames_are_named(self):
        x = pd.DataFrame(low_rank(), columns=NAMES)
        dated = x.assign(born=pd.date_range("2020-01-01", periods=600))
        with pytest.raises(TypeError, match=r"column 'born' holds dates or times \(datetime64.*\); convert them"):
            quick().fit(dated)
        with pytest.raises(TypeError, match="column 'born' holds dates or times"):
            quick().fit(pl.from_pandas(dated))
        with pytest.raises(TypeError, match=r"X is a LazyFrame; pass X.collect\(\)"):
            quick().fit(pl.from_pandas(x).lazy())
        masked = np.ma.masked_array(low_rank(), mask=np.arange(4800).reshape(600, 8) == 84)
        with pytest.raises(ValueError, match=r"masked array with masked values, the first in row 10; fill them"):
            quick().fit(masked)

    def test_sparse(self):
        x = low_rank().astype(np.float32)
        x[np.abs(x) < 1] = 0
        dense, found = quick().fit(x), quick().fit(sparse.coo_array(x))
        np.testing.assert_allclose(found.transform(sparse.csc_matrix(x)), dense.transform(x), rtol=1e-4, atol=1e-4)
        assert found.score(sparse.csr_matrix(x)) == pytest.approx(dense.score(x), abs=1e-5)
        found.partial_fit(sparse.csr_array(x))
        with pytest.raises(ValueError, match="X has 7 features, but EccentricAutoencoder is expecting 8 features"):
            found.transform(sparse.csr_array(x[:, :7]))
        x[5, 3] = np.nan
        with pytest.raises(ValueError, match=r"NaN or infinity. The first is in row 5 of the data set, at \[3\]"):
            quick().fit(sparse.csr_array(x))

    def test_unfitted(self):
        model = EccentricAutoencoder()
        for call in (model.transform, model.inverse_transform, model.score):
            with pytest.raises(NotFittedError, match="This EccentricAutoencoder instance is not fitted yet"):
                call(low_rank())
        with pytest.raises(NotFittedError):
            model.sample(3)
        with pytest.raises(NotFittedError):
            model.save("nowhere")
        assert not hasattr(model, "explained_variance_")

    def test_too_few_rows(self):
        with pytest.raises(ValueError, match="1 sample"):
            quick().fit(np.ones((1, 4)))
        with pytest.raises(ValueError, match="at least 2 rows for a variance"):
            quick(n_components=2).fit(low_rank()).score(low_rank()[:1])

    def test_a_stream_in_parts(self):
        with pytest.raises(TypeError, match="partial_fit takes the rows of one batch"):
            quick().partial_fit(Numbered(10))


class TestItemKind:
    def test_items_of_more_axes_as_rows_of_a_table(self, tmp_path):
        x = np.random.default_rng(0).normal(size=(60, 5, 4)).astype(np.float32)
        model = quick(n_components=2, item_kind="table").fit(x)
        flat = quick(n_components=2).fit(x.reshape(60, 20))
        np.testing.assert_array_equal(model.transform(x), flat.transform(x.reshape(60, 20)))
        assert model.inverse_transform(model.transform(x)).shape == x.shape
        assert model.item_shape_ == (5, 4)
        model.save(tmp_path / "run")
        again = EccentricAutoencoder.load(tmp_path / "run")
        np.testing.assert_array_equal(again.transform(x), model.transform(x))
        assert again.item_kind == "table"

    @pytest.mark.parametrize(
        ("kind", "message"),
        [
            ("graph", r"The 'item_kind' parameter of EccentricAutoencoder must be one of 'auto', 'image'"),
            ("image", r"item_kind='image' needs X of shape \(n, h, w\) or \(n, c, h, w\)"),
            ("sequence", r"item_kind='sequence' needs X of shape \(n, steps, features\)"),
        ],
    )
    def test_a_kind_that_does_not_fit(self, kind, message):
        with pytest.raises(ValueError, match=message):
            quick(item_kind=kind).fit(low_rank())

    def test_a_data_set_as_a_table(self):
        data = TensorDataset(torch.rand(60, 5, 4))
        model = quick(n_components=2, item_kind="table").fit(data)
        assert model.transform(data).shape == (60, 2)
        assert model._fitted.model.shift.shape == (20,)
