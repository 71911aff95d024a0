"""Annotated matrices of cells and genes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy import sparse

from eccentric.comparison.plan import divide_rows
from eccentric.data import load, load_all
from eccentric.data.files import READERS
from eccentric.data.sparse_rows import SparseRows
from eccentric.errors import EccentricError, UsageError
from eccentric.export import encode_data
from eccentric.training import Stop, TrainConfig, train

if TYPE_CHECKING:
    from pathlib import Path

anndata: Any = pytest.importorskip("anndata")


def write(path: Path, **more: Any) -> np.ndarray:
    import pandas as pd

    x = np.random.default_rng(0).poisson(0.3, (30, 12)).astype(np.float32)
    with pd.option_context("future.infer_string", False):  # anndata cannot write the strings of pandas 3 yet
        obs = pd.DataFrame(
            {"kind": pd.Categorical(["T", "B", "NK"] * 10), "batch": np.arange(30) % 2},
            index=[f"cell{i}" for i in range(30)],
        )
        var = pd.DataFrame(index=[f"gene{j}" for j in range(12)])
        anndata.AnnData(more.pop("matrix", sparse.csr_matrix)(x), obs, var, **more).write_h5ad(path)
    return x


@pytest.mark.parametrize("matrix", [sparse.csr_matrix, sparse.csc_matrix, np.asarray])
def test_the_matrix_and_its_labels(tmp_path: Path, matrix: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eccentric.data.sparse_rows.BLOCK", 50)  # several blocks of rows
    x = write(tmp_path / "a.h5ad", matrix=matrix)
    found = load_all(tmp_path / "a.h5ad", label="kind")
    np.testing.assert_array_equal(found.splits["all"].x[:].numpy(), x)
    assert isinstance(found.splits["all"].x, SparseRows) == (matrix is not np.asarray)
    assert found.feature_names == [f"gene{j}" for j in range(12)]
    assert found.label_names == ["B", "NK", "T"]
    assert found.splits["all"].labels is not None
    assert found.splits["all"].labels[:3].tolist() == [2, 0, 1]


def test_without_labels(tmp_path: Path) -> None:
    write(tmp_path / "a.h5ad", layers={"counts": np.zeros((30, 12))})
    found = load_all(tmp_path / "a.h5ad")
    assert found.label_names == []
    assert found.notes[:2] == [
        "no labels; columns of obs that could be used as labels: 'kind', 'batch'",
        "X is used; not used: 'counts'",
    ]
    assert load_all(tmp_path / "a.h5ad", preferred_label="batch").label_names == ["0", "1"]
    assert load_all(tmp_path / "a.h5ad", columns=["gene3", "gene1"]).feature_names == ["gene3", "gene1"]


def test_errors(tmp_path: Path) -> None:
    write(tmp_path / "a.h5ad")
    with pytest.raises(UsageError, match=r"has no column 'type' of obs \(--label\); it has 'kind', 'batch'"):
        load_all(tmp_path / "a.h5ad", label="type")
    (tmp_path / "b.h5ad").write_bytes((tmp_path / "a.h5ad").read_bytes()[:500])
    with pytest.raises(EccentricError, match=r"b\.h5ad is not a readable \.h5ad file \(.*\); write the file again"):
        load_all(tmp_path / "b.h5ad")
    assert ".h5ad" in READERS


def test_sparse_rows_take_the_place_of_a_tensor() -> None:
    x = np.random.default_rng(0).poisson(0.3, (7, 4)).astype(np.float32)
    rows, dense = SparseRows(sparse.csr_matrix(x)), torch.from_numpy(x)
    assert (len(rows), rows.shape, rows.dtype, rows.ndim) == (len(dense), dense.shape, dense.dtype, dense.ndim)
    assert (rows.nelement(), rows.element_size()) == (dense.nelement(), dense.element_size())
    chosen = torch.tensor([5, 1, 1])
    for where in (3, slice(1, 6, 2), slice(None), chosen, chosen.numpy()):
        assert torch.equal(rows[where], dense[where])
    assert torch.equal(rows.take(chosen)[:], dense[chosen])
    assert [part.tolist() for part in rows.split(3)] == [part.tolist() for part in dense.split(3)]


def test_a_sparse_matrix_is_checked_as_a_dense_one(tmp_path: Path) -> None:
    import pandas as pd

    x = np.random.default_rng(0).poisson(0.3, (30, 12)).astype(np.float64)
    x[:, 3], x[:, 5], x[4, 7], x[9, 1] = 0, 2, 1e30, np.inf

    def written(name: str, matrix: Any) -> Path:
        with pd.option_context("future.infer_string", False):
            anndata.AnnData(matrix(x)).write_h5ad(tmp_path / name)
        return tmp_path / name

    def told(name: str, matrix: Any) -> str:
        with pytest.raises(EccentricError) as caught:
            load(written(name, matrix))
        return str(caught.value).replace(name, "FILE")

    assert told("a.h5ad", np.asarray) == told("b.h5ad", sparse.csr_matrix)
    assert "column '1' is inf in row 9" in told("c.h5ad", sparse.csc_matrix)
    x[4, 7] = x[9, 1] = 1
    notes = [load(written(*given)).notes for given in (("d.h5ad", np.asarray), ("e.h5ad", sparse.csr_matrix))]
    assert notes[0] == notes[1] == ["2 columns are constant: '3', '5'"]


def test_training_on_sparse_rows_is_training_on_dense_rows(tmp_path: Path) -> None:
    """Bit for bit: settings, weights, latents and evaluation, also of a run that is interrupted and resumed."""
    config = TrainConfig(dim=2, epochs=2, batch_size=8, device="cpu")
    runs = {}
    for name, matrix in (("dense", np.asarray), ("sparse", sparse.csr_matrix)):
        write(tmp_path / f"{name}.h5ad", matrix=matrix)
        data = load(tmp_path / f"{name}.h5ad", label="kind")
        assert isinstance(data.train.x, SparseRows) == (name == "sparse")
        runs[name] = train(data, config, tmp_path / name)
    stop = Stop()
    stop.asked = True
    train(data, config, tmp_path / "resumed", stop=stop)
    runs["resumed"] = train(data, config, tmp_path / "resumed", resume=True)
    dense = runs.pop("dense")
    for run in runs.values():
        digests = [{k: v for k, v in one.config["data"].items() if k != "name"} for one in (run, dense)]
        assert digests[0] == digests[1]
        assert run.evaluation == dense.evaluation
        for file in ("model.safetensors", "components.safetensors", "latents.parquet", "examples.safetensors"):
            assert (run.path / file).read_bytes() == (dense.path / file).read_bytes()
    encoded = {name: encode_data(dense, str(tmp_path / f"{name}.h5ad"))["all"].p for name in ("dense", "sparse")}
    np.testing.assert_array_equal(encoded["dense"], encoded["sparse"])
    rows = divide_rows(data)
    assert isinstance(rows.data.train.x, SparseRows)
    assert isinstance(rows.validation.x, SparseRows)
