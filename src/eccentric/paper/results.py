"""What an item of the paper comes to: numbers beside the published ones, claims that hold or fail, picture, table."""

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
    """One number of the paper beside ours, or one of ours that the paper does not have.

    Attributes:
        what: which, as a reader would say it.
        ours: our value, in the unit of the published one.
        published: the paper's, None where it has none.
        spread: our standard deviation, over whatever the item's caption says; None for a single measurement.
        published_spread: what stands after the paper's "±".
        digits: to print after the point.
        unit: written behind the value: "%", "°" or nothing.
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
        """Ours less the published one."""
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
    """A statement of the paper, and whether it holds in our hands.

    Attributes:
        text: what the paper says, in our words.
        holds: whether our numbers bear it out; None where they do not decide it.
        evidence: those numbers.
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
    """What `make` of an item returns; `writing` turns it into files.

    Attributes:
        numbers: ours beside the published ones.
        claims: of the paper, tested.
        notes: what a reader must know to judge the difference, one sentence or two each.
        figure: the picture, None for a table.
        alt: the picture in words, for those who do not see it.
        table: in the paper's layout, None for a figure.
        series: columns by name of further files NAME.csv: what a curve of the picture consists of.
        protocol: how it was measured where the item has a say in it: (what, how).
        comparable: whether ours are measured as the published ones were; False leaves deviations off the page.
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
    """The mean and standard deviation of several measurements as a `Number`.

    Args:
        what: as for `Number`.
        values: (n,) at least one measurement; the deviation is that of a sample (n - 1), None for one.
        published: the paper's value and what stands after its "±".
        digits, unit: as for `Number`.
    """
    values = np.asarray(values, float)
    spread = float(values.std(ddof=1)) if len(values) > 1 else None
    value, theirs = published or (None, None)
    return Number(what, float(values.mean()), value, spread, theirs, digits, unit)


def ordered(pairs: Iterable[tuple[Number, Number]], single: float | None = None) -> bool | None:
    """Whether the first of each pair is the smaller; None where that is not decided.

    It is not where they differ by less than the spread of either, nor where one of them was measured once, so that
    nothing says how far from it a second measurement would be.

    Args:
        pairs: the smaller one first, if the claim holds.
        single: what to take for the spread of a single measurement, as a share of it, where that can be said.
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
    """A number with a true minus sign; what rounds to zero has no sign."""
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def record(value: Any) -> Any:
    """Plain values for JSON: NumPy's become Python's, and what is not finite becomes None."""
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
