"""Annotated matrices of cells and genes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import sparse

from eccentric.data import load_all
from eccentric.data.files import READERS
from eccentric.errors import EccentricError, UsageError

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
    monkeypatch.setattr("eccentric.data.gene_matrices.BLOCK", 50)  # several blocks of rows
    x = write(tmp_path / "a.h5ad", matrix=matrix)
    found = load_all(tmp_path / "a.h5ad", label="kind")
    np.testing.assert_array_equal(found.splits["all"].x.numpy(), x)
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
