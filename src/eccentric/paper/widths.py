"""Trainings that differ only in the width of the network and their length, from their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.paper import published
from eccentric.paper.attributes import SIGNIFICANT, Predicted, points
from eccentric.paper.records import OFFICIAL
from eccentric.paper.results import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Record = Mapping[str, Any]

CLASSIFIERS = ("DT(1)", "DT(8)", "KNN(20)")
COLUMNS = ["width", "epochs", "error", "eigenvalues, SD / mean", *(f"{name}, %" for name in CLASSIFIERS), "attributes"]

ALIKE = ("dim", "seed", "batch_size", "learning_rate", "schedule", "precision")


def widths_section(records: Sequence[Record]) -> str:
    """Trainings that are alike in all of `ALIKE`, data, λ and μ, where they have several widths; empty without any."""
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for each in records:
        train, settings = each["train"], _settings(each)
        key = (each["data"], settings["weight"], settings["mu"], *(train[name] for name in ALIKE))
        groups.setdefault(key, []).append(each)
    compared = [group for group in groups.values() if len({_width(each) for each in group}) > 1]
    if not compared:
        return ""
    lines = [
        '## <a id="widths"></a>Networks of different widths',
        "",
        "Trainings that differ only in the width of the hidden layers (1 is the network of the paper) and in the "
        "number of epochs: reconstruction error, standard deviation of the eigenvalues divided by their mean, errors "
        "of the classifiers of Table 4, and number of attributes that gain "
        f"{SIGNIFICANT} points by a single component, as in Table 5.",
    ]
    for group in compared:
        group.sort(key=lambda each: (_width(each), each["train"]["epochs"]))
        rows = [*map(_row, group), *_published(group[0])]
        lines += ["", f"{_caption(group[0])}:", "", Table(COLUMNS, rows).markdown().rstrip()]
    return "\n".join([*lines, ""])


def _caption(each: Record) -> str:
    settings, train = _settings(each), each["train"]
    text = (
        f"{each['data']}, λ = {settings['weight']:g}, μ = {settings['mu']:g}, d = {train['dim']}, seed {train['seed']}"
    )
    items = each["items"]["train"]
    official = OFFICIAL[each["data"]]["train"]
    return text + (f" (the paper's runs had {official / items:.0f} times as many items)" if official > items else "")


def _row(each: Record) -> list[str]:
    eigenvalues, course, end = np.array(each["eigenvalues"]), each["course"], str(each["train"]["epochs"])
    measured = each.get("measured", {}).get(end, {})
    by_count = measured.get("table4", {})
    errors = by_count[max(by_count, key=int)] if by_count else {}
    gains = [Predicted(**gain) for gain in measured.get("table5", {}).get("attributes", [])]
    return [
        f"{_width(each):g}",
        end,
        f"{course[end]['test_reconstruction']:.4f}",
        f"{eigenvalues.std() / eigenvalues.mean():.2f}",
        *(f"{errors[name]:.2f}" if name in errors else "" for name in CLASSIFIERS),
        str(sum(points(gain) >= SIGNIFICANT for gain in gains)) if gains else "",
    ]


def _published(each: Record) -> list[list[str]]:
    settings = _settings(each)
    errors = published.TABLE_4.get((settings["weight"], settings["mu"]))
    if errors is None or each["data"] != "celeba":
        return []
    classifiers = [f"*{errors[name][0]:.2f}*" for name in CLASSIFIERS]
    return [["*paper: 1*", f"*{published.EPOCHS['celeba']}*", "", "", *classifiers, f"*{len(published.TABLE_5)}*"]]


def _settings(each: Record) -> dict[str, Any]:
    return {**each["train"], **(each["method"] or {}).get("settings", {})}


def _width(each: Record) -> float:
    return float(each["train"].get("width", 1))
