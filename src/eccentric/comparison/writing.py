"""The files of a comparison: comparison.csv, weights.csv, comparison.md and three figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.comparison.choosing import BETTER, RULE, TOLERANCE, WINNING, winner
from eccentric.comparison.grids import BASELINES, entries
from eccentric.errors import EccentricError
from eccentric.evaluation.random_latents import SAMPLINGS
from eccentric.files import atomic
from eccentric.methods.registry import DEFAULT, PAPER_RIVALS, REFERENCE, find

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from eccentric.plots.comparison import Role
    from eccentric.plots.style import Format

__all__ = ["MAIN", "PAGE", "SAMPLED", "TITLES", "cell", "title_of", "write_results"]

CSV, WEIGHTS, PAGE = "comparison.csv", "weights.csv", "comparison.md"
PICTURES = {
    "trade-off.png": "Repeatability against reconstruction error; a line connects the weights of a method. Up and to "
    "the left is better.",
    "errors.png": "Reconstruction error with the first k components kept and the others at their mean.",
    "spectra.png": "Variance along each component, as a share of their sum; shares below a thousandth are not shown.",
}
TITLES: dict[str, tuple[str, str]] = {
    "error": ("error", "{:.4f}"),
    "mcc": ("MCC", "{:.2f}"),
    "mcc_spearman": ("Spearman", "{:.2f}"),
    "mcc_anchored": ("anchored", "{:.2f}"),
    "cka": ("CKA", "{:.2f}"),
    "r2": ("R²", "{:.2f}"),
    "effective_dimension": ("effective d", "{:.1f}"),
    "neighbour_error_10": ("kNN, 10", "{:.1%}"),
    "neighbour_error_100": ("kNN, 100", "{:.1%}"),
    "neighbour_error_1000": ("kNN, 1000", "{:.1%}"),
    "neighbour_error": ("kNN, all", "{:.1%}"),
    "frechet_natural": ("Fréchet", "{:.1f}"),
    "frechet_standard": ("standard", "{:.1f}"),
    "frechet_matched": ("matched", "{:.1f}"),
    "frechet_mixture": ("mixture", "{:.1f}"),
    "frechet_own": ("own", "{:.1f}"),
    "seconds_per_step": ("ms per step", "{:.1f}"),
}
"""Title and number format of each column of the page."""
MAIN = (
    "error", "mcc", "mcc_spearman", "mcc_anchored", "cka", "r2", "effective_dimension", "neighbour_error_100",
    "neighbour_error", "frechet_natural", "seconds_per_step",
)  # fmt: skip
SAMPLED = ("frechet_standard", "frechet_matched", "frechet_mixture", "frechet_own")
LABELS = ("neighbour_error_10", "neighbour_error_100", "neighbour_error_1000", "neighbour_error")
GLOSSARY = (
    "**error**: mean squared reconstruction error on test rows. **MCC**: mean absolute correlation of components on "
    "test rows, matched one to one between two runs. **Spearman**: the same with rank correlations. **anchored**: "
    "MCC along axes that are rotated towards the components of a linear PCA of the training rows. **CKA**: linear "
    "CKA. **R²**: coefficient of determination of the best linear map between the latents of two runs. **effective "
    "d**: squared sum of the variances divided by the sum of their squares. **kNN**: error of nearest-neighbour "
    "classifiers with the labels of 100 training rows, or of all. **Fréchet**: Fréchet distance of decoded random "
    "latents, sampled in the way that is most natural for the method. Each cell contains mean ± standard deviation "
    "over seeds (over pairs of seeds for MCC, Spearman, anchored, CKA and R²). PCA and kernel PCA are fitted once, "
    "and their repeatability is that of fits to bootstrap samples of the rows. Published figures were obtained with "
    "other data, networks and protocols and cannot be compared with ours."
)
MARKED = (
    "**†** after a setting: at every setting of the method, the error on validation rows is more than "
    f"{100 * TOLERANCE:.0f} % above that of the plain autoencoder. "
)
NOTABLE = ("error", "mcc", "mcc_anchored", "neighbour_error", "frechet_natural")
FEW = 10
NULLS = {"mcc_null": "MCC", "cka_null": "CKA", "r2_null": "R²"}


def title_of(name: str) -> str:
    """Name of a row on the page."""
    return BASELINES.get(name) or entries()[name].title


def cell(row: pd.Series, column: str) -> str:
    """A mean with its standard deviation, or one word that says why there is no value."""
    value = row.get(column, np.nan)
    if not np.isfinite(value):
        discrete = row["runs"] and row["method"] not in BASELINES and not _traits(row["method"]).has_spectrum
        return "discrete" if discrete and column in ("mcc", "effective_dimension") else ""
    factor = 1000 if column == "seconds_per_step" else 1
    form, spread = TITLES[column.removeprefix("default_")][1], row.get(f"{column}_sd", np.nan)
    text = form.format(factor * value)
    if np.isfinite(spread):
        text = f"{text.rstrip('%')} ± {form.format(factor * spread)}"
    return text.replace("%", " %")


def write_results(
    table: pd.DataFrame,
    weights: pd.DataFrame,
    protocol: Sequence[str],
    notes: Sequence[str],
    path: Path,
    folder: Path,
    format: Format = "png",
) -> None:
    """Write all files of the result.

    Args:
        table: one row per method.
        weights: one row per method and weight.
        protocol: conditions of the comparison, one sentence each.
        notes: further notes for the reader.
        path: path of the page.
        folder: folder of the tables and figures, which is that of the page or below it.
        format: with "svg" or "pdf", the figures are written in this format as well as in PNG.
    """
    from eccentric.plots import write_figure

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {folder}: {error.strerror}; choose another") from None
    for name, frame in ((CSV, table), (WEIGHTS, weights)):
        with atomic(folder / name) as temporary:
            frame.to_csv(temporary, index=False)
    for name, figure in _figures(table, weights).items():
        write_figure(folder / name, figure, format)
    prefix = "" if folder == path.parent else f"{folder.relative_to(path.parent).as_posix()}/"
    with atomic(path) as temporary:
        temporary.write_text(page(table, protocol, notes, prefix), encoding="utf-8")


def page(table: pd.DataFrame, protocol: Sequence[str], notes: Sequence[str], prefix: str = "") -> str:
    """The result as Markdown.

    Args:
        table, protocol, notes: as for `write_results`.
        prefix: prefix of the paths of tables and figures.
    """
    rows = table.to_dict("records")
    published = {"published elsewhere": [row["published"] for row in rows]}
    parts = [
        "# Methods compared",
        "Sorted by MCC.",
        _table(table, MAIN, {"setting": [setting_cell(row) for row in rows]}, published),
        f"{_marked(rows)}{GLOSSARY} {_nulls(table)} All columns, with one for each component: [{CSV}]({prefix}{CSV}); "
        f"every weight: [{WEIGHTS}]({prefix}{WEIGHTS}).",
        *(f"![{caption}]({prefix}{name})\n\n*{caption}*" for name, caption in PICTURES.items()),
        "## At the default weights",
        "Results of each method without tuning.",
        _defaults(table),
    ]
    if "neighbour_error" in table:
        parts += ["## Error of nearest neighbours by number of labels", _table(table, LABELS)]
    if "frechet_natural" in table:
        natural = {"natural sampling": ["" if not row["runs"] else _natural(row["method"]) for row in rows]}
        parts += ["## Fréchet distance by way of sampling", _table(table, SAMPLED, natural)]
    sentences = [*protocol, RULE, WINNING, *notes]
    parts += ["## Conditions", "\n".join(f"- {sentence.removesuffix('.')}." for sentence in sentences)]
    return "\n\n".join(parts) + "\n"


def _table(
    table: pd.DataFrame,
    columns: Sequence[str],
    before: dict[str, list[str]] | None = None,
    after: dict[str, list[str]] | None = None,
) -> str:
    """Markdown table of the given columns between columns of text, with winners in bold."""
    shown = [column for column in columns if column in table]
    best = {column: winner(table, column, tuple(BASELINES)) for column in shown if column in BETTER}
    before, after = before or {}, after or {}
    lines = [["method", *before, *(TITLES[column][0] for column in shown), *after]]
    for k, (_, row) in enumerate(table.iterrows()):
        cells = [cell(row, column) for column in shown]
        marked = [
            f"**{text}**" if best.get(column) == row["method"] else text
            for column, text in zip(shown, cells, strict=True)
        ]
        texts = [texts[k] for texts in before.values()], [texts[k] for texts in after.values()]
        lines.append([row["method"], *texts[0], *marked, *texts[1]])
    return _markdown(lines)


def _defaults(table: pd.DataFrame) -> str:
    columns = [column for column in ("error", "mcc", "mcc_anchored", "cka") if f"default_{column}" in table]
    lines = [["method", "full name", "default", "chosen", *(TITLES[column][0] for column in columns)]]
    for _, row in table[table["default_error"].notna()].iterrows():
        cells = [cell(row, f"default_{column}") for column in columns]
        lines.append([row["method"], title_of(row["method"]), row["default_setting"], setting_cell(row), *cells])
    return _markdown(lines)


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def setting_cell(row: Mapping[str, Any] | pd.Series) -> str:
    """The chosen setting, with a mark if no setting has a reconstruction error within the bound."""
    return f"{row['setting']} †".strip() if _is_beyond_bound(row) else str(row["setting"])


def _marked(rows: Sequence[Mapping[str, Any]]) -> str:
    """The explanation of the mark, if it occurs."""
    return MARKED if any(map(_is_beyond_bound, rows)) else ""


def _is_beyond_bound(row: Mapping[str, Any] | pd.Series) -> bool:
    return row["within_bound"] is False


def _nulls(table: pd.DataFrame) -> str:
    """The range of the value expected by chance, over all methods with components."""
    texts = []
    for column, title in NULLS.items():
        values = table[column].dropna() if column in table else []
        if len(values):
            low, high = (f"{value:.2f}".replace("-0.00", "0.00") for value in (min(values), max(values)))
            texts.append(f"{title} {low}" + ("" if low == high else f" to {high}"))
    return f"By chance, with the rows of one run permuted: {', '.join(texts)}." if texts else ""


def _natural(name: str) -> str:
    first = "matched" if name in BASELINES else _traits(name).samplings[0]
    return first if first in SAMPLINGS else f"own ({first})"


def _traits(name: str) -> Any:
    return find(entries()[name].method).traits


def _figures(table: pd.DataFrame, weights: pd.DataFrame) -> dict[str, Figure]:
    from eccentric.plots.comparison import compared_errors, compared_spectra, compared_trade_offs

    def curves(column: str) -> dict[str, np.ndarray]:
        names = [name for name in table if name.startswith(f"{column}_") and name[len(column) + 1 :].isdigit()]
        rows = {row["method"]: row[names].to_numpy(float) for _, row in table.iterrows()}
        return {name: values for name, values in rows.items() if np.isfinite(values).all()}

    roles = _roles(table)
    points, chosen = {}, {}
    for name, own in weights[weights["mcc"].notna()].groupby("method", sort=False):
        points[name] = own[["error", "mcc"]].to_numpy(float)
        chosen[name] = int(np.argmax(own["chosen"]))
    for _, row in table[table["method"].isin(list(BASELINES))].iterrows():
        points[row["method"]] = row[["error", "mcc"]].to_numpy(float)[None]
    null = float(table.loc[table["method"] == REFERENCE, "mcc_null"].iloc[0])
    figures = (
        compared_trade_offs(points, chosen, null, roles),
        compared_errors(curves("error_first"), roles),
        compared_spectra(curves("eigenvalue"), roles),
    )
    return dict(zip(PICTURES, figures, strict=True))


def _roles(table: pd.DataFrame) -> dict[str, Role]:
    """The methods that are labelled in figures.

    They are ours, the baselines, the paper's two rivals, and the best method of each column in `NOTABLE`. If there are
    few methods, all are labelled.
    """
    roles: dict[str, Role] = {DEFAULT: "ours", REFERENCE: "plain", "pca": "pca", "kernel-pca": "kernel-pca"}
    trained = table[(table["runs"] > 0) & ~table["method"].isin(list(BASELINES))]
    if len(trained) <= FEW:
        return {**dict.fromkeys(trained["method"], "named"), **roles}
    best = []
    for column in NOTABLE:
        if column in trained and trained[column].notna().any():
            place = trained[column].idxmin() if BETTER[column] is min else trained[column].idxmax()
            best.append(trained.loc[place, "method"])
    return {**dict.fromkeys([*PAPER_RIVALS, *best], "named"), **roles}
