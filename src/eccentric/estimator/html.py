"""HTML representation of the estimator in a notebook: scikit-learn's diagram and a summary of the components."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.utils import estimator_html_repr

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

MOST_ROWS = 16


def page(estimator: BaseEstimator) -> str:
    """HTML without scripts or external files, in the text colours of the notebook."""
    diagram: str = estimator_html_repr(estimator)
    return diagram + _summary(estimator) if estimator.__sklearn_is_fitted__() else diagram


def _summary(estimator: BaseEstimator) -> str:
    variances, shares = estimator.explained_variance_, estimator.explained_variance_ratio_
    stability = getattr(estimator, "component_stability_", None)
    head = ["", "variance", "share", *([] if stability is None else ["correlation between runs"])]
    rows = []
    for k in range(min(len(variances), MOST_ROWS)):
        cells = [f"p{k + 1}", _bar(variances[k] / variances[0] if variances[0] else 0, f"{variances[k]:.2f}")]
        cells.append(f"{100 * shares[k]:.0f} %")
        if stability is not None:
            spread = estimator.component_stability_std_[k]
            cells.append(_bar(stability[k], f"{stability[k]:.2f} ± {spread:.2f}"))
        rows.append(
            "<tr>" + "".join(f"<td style='text-align:left;padding:1px 12px 1px 0'>{c}</td>" for c in cells) + "</tr>"
        )
    left = len(variances) - len(rows)
    more = f"<p style='margin:2px 0'>and {left} more</p>" if left else ""
    error, pca = estimator.reconstruction_error_, estimator.pca_reconstruction_error_
    beside = f"; PCA with as many components: {pca:.4f}" if pca == pca else ""
    if getattr(estimator, "fell_back_to_pca_", False):
        beside = ", that of PCA: training gained no more than chance"
    titles = "".join(f"<th style='text-align:left;font-weight:600;padding:1px 12px 1px 0'>{name}</th>" for name in head)
    return (
        "<div style='font-family:monospace;font-size:12px;margin:6px 0'>"
        f"<p style='margin:2px 0'>reconstruction error {error:.4f}{beside}</p>"
        f"<table style='border-collapse:collapse'><tr>{titles}</tr>{''.join(rows)}</table>{more}</div>"
    )


def _bar(share: float, text: str) -> str:
    width = 80 * min(max(float(share), 0.0), 1.0)
    return (
        f"<span style='display:inline-block;width:{width:.0f}px;height:9px;background:#2f6db3;margin-right:6px'></span>"
        f"{text}"
    )
