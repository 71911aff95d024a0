"""Comparison of methods with the same network, data, budget and optimiser: one table and three figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eccentric.comparison.cache import Cache
from eccentric.comparison.jobs import Task
from eccentric.comparison.measuring import Measuring
from eccentric.comparison.plan import Setup, candidates, choose_methods, divide_rows
from eccentric.comparison.quantities import find_extractor
from eccentric.comparison.table import Weights, make_table, weights_table
from eccentric.comparison.trainings import Progress, train_all
from eccentric.comparison.until import StopAfter
from eccentric.comparison.writing import PAGE, write_results
from eccentric.errors import EccentricError, UsageError
from eccentric.methods.registry import REFERENCE
from eccentric.runs.dataset import describe_data
from eccentric.runs.digests import digest
from eccentric.training.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from eccentric.comparison.plan import Rows
    from eccentric.comparison.trainings import Outcome, Trained
    from eccentric.data import Data
    from eccentric.plots.style import Format

__all__ = ["Stopped", "compare"]

EXTRACTORS, MEASURED = "extractors", "measured"


class Stopped(EccentricError):
    """A comparison was stopped on request before its result was complete."""


def compare(
    data: Data,
    methods: str | Sequence[str] = "all",
    out: str | Path = "comparison",
    setup: Setup | None = None,
    *,
    jobs: int = 1,
    seconds: float | None = None,
    page: str | Path | None = None,
    format: Format = "png",
    source: dict[str, Any] | None = None,
    stop: Stop | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> pd.DataFrame:
    """Train several methods and measure all of them in the same way.

    Every training is a run folder in `out`/runs, as written by `eccentric train`. Finished runs are reused, interrupted
    runs are resumed, and measurements are stored in `out`/measured. A fifth of the training rows is held out as
    validation rows, on which the weight of each method is chosen (see `choosing.RULE`). If all trainings of a method
    fail, its row has no numbers and states the reason.

    Args:
        data: data set from `eccentric.data.load` or `from_arrays`.
        methods: "all", or names. The plain autoencoder, PCA and kernel PCA are always included.
        out: folder for the result: comparison.csv, weights.csv, comparison.md and three figures.
        setup: settings of all trainings.
        jobs: number of trainings at a time. With more than one, each runs in its own process, and the processes share
            the cores; a script then needs `if __name__ == "__main__":`.
        seconds: stop training after this time and compare the methods that are complete; None for no limit.
        page: Markdown file to which the result is also written, with a folder of the same name next to it.
        format: with "svg" or "pdf", the figures are written in this format as well as in PNG.
        source: arguments with which the data were loaded, recorded in the config.json of the runs.
        stop: set `stop.asked` to end after the current step of the trainings. A signal also ends the measurements that
            follow, at once.
        on_progress: called when a training starts, advances or ends.
        on_note: called with each note for the user.

    Returns:
        One row per method, at its chosen weight. A column contains the mean over seeds (over pairs of seeds for
        repeatability), and COLUMN_sd the standard deviation. Values that a method does not have are NaN.

    Raises:
        UsageError: a method is unknown or does not fit the data, or `out` contains runs with other data or settings.
        Stopped: a stop was requested, or the time was over before two trainings of the plain autoencoder had ended;
            call the function again to resume.
        EccentricError: the plain autoencoder could not be trained.
    """
    setup, stop, out = setup or Setup(), stop or Stop(), Path(out)
    if jobs < 1:
        raise UsageError(f"jobs must be at least 1, not {jobs}")
    names, notes = choose_methods(methods, data, setup)
    rows = divide_rows(data, setup.rows)
    for difference in notes:
        on_note(difference)

    def note(text: str) -> None:
        notes.append(text)
        on_note(text)

    outcome = train_all(
        Task(rows.data, setup, source),
        candidates(names),
        out,
        jobs=jobs,
        stop=StopAfter(stop, seconds),
        on_progress=on_progress,
        on_note=note,
    )
    reference = _reference(outcome)
    if reference is None or (stop.asked and outcome.missing):
        raise Stopped(f"stopped; the trainings in {out} are kept, so run the same command again to resume")
    try:
        with stop.at_once():
            return _measure(rows, setup, out, outcome, reference, notes, note, page, format)
    except KeyboardInterrupt:
        if not stop.asked:
            raise
        raise Stopped(f"stopped; all results in {out} are kept, so run the same command again to resume") from None


def _measure(
    rows: Rows,
    setup: Setup,
    out: Path,
    outcome: Outcome,
    reference: Trained,
    notes: list[str],
    note: Callable[[str], None],
    page: str | Path | None,
    format: Format,
) -> pd.DataFrame:
    """Measure the finished trainings and write the result."""
    incomplete = dict.fromkeys(one.name for one in outcome.missing)
    if incomplete:
        left = sum(outcome.missing.values())
        note(f"{left} trainings are not finished, so these methods are left out: {', '.join(incomplete)}")
    extractor = find_extractor(rows.data, out / EXTRACTORS, note)
    shared = [describe_data(rows.data)["data"]["digests"], digest(rows.validation.x)]
    standardize = reference.runs[0].model().standardize
    measuring = Measuring(rows, setup.dim, Cache(out / MEASURED, shared), standardize, extractor)
    weights = Weights.measure(
        [one for one in outcome.trained if one.candidate.name not in incomplete], measuring, reference
    )
    baselines, left_out = measuring.baselines(setup.runs)
    for text in left_out:
        note(text)
    failed = {one.name: reason for one, reason in outcome.failed.items() if one.name not in incomplete}
    table = make_table(weights, measuring, baselines, failed, setup.runs)
    protocol = _protocol(rows.data.name, rows.data.split, setup, reference, extractor)
    places = [(out / PAGE, out)] if page is None else [(out / PAGE, out), (Path(page), Path(page).with_suffix(""))]
    for path, folder in places:
        write_results(table, weights_table(weights), protocol, notes, path, folder, format)
    return table


def _reference(outcome: Outcome) -> Trained | None:
    """The runs of the plain autoencoder, or None if there are too few for a comparison."""
    found = next((one for one in outcome.trained if one.candidate.name == REFERENCE), None)
    if found is not None and (len(found.runs) > 1 or not outcome.missing):
        return found
    reasons = [reason for one, reason in outcome.failed.items() if one.name == REFERENCE]
    if reasons and found is None and not any(one.name == REFERENCE for one in outcome.missing):
        raise EccentricError(f"every training of the plain autoencoder failed ({reasons[0]}); lower the learning rate")
    return None


def _protocol(name: str, split: str, setup: Setup, reference: Trained, extractor: Any) -> list[str]:
    """The conditions of the comparison, one sentence each."""
    from eccentric._version import versions

    run = reference.runs[0]
    config = run.config
    items = config["items"]
    sentences = [
        f"Data: {name}, {items['train']:,} training rows, {items['test']:,} test rows ({split}).",
        f"Every training: architecture {config['train']['architecture']}, width {setup.width:g}, d = {setup.dim}, "
        f"{setup.epochs} epochs of batches of {min(setup.batch_size, items['train'])}, Adam, one-cycle schedule up to "
        f"{setup.learning_rate:g}, precision {config['engine']['precision']}; seeds 0 to {setup.runs - 1}.",
        f"Device: {config['device']}. Versions: "
        + ", ".join(f"{package} {version}" for package, version in versions().items())
        + ".",
    ]
    if extractor is not None:
        sentences.append(f"Fréchet distances to the test images: {extractor.protocol}.")
    return sentences
