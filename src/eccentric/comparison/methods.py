"""Methods on the same network, data, budget and optimiser: one table and three pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.comparison.choosing import choose_weight
from eccentric.comparison.measuring import (
    find_extractor,
    measure_agreement,
    measure_baselines,
    measure_rest,
)
from eccentric.comparison.plan import Setup, candidates, choose_methods, divide_rows
from eccentric.comparison.published import PUBLISHED
from eccentric.comparison.trainings import Progress, train_all
from eccentric.comparison.writing import write_results
from eccentric.errors import EccentricError
from eccentric.training.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from eccentric.comparison.measuring import Measured
    from eccentric.comparison.plan import Candidate
    from eccentric.comparison.trainings import Trained
    from eccentric.data import Data

__all__ = ["Stopped", "compare"]

EXTRACTORS = "extractors"


class Stopped(EccentricError):
    """A comparison was asked to stop before its last training had ended."""


def compare(
    data: Data,
    methods: str | Sequence[str] = "all",
    out: str | Path = "comparison",
    setup: Setup | None = None,
    *,
    small: bool = False,
    source: dict[str, Any] | None = None,
    stop: Stop | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> pd.DataFrame:
    """Train methods side by side and measure all of them alike.

    Every training is a run folder in `out`/runs, as `eccentric train` writes it. A run that is finished is used again,
    and one that was interrupted is resumed. A fifth of the training rows is held out as validation rows, by which the
    weight of each method is chosen (see `choosing.RULE`).

    Args:
        data: from `eccentric.data.load` or `from_arrays`.
        methods: "all", or names. The plain autoencoder, PCA and kernel PCA are always part of it.
        out: folder of the result: comparison.csv, comparison.md and three pictures.
        setup: what all trainings share.
        small: use at most 1,000 training rows and 500 test rows.
        source: how the data were loaded, for the runs' config.json.
        stop: set `stop.asked` to end after the step in hand.
        on_progress: called when a training begins and with each row of its metrics.
        on_note: called with each sentence that the user should read.

    Returns:
        One row for each method, at its chosen weight. A column holds a mean over seeds (over pairs of seeds for mcc,
        mcc_null, cka and r2) and COLUMN_sd its standard deviation; NaN where the method has no such value.

    Raises:
        UsageError: an unknown method, one that does not fit the data, or runs of other data or settings in `out`.
        Stopped: `stop.asked` was set; call again to resume.
        EccentricError: the plain autoencoder could not be trained.
    """
    setup, stop, out = setup or Setup(), stop or Stop(), Path(out)
    names, notes = choose_methods(methods, data, setup)
    rows = divide_rows(data, small)
    for difference in notes:
        on_note(difference)

    def note(text: str) -> None:
        notes.append(text)
        on_note(text)

    trained = train_all(
        rows.data,
        candidates(names),
        setup,
        out,
        source=source,
        stop=stop,
        on_progress=on_progress,
        on_note=note,
    )
    if trained is None:
        raise Stopped(f"stopped; the trainings in {out} are kept, so run the same command again to resume")
    agreement = {one.candidate: measure_agreement(one, rows) for one in trained}
    chosen = _chosen(trained, agreement)
    extractor = find_extractor(rows.data, out / EXTRACTORS, note)
    reference = trained[0].runs[0].model()
    found, missing = measure_baselines(rows, setup.dim, setup.runs, reference.standardize, extractor)
    for text in missing:
        note(text)
    records = []
    for one in chosen:
        values = agreement[one.candidate].values | measure_rest(one, rows, extractor)
        records.append(_record(one.candidate.method, one.candidate, agreement[one.candidate], values, len(one.runs)))
    records += [_record(name, None, measured, measured.values, setup.runs) for name, measured in found.items()]
    table = _table(records)
    curves = _curves(trained, agreement)
    protocol = _protocol(rows.data.name, rows.data.split, setup, trained[0], extractor)
    write_results(out, table, curves, protocol, notes)
    return table


def _chosen(trained: Sequence[Trained], agreement: Mapping[Candidate, Measured]) -> list[Trained]:
    """Each method at the weight that the rule chooses, in the order of the methods."""
    reference = float(np.mean(agreement[trained[0].candidate].validation))
    by_method: dict[str, list[Trained]] = {}
    for one in trained:
        by_method.setdefault(one.candidate.method, []).append(one)
    return [
        weights[choose_weight([agreement[one.candidate].validation for one in weights], reference)]
        for weights in by_method.values()
    ]


def _record(
    name: str, candidate: Candidate | None, measured: Measured, values: Mapping[str, Sequence[float]], runs: int
) -> dict[str, Any]:
    record: dict[str, Any] = {"method": name, "setting": "", "runs": runs}
    if candidate is not None and candidate.knob is not None:
        record["setting"] = f"{candidate.knob} {candidate.value:g}"
    for column, numbers in {"validation_error": measured.validation, **values}.items():
        record[column] = float(np.mean(numbers))
        if not column.rpartition("_")[2].isdigit() or column.startswith("neighbour"):
            record[f"{column}_sd"] = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else float("nan")
    return record | {"published": PUBLISHED.get(name, "")}


def _table(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame.from_records(list(records))
    return table[[column for column in table if column != "published"] + ["published"]]


def _curves(
    trained: Sequence[Trained], agreement: Mapping[Candidate, Measured]
) -> dict[str, list[tuple[float, float]]]:
    """For each method its points (reconstruction error, MCC), one for each weight."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for one in trained:
        values = agreement[one.candidate].values
        if "mcc" in values:
            point = float(np.mean(values["error"])), float(np.mean(values["mcc"]))
            curves.setdefault(one.candidate.method, []).append(point)
    return curves


def _protocol(name: str, split: str, setup: Setup, reference: Trained, extractor: Any) -> list[str]:
    """The conditions, one sentence each."""
    from eccentric._version import versions

    run = reference.runs[0]
    config = run.config
    items = config["items"]
    sentences = [
        f"Data: {name}, {items['train']:,} rows trained on, {items['test']:,} test rows ({split}).",
        f"Every training: architecture {config['train']['architecture']}, d = {setup.dim}, {setup.epochs} epochs of "
        f"batches of {min(setup.batch_size, items['train'])}, Adam, one-cycle schedule up to {setup.learning_rate:g}, "
        f"precision {config['engine']['precision']}; seeds 0 to {setup.runs - 1}.",
        f"Device: {config['device']}. Versions: "
        + ", ".join(f"{package} {version}" for package, version in versions().items())
        + ".",
    ]
    if extractor is not None:
        sentences.append(f"Fréchet distances to the test images: {extractor.protocol}.")
    return sentences
