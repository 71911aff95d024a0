"""The two tables of a comparison: the methods at their chosen weights, and all weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.comparison.choosing import TOLERANCE, choose_weight
from eccentric.comparison.grids import entries, find_entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from eccentric.comparison.measuring import Measured, Measuring
    from eccentric.comparison.plan import Candidate
    from eccentric.comparison.trainings import Trained

__all__ = ["Weights", "make_table", "weights_table"]

AT_DEFAULT = ("error", "mcc", "mcc_anchored", "cka")
"""Columns that are also reported for the default weight, as default_COLUMN."""


@dataclass(frozen=True)
class Weights:
    """All trained weights of all methods.

    Attributes:
        trained: candidates in the order of the methods, with ascending weights.
        measured: error and repeatability of each candidate.
        chosen: the chosen candidate of each method.
        bound: largest validation error that a chosen weight may have.
    """

    trained: list[Trained]
    measured: dict[Candidate, Measured]
    chosen: dict[str, Trained]
    bound: float

    @classmethod
    def measure(cls, trained: Sequence[Trained], measuring: Measuring, reference: Trained) -> Weights:
        """Measure all weights, and choose one for each method by `choosing.RULE`."""
        measured = {one.candidate: measuring.agreement(one) for one in trained}
        plain = float(np.mean(measured[reference.candidate].validation))
        by_method: dict[str, list[Trained]] = {}
        for one in trained:
            by_method.setdefault(one.candidate.name, []).append(one)
        chosen = {}
        for name, weights in by_method.items():
            found = [measured[one.candidate] for one in weights]
            errors = [float(np.mean(each.validation)) for each in found]
            agreements = [float(np.mean(each.agreement)) if each.agreement else float("nan") for each in found]
            chosen[name] = weights[choose_weight(errors, agreements, plain)]
        return cls(list(trained), measured, chosen, (1 + TOLERANCE) * plain)

    def at_default(self, name: str) -> Trained | None:
        """The candidate with the default weight of a method; None if it was not trained or failed."""
        default = find_entry(name).default
        own = [one for one in self.trained if one.candidate.name == name]
        return next((one for one in own if default is None or one.candidate.value == default), None)


def make_table(
    weights: Weights,
    measuring: Measuring,
    baselines: Mapping[str, Measured],
    failed: Mapping[str, str],
    runs: int,
) -> pd.DataFrame:
    """One row per method at its chosen weight, by descending MCC, followed by failed methods and the baselines.

    Args:
        weights: all trained weights.
        measuring: measures the quantities that are only measured at the chosen weight.
        baselines: measurements of the baselines by name.
        failed: reasons by method, for methods that failed with some or all weights.
        runs: number of seeds.
    """
    import pandas as pd

    records = []
    for name, one in weights.chosen.items():
        measured = weights.measured[one.candidate]
        record = _record(name, one.candidate.setting, len(one.runs), measured, measuring.rest(one))
        record["within_bound"] = record["validation_error"] <= weights.bound
        default = weights.at_default(name)
        if default is not None:
            values = weights.measured[default.candidate].values
            record |= {"default_setting": default.candidate.setting}
            record |= {f"default_{column}": np.mean(values[column]) for column in AT_DEFAULT if column in values}
        records.append(record)
    records.sort(key=lambda record: -record.get("mcc", -1.0))  # discrete latents have no MCC
    for name, reason in failed.items():
        if name not in weights.chosen:
            records.append({"method": name, "setting": f"failed: {reason}", "runs": 0})
    records += [_record(name, "", runs, measured, {}) for name, measured in baselines.items()]
    table = pd.DataFrame.from_records(records)
    known = entries()
    table["published"] = [known[name].published if name in known else "" for name in table["method"]]
    return table


def weights_table(weights: Weights) -> pd.DataFrame:
    """One row per method and weight: errors, repeatability, and whether it is the default and the chosen weight."""
    import pandas as pd

    records = []
    for one in weights.trained:
        candidate, measured = one.candidate, weights.measured[one.candidate]
        record = _record(candidate.name, candidate.setting, len(one.runs), measured, {})
        record = {column: value for column, value in record.items() if not column.rpartition("_")[2].isdigit()}
        default, chosen = weights.at_default(candidate.name), weights.chosen[candidate.name]
        records.append({**record, "default": one is default, "chosen": one is chosen})
    return pd.DataFrame.from_records(records)


def _record(
    name: str, setting: str, runs: int, measured: Measured, more: Mapping[str, Sequence[float]]
) -> dict[str, Any]:
    """Means, and standard deviations except for numbered columns."""
    record: dict[str, Any] = {"method": name, "setting": setting, "runs": runs}
    columns = {"validation_error": measured.validation, **measured.values, **more}
    if measured.agreement:
        columns["validation_agreement"] = measured.agreement
    for column, numbers in columns.items():
        record[column] = float(np.mean(numbers))
        if not column.rpartition("_")[2].isdigit() or column.startswith("neighbour"):
            record[f"{column}_sd"] = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else float("nan")
    return record
