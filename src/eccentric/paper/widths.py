"""Trainings that differ only in the width of the network and their length, from their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.paper import published
from eccentric.paper.attributes import SIGNIFICANT, Predicted, points
from eccentric.paper.results import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Record = Mapping[str, Any]

CLASSIFIERS = ("DT(1)", "DT(8)", "KNN(20)")
COLUMNS = ["λ", "μ", "seed", "width", "epochs", "reconstruction error", "eigenvalues, SD / mean"]
COLUMNS += [f"{name}, %" for name in CLASSIFIERS]
COLUMNS += [f"attributes that gain {SIGNIFICANT} points"]


def widths_section(records: Sequence[Record]) -> str:
    """Trainings with the same data, λ, μ, batch size and seed, where they have several widths; empty without any."""
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for each in records:
        train, settings = each["train"], _settings(each)
        key = (each["data"], train["dim"], settings["weight"], settings["mu"], train["seed"], train["batch_size"])
        groups.setdefault(key, []).append(each)
    compared = [group for group in groups.values() if len({_width(each) for each in group}) > 1]
    if not compared:
        return ""
    rows = []
    for group in compared:
        group.sort(key=lambda each: (_width(each), each["train"]["epochs"]))
        rows += [*map(_row, group), *_published(group[0])]
    return "\n".join(
        [
            '## <a id="widths"></a>Networks of different widths',
            "",
            "Trainings that differ only in the width of the hidden layers (1 is the network of the paper) and in the "
            "number of epochs. Errors of the classifiers are those of Table 4; the last column contains the number of "
            "attributes that a single component predicts, as in Table 5. The paper's classifiers had 20 times as many "
            "training items.",
            "",
            Table(COLUMNS, rows).markdown(),
        ]
    )


def _row(each: Record) -> list[str]:
    settings, eigenvalues = _settings(each), np.array(each["eigenvalues"])
    train, course = each["train"], each["course"]
    end = str(train["epochs"])
    measured = each.get("measured", {}).get(end, {})
    by_count = measured.get("table4", {})
    errors = by_count[max(by_count, key=int)] if by_count else {}
    gains = [Predicted(**gain) for gain in measured.get("table5", {}).get("attributes", [])]
    return [
        f"{settings['weight']:g}",
        f"{settings['mu']:g}",
        str(train["seed"]),
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
    cells = [f"{settings['weight']:g}", f"{settings['mu']:g}", "*paper*", "*1*", f"*{published.EPOCHS['celeba']}*"]
    cells += ["", "", *(f"*{errors[name][0]:.2f}*" for name in CLASSIFIERS), f"*{len(published.TABLE_5)}*"]
    return [cells]


def _settings(each: Record) -> dict[str, Any]:
    return {**each["train"], **(each["method"] or {}).get("settings", {})}


def _width(each: Record) -> float:
    return float(each["train"].get("width", 1))
