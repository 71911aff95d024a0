"""Reader for annotated matrices of cells and genes (.h5ad)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.data.labels import USUAL
from eccentric.data.source import Source
from eccentric.data.sparse_rows import Matrix
from eccentric.data.splits import listing
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_h5ad"]


def read_h5ad(path: Path, label: str | None, preferred: str | None = None) -> Source:
    """Read the matrix X, with a column for each gene, and one column of `obs` as labels.

    A sparse matrix stays sparse, see `SparseRows`.

    Args:
        path: path of the file.
        label: column of obs with the labels; "" for no labels, None to search for the usual names.
        preferred: name that takes precedence over the usual names if obs has this column.

    Raises:
        UsageError: obs has no column named `label`.
        EccentricError: anndata is not installed, there is no X, or genes share a name.
    """
    try:
        import anndata
    except ModuleNotFoundError:
        raise EccentricError(f"{path} needs anndata, which is not installed; pip install eccentric[h5ad]") from None
    import pyarrow as pa

    found = anndata.read_h5ad(path)
    obs = [str(name) for name in found.obs.columns]
    chosen = _label(path, obs, label, preferred)
    names = [str(name) for name in found.var_names]
    if len({*names}) < len(names):
        raise EccentricError(
            f"{path}: several genes have the same name; call var_names_make_unique() and write the file again"
        )
    if chosen in names:
        raise EccentricError(f"{path}: {chosen!r} is both a gene and a column of obs; rename the column")
    if found.X is None or not names:
        raise EccentricError(f"{path} has no matrix X; write the file with one")
    columns: dict[str, Any] = {}
    matrices = {}
    if hasattr(found.X, "tocsr"):
        x = found.X.tocsr()
        x.sum_duplicates()
        matrices["all"] = Matrix(x, names)
    else:
        with np.errstate(over="ignore"):  # values beyond float32 become inf, which the check of the table reports
            dense = np.asarray(found.X).astype(np.float32, order="F", copy=False)
        columns = {name: pa.array(dense[:, j]) for j, name in enumerate(names)}
    if chosen is not None:
        columns[chosen] = pa.array(_plain(found.obs[chosen]), from_pandas=True)
    # Arrow knows the number of rows only from a column.
    table = pa.table(columns) if columns else pa.table({"": np.empty(found.n_obs, bool)}).select([])
    notes = (
        [f"no labels; columns of obs that could be used as labels: {listing(obs, 12)}"] if obs and not chosen else []
    )
    if found.layers or found.raw is not None:
        others = [*found.layers, *(["raw"] if found.raw is not None else [])]
        notes.append(f"X is used; not used: {listing(others)}")
    return Source(path.stem, str(path), {"all": table}, matrices=matrices, notes=notes, label=chosen)


def _label(path: Path, obs: list[str], label: str | None, preferred: str | None) -> str | None:
    if label:
        if label not in obs:
            raise UsageError(f"{path} has no column {label!r} of obs (--label); it has {listing(obs, 12)}")
        return label
    if label == "":
        return None
    usual = [name for want in USUAL for name in obs if name.lower() == want]
    return next((name for name in (preferred, *usual) if name in obs), None)


def _plain(values: Any) -> Any:
    """A column of obs, with categories replaced by their values."""
    return values.astype(values.cat.categories.dtype) if hasattr(values, "cat") else values
