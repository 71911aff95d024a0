"""The rules that choose the weight of a method and determine the winner of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["BETTER", "RULE", "TOLERANCE", "WINNING", "choose_weight", "winner"]

TOLERANCE = 0.05
RULE = (
    "The same rule chooses the weight of each method. Only weights are considered whose reconstruction error on the "
    f"validation rows, averaged over seeds, is at most {100 * TOLERANCE:.0f} % above that of the plain autoencoder; "
    "among these, the rule takes the weight whose components repeat best on the validation rows (the mean MCC between "
    "seeds; CKA for discrete latents). If no weight qualifies, the rule takes the weight with the smallest error, "
    "and the table marks it with †. A method with a weight can therefore use the best of several values, and the "
    "plain autoencoder cannot."
)
WINNING = (
    "Bold: better than every other trained method by more than the sum of the two standard deviations over seeds. "
    "PCA and kernel PCA are not considered, because their spread is that of bootstrap samples."
)
BETTER = {
    "error": min,
    "mcc": max,
    "mcc_spearman": max,
    "mcc_anchored": max,
    "cka": max,
    "r2": max,
    "neighbour_error_10": min,
    "neighbour_error_100": min,
    "neighbour_error_1000": min,
    "neighbour_error": min,
    "frechet_natural": min,
    "frechet_standard": min,
    "frechet_matched": min,
    "frechet_mixture": min,
    "seconds_per_step": min,
}
"""The columns for which a winner is determined, and whether lower or higher values are better."""


def choose_weight(errors: Sequence[float], agreements: Sequence[float], reference: float) -> int:
    """Index of the weight that `RULE` chooses. If several are equally repeatable, the first one is chosen.

    Args:
        errors: validation error of each weight, averaged over seeds.
        agreements: agreement between the runs of each weight on the validation rows; NaN if too few runs were finished.
        reference: validation error of the plain autoencoder.
    """
    fair = [k for k, error in enumerate(errors) if error <= (1 + TOLERANCE) * reference and agreements[k] >= 0]
    return max(fair, key=lambda k: agreements[k]) if fair else int(np.argmin(errors))


def winner(table: pd.DataFrame, column: str, leave_out: Sequence[str] = ()) -> str | None:
    """The method that is best in a column by more than the spread over seeds, or None.

    Args:
        table: table of the results, with standard deviations in the columns `COLUMN_sd`.
        leave_out: methods that are not considered.
    """
    if column not in table:
        return None
    rows = table[~table["method"].isin(list(leave_out)) & table[column].notna()]
    if len(rows) < 2:
        return None
    sign = 1 if BETTER[column] is min else -1
    ordered = rows.iloc[np.argsort(sign * rows[column].to_numpy(), kind="stable")]
    best, others = ordered.iloc[0], ordered.iloc[1:]
    if not np.isfinite(best[f"{column}_sd"]):
        return None
    gaps = sign * (others[column] - best[column])
    beyond = (gaps > best[f"{column}_sd"] + others[f"{column}_sd"].fillna(0)).all()
    return str(best["method"]) if beyond else None
