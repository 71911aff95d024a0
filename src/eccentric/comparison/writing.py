"""The files of a comparison: comparison.csv, comparison.md and three pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.comparison.choosing import BETTER, RULE, WINNING, winner
from eccentric.comparison.plan import BASELINES, REFERENCE
from eccentric.errors import EccentricError
from eccentric.files import atomic
from eccentric.methods.registry import DEFAULT, METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

__all__ = ["COLUMNS", "cell", "title_of", "write_results"]

CSV, PAGE = "comparison.csv", "comparison.md"
PICTURES = {
    "trade-off.png": "Repeatability against reconstruction error; a line joins the weights of a method.",
    "errors.png": "Reconstruction error with the first k components kept and the others at their mean.",
    "spectra.png": "Variance along each component, as a share of their sum.",
}
COLUMNS: dict[str, tuple[str, str]] = {
    "error": ("error", "{:.4f}"),
    "mcc": ("MCC", "{:.2f}"),
    "mcc_null": ("null", "{:.2f}"),
    "cka": ("CKA", "{:.2f}"),
    "r2": ("R²", "{:.2f}"),
    "effective_dimension": ("effective d", "{:.1f}"),
    "neighbour_error_100": ("kNN, 100", "{:.1%}"),
    "neighbour_error": ("kNN, all", "{:.1%}"),
    "frechet_standard": ("standard", "{:.1f}"),
    "frechet_matched": ("matched", "{:.1f}"),
    "frechet_mixture": ("mixture", "{:.1f}"),
    "frechet_own": ("own", "{:.1f}"),
    "seconds_per_step": ("ms a step", "{:.1f}"),
}
"""The columns that readers are shown: title and form."""
GLOSSARY = (
    "**error**: mean squared reconstruction error of test rows. **MCC**: mean absolute correlation of components that "
    "are matched one to one between runs, on test rows; **null**: the same with the rows of one run permuted. "
    "**CKA**: linear CKA; **R²**: of the best linear map between the latents of two runs. **effective d**: squared sum "
    "of the variances over the sum of their squares. **kNN**: error of nearest neighbours that know the labels of 100 "
    "training rows, or of all. **standard**, **matched**, **mixture**, **own**: Fréchet distance of decoded random "
    "latents, by way of sampling. A cell is a mean ± standard deviation over seeds (over pairs of seeds for MCC, null, "
    "CKA and R²). PCA and kernel PCA are fitted once; their MCC, CKA and R² are between fits to bootstrap samples of "
    "the rows."
)


def title_of(method: str) -> str:
    """The name of a method for readers."""
    return {"pca": "PCA", "kernel-pca": "kernel PCA"}.get(method) or METHODS[method].title


def cell(row: pd.Series, column: str) -> str:
    """A mean with its deviation, or the one word that says why there is none."""
    value = row.get(column, np.nan)
    if not np.isfinite(value):
        discrete = row["method"] in METHODS and not METHODS[row["method"]].traits.has_spectrum
        return "discrete" if discrete and column in ("mcc", "mcc_null", "effective_dimension") else ""
    factor = 1000 if column == "seconds_per_step" else 1
    form, spread = COLUMNS[column][1], row.get(f"{column}_sd", np.nan)
    text = form.format(factor * value)
    if np.isfinite(spread):
        text = f"{text.rstrip('%')} ± {form.format(factor * spread)}"
    return text


def write_results(
    out: Path,
    table: pd.DataFrame,
    trade_off: Mapping[str, Sequence[tuple[float, float]]],
    protocol: Sequence[str],
    notes: Sequence[str],
) -> None:
    """Write all files of the result.

    Args:
        table: one row for each method.
        trade_off: for each method its points (reconstruction error, MCC), one for each weight.
        protocol: the conditions, one sentence each.
        notes: what else the reader should know.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {out}: {error.strerror}; choose another") from None
    with atomic(out / CSV) as temporary:
        table.to_csv(temporary, index=False)
    for name, picture in _pictures(table, trade_off).items():
        with atomic(out / name) as temporary:
            temporary.write_bytes(picture)
    with atomic(out / PAGE) as temporary:
        temporary.write_text(page(table, protocol, notes), encoding="utf-8")


def page(table: pd.DataFrame, protocol: Sequence[str], notes: Sequence[str]) -> str:
    """The result as Markdown."""
    shown = [column for column in COLUMNS if column in table]
    best = {column: winner(table, column, BASELINES) for column in shown if column in BETTER}
    heads = ["method", "setting", *(COLUMNS[column][0] for column in shown), "published elsewhere"]
    lines = [heads, ["---"] * len(heads)]
    for _, row in table.iterrows():
        cells = [cell(row, column) for column in shown]
        marked = [
            f"**{text}**" if best.get(column) == row["method"] else text
            for column, text in zip(shown, cells, strict=True)
        ]
        lines.append([title_of(row["method"]), row["setting"], *marked, row["published"]])
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    pictures = "\n\n".join(f"![{caption}]({name})\n\n*{caption}*" for name, caption in PICTURES.items())
    about = "\n".join(f"- {sentence}" for sentence in [*protocol, RULE, WINNING, *notes])
    elsewhere = "Published figures are of other data, networks and protocols, and do not compare with ours."
    return f"# Methods compared\n\n{rows}\n\n{GLOSSARY} {elsewhere}\n\n## Conditions\n\n{about}\n\n{pictures}\n"


def _pictures(table: pd.DataFrame, trade_off: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, bytes]:
    from eccentric.plots import png
    from eccentric.plots.comparison import compared_errors, compared_spectra, compared_trade_offs

    def curves(column: str) -> dict[str, np.ndarray]:
        names = [name for name in table if name.startswith(f"{column}_") and name[len(column) + 1 :].isdigit()]
        rows = {title_of(row["method"]): row[names].to_numpy(float) for _, row in table.iterrows()}
        return {title: values for title, values in rows.items() if np.isfinite(values).all()}

    roles: dict[str, Any] = {
        title_of(DEFAULT): "ours",
        title_of(REFERENCE): "plain",
        **{title_of(name): name for name in BASELINES},
    }
    points = {title_of(name): np.array(values) for name, values in trade_off.items()}
    for _, row in table[table["method"].isin(BASELINES)].iterrows():
        points[title_of(row["method"])] = row[["error", "mcc"]].to_numpy(float)[None]
    null = float(table.loc[table["method"] == REFERENCE, "mcc_null"].iloc[0])
    figures = (
        compared_trade_offs(points, null, roles),
        compared_errors(curves("error_first"), roles),
        compared_spectra(curves("eigenvalue"), roles),
    )
    return {name: png(figure) for name, figure in zip(PICTURES, figures, strict=True)}
