"""Methods on the same network, data, budget and optimiser: one table and three pictures."""

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

    from eccentric.comparison.trainings import Outcome, Trained
    from eccentric.data import Data

__all__ = ["Stopped", "compare"]

EXTRACTORS, MEASURED = "extractors", "measured"


class Stopped(EccentricError):
    """A comparison was asked to stop before its last training had ended."""


def compare(
    data: Data,
    methods: str | Sequence[str] = "all",
    out: str | Path = "comparison",
    setup: Setup | None = None,
    *,
    jobs: int = 1,
    seconds: float | None = None,
    page: str | Path | None = None,
    source: dict[str, Any] | None = None,
    stop: Stop | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> pd.DataFrame:
    """Train methods side by side and measure all of them alike.

    Every training is a run folder in `out`/runs, as `eccentric train` writes it. A run that is finished is used again,
    and one that was interrupted is resumed; measurements are kept in `out`/measured. A fifth of the training rows is
    held out as validation rows, by which the weight of each method is chosen (see `choosing.RULE`). A method of which
    every training fails is a row without numbers that gives the reason.

    Args:
        data: from `eccentric.data.load` or `from_arrays`.
        methods: "all", or names. The plain autoencoder, PCA and kernel PCA are always part of it.
        out: folder of the result: comparison.csv, weights.csv, comparison.md and three pictures.
        setup: what all trainings share.
        jobs: trainings at a time. More than one are processes, which share the cores; a script that asks for them
            needs the usual `if __name__ == "__main__":`.
        seconds: stop training after this time and compare the methods that are complete; None for no limit.
        page: a Markdown file to write the result to as well, with a folder of its name beside it.
        source: how the data were loaded, for the runs' config.json.
        stop: set `stop.asked` to end after the step in hand.
        on_progress: called when a training begins, gets on or ends.
        on_note: called with each sentence that the user should read.

    Returns:
        One row for each method, at its chosen weight. A column holds a mean over seeds (over pairs of seeds for the
        columns of repeatability) and COLUMN_sd its standard deviation; NaN where the method has no such value.

    Raises:
        UsageError: an unknown method, one that does not fit the data, or runs of other data or settings in `out`.
        Stopped: `stop.asked` was set, or the time was over before two trainings of the plain autoencoder had ended;
            call again to resume.
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
        write_results(table, weights_table(weights), protocol, notes, path, folder)
    return table


def _reference(outcome: Outcome) -> Trained | None:
    """The plain autoencoder's runs; None while there are too few to compare anything with."""
    found = next((one for one in outcome.trained if one.candidate.name == REFERENCE), None)
    if found is not None and (len(found.runs) > 1 or not outcome.missing):
        return found
    reasons = [reason for one, reason in outcome.failed.items() if one.name == REFERENCE]
    if reasons and found is None and not any(one.name == REFERENCE for one in outcome.missing):
        raise EccentricError(f"every training of the plain autoencoder failed ({reasons[0]}); lower the learning rate")
    return None


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
