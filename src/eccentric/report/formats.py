"""Number formats of the report."""

from __future__ import annotations


def sig(value: float) -> str:
    """Three significant digits, including trailing zeros; numbers at the level of rounding errors are 0."""
    return f"{value:#.3g}".rstrip(".") if abs(value) >= 1e-9 else "0"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + "s" * (n != 1)


def beside_pca(ours: str, theirs: str, lower: bool) -> str:
    """Completion of the sentence "the error is ...". It says "lower" only if the printed numbers differ."""
    return f"{'lower' if lower and ours != theirs else 'not lower'} than PCA's ({ours} against {theirs})"
