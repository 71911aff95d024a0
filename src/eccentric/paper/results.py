"""Results of an item of the paper: numbers with the published ones, tested claims, figure and table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

MINUS = "−"


@dataclass(frozen=True)
class Number:
    """One of our numbers with the published one, if the paper contains it.

    Attributes:
        what: description for readers.
        ours: our value in the unit of the published one.
        published: value of the paper, or None.
        spread: our standard deviation, as described in the caption of the item; None for a single measurement.
        published_spread: the number after "±" in the paper.
        digits: number of digits after the decimal point.
        unit: unit written after the value: "%", "°" or nothing.
    """

    what: str
    ours: float
    published: float | None = None
    spread: float | None = None
    published_spread: float | None = None
    digits: int = 2
    unit: str = ""

    @property
    def deviation(self) -> float | None:
        """Our value minus the published one."""
        return None if self.published is None else self.ours - self.published

    def text(self) -> str:
        return plus_minus(self.ours, self.spread, self.digits, self.unit)

    def published_text(self) -> str:
        if self.published is None:
            return ""
        return plus_minus(self.published, self.published_spread, self.digits, self.unit)

    def deviation_text(self) -> str:
        if self.deviation is None or self.published is None:
            return ""
        text = decimal(self.deviation, self.digits, signed=True)
        return text if not self.published else f"{text} ({decimal(100 * self.deviation / self.published, 0, True)} %)"


@dataclass(frozen=True)
class Claim:
    """A statement of the paper, and whether we reproduced it.

    Attributes:
        text: the statement in our words.
        holds: whether our numbers confirm it; None if they do not decide it.
        evidence: the numbers.
    """

    text: str
    holds: bool | None
    evidence: str


@dataclass(frozen=True)
class Table:
    """Cells as text, in the paper's layout; a column of numbers is aligned to the right."""

    header: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        numeric = [all(row[k].strip("*")[:1] in "0123456789+−" for row in self.rows) for k in range(len(self.header))]
        rule = ["--:" if right and k else "---" for k, right in enumerate(numeric)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (self.header, rule, *self.rows)) + "\n"


@dataclass(frozen=True, eq=False)
class Result:
    """Return value of `make` of an item, written to files by `writing`.

    Attributes:
        numbers: our numbers with the published ones.
        claims: tested claims of the paper.
        notes: notes that explain differences, one or two sentences each.
        figure: figure, or None for a table.
        alt: description of the figure for readers who cannot see it.
        table: table in the layout of the paper, or None for a figure.
        series: columns of additional files NAME.csv with the curves of the figure.
        protocol: description of measurements specific to the item: (what, how).
        comparable: whether our numbers were measured like the published ones; with False, the page shows no deviations.
    """

    numbers: Sequence[Number] = ()
    claims: Sequence[Claim] = ()
    notes: Sequence[str] = ()
    figure: Figure | None = None
    alt: str = ""
    table: Table | None = None
    series: Mapping[str, Mapping[str, ArrayLike]] = field(default_factory=dict)
    protocol: Mapping[str, str] = field(default_factory=dict)
    comparable: bool = True


def summarised(
    what: str, values: ArrayLike, published: tuple[float, float] | None = None, *, digits: int = 2, unit: str = ""
) -> Number:
    """Mean and standard deviation of several measurements as a `Number`.

    Args:
        what: as for `Number`.
        values: (n,) at least one measurement; the deviation is that of a sample (n - 1), None for one.
        published: value of the paper and the number after "±".
        digits, unit: as for `Number`.
    """
    values = np.asarray(values, float)
    spread = float(values.std(ddof=1)) if len(values) > 1 else None
    value, theirs = published or (None, None)
    return Number(what, float(values.mean()), value, spread, theirs, digits, unit)


def ordered(pairs: Iterable[tuple[Number, Number]], single: float | None = None) -> bool | None:
    """Whether the first number of each pair is the smaller one; None if that is undecided.

    It is undecided if the numbers differ by less than the spread of either, or if one of them was measured only once,
    so that its spread is unknown.

    Args:
        pairs: pairs with the smaller number first if the claim holds.
        single: assumed relative spread of a single measurement, if known.
    """
    decided = True
    for pair in pairs:
        spreads = [single and abs(single * n.ours) if n.spread is None else n.spread for n in pair]
        if spreads[0] is None or spreads[1] is None:
            decided = False
            continue
        ahead, noise = pair[1].ours - pair[0].ours, max(spreads[0], spreads[1])
        if ahead < -noise:
            return False
        decided &= ahead > noise
    return decided or None


def plus_minus(value: float, spread: float | None, digits: int = 2, unit: str = "") -> str:
    space = " " if unit == "%" else ""
    text = decimal(value, digits)
    return f"{text}{space}{unit}" if spread is None else f"{text} ± {decimal(spread, digits)}{space}{unit}"


def decimal(value: float, digits: int, signed: bool = False) -> str:
    """Format a number with a true minus sign; numbers that round to zero have no sign."""
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def record(value: Any) -> Any:
    """Convert to plain values for JSON: NumPy values become Python values, and non-finite values become None."""
    if isinstance(value, np.ndarray):
        return record(value.tolist())
    if isinstance(value, np.generic):
        return record(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): record(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [record(each) for each in value]
    return value
