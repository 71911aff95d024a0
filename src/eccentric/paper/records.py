"""Small records of finished trainings, which are stored without the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.files import read_json, write_json
from eccentric.paper import published
from eccentric.paper.milestones import MILESTONES, milestone_path
from eccentric.paper.results import record
from eccentric.training import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

OFFICIAL = {"mnist": {"train": 60_000, "test": 10_000}, "celeba": {"train": 162_770, "test": 19_962}}
"""Numbers of items of the complete data sets, by split."""
MEASURED = "measured.json"
"""File in the folder of a run or milestone with the values that items take from it."""
KEYS = {"table3": "table3, balanced subsets"}
"""Keys of measured values that differ from the name of the item. Under its name alone, older versions stored values of
another definition, which must not be used.
"""
COLUMNS = ["data", "width", "d", "λ", "μ", "seed", "epochs", "share of the paper's training"]
COLUMNS += ["reconstruction error", "neighbours"]


def run_record(run: Run) -> dict[str, Any]:
    """Settings, conditions and course of one finished run as plain values.

    "course" contains the reconstruction error on test items for each milestone and the end, and the nearest-neighbour
    error with all training items if there are labels. "measured" contains the values that items take from the run
    alone, by epoch and item.
    """
    train = run.config["train"]
    kept = {epoch: milestone_path(run.path, epoch) for epoch in MILESTONES if epoch < train["epochs"]}
    at = {epoch: Run(path) for epoch, path in kept.items() if (path / "config.json").is_file()}
    reached = {**at, train["epochs"]: run}
    course = {
        str(epoch): {
            "test_reconstruction": each.evaluation["test_reconstruction"],
            "neighbour_error": each.evaluation.get("neighbour_error"),
        }
        for epoch, each in reached.items()
    }
    content: dict[str, Any] = record(
        {
            "name": run.path.name,
            "data": run.config["data"]["name"],
            "items": run.config["items"],
            "split": run.config["data"]["split"],
            "train": train,
            "method": run.config.get("method"),
            "share_of_papers": share_of_papers(run),
            "pca_test_reconstruction": run.evaluation["pca_test_reconstruction"],
            "eigenvalues": [float(f"{value:.5g}") for value in run.components.eigenvalues.tolist()],
            "course": course,
            "measured": {str(epoch): found for epoch, each in reached.items() if (found := read_measured(each.path))},
            "training_seconds": round(training_seconds(run), 1),
            "device": run.config.get("device", "not recorded"),
            "precision": (run.config.get("engine") or {}).get("precision", "32-true"),
            "versions": run.config.get("versions"),
        }
    )
    return content


def key_of(item: str) -> str:
    """Key of the measured values of an item, in run folders and in records."""
    return KEYS.get(item, item)


def read_measured(run: Path) -> dict[str, Any]:
    """Values that were measured for items in a run folder, by their keys."""
    found: dict[str, Any] = read_json(run / MEASURED) if (run / MEASURED).is_file() else {}
    return found


def write_measured(run: Path, item: str, values: dict[str, Any]) -> None:
    write_json(run / MEASURED, {**read_measured(run), key_of(item): values})


def training_seconds(run: Run) -> float:
    """Time of the training steps of a run from its metrics, without interruptions."""
    items = run.config["items"]["train"]
    batch = min(run.config["train"]["batch_size"], items)
    metrics = run.metrics
    return float((np.diff(metrics["step"], prepend=0) * batch / metrics["items_per_second"]).sum())


def share_of(role: str, items: Mapping[str, int], train: Mapping[str, Any]) -> float:
    """Number of items that a run has seen in all epochs, relative to a run of the paper on the data set."""
    return float(train["epochs"] * items["train"] / items_seen_by_papers(role))


def share_of_papers(run: Run) -> float | None:
    """The same ratio for a run on the paper's data; None for other data."""
    name = run.config["data"]["name"]
    return share_of(name, run.config["items"], run.config["train"]) if name in OFFICIAL else None


def items_seen_by_papers(role: str) -> int:
    """Number of items that a training of the paper sees in all epochs."""
    return published.EPOCHS[role] * OFFICIAL[role]["train"]


def read_records(path: Path) -> list[dict[str, Any]]:
    """Stored records; none if the file does not exist."""
    found: list[dict[str, Any]] = read_json(path) if path.is_file() else []
    return found


def finished_records(folder: Path) -> Iterator[dict[str, Any]]:
    """Records of the finished runs of the paper in a store. Runs on other data are left out."""
    for path in sorted((folder / "runs").glob("*/config.json")):
        run = Run(path.parent)
        if run.finished and share_of_papers(run) is not None:
            yield run_record(run)


def trainings_section(records: Sequence[Mapping[str, Any]]) -> str:
    """Table of all trainings with their settings, lengths and errors."""
    lines = [
        '## <a id="trainings"></a>All trainings',
        "",
        "Each finished training whose record was kept, with its errors on test items after the epochs in parentheses; "
        "the last value is from the end of the training. Before the end of a one-cycle schedule, the learning rate is "
        'still high. The column "neighbours" contains the error of nearest neighbours with all labels, as in the last '
        "column of Table 3.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{' --- |' * len(COLUMNS)}",
    ]
    for each in records:
        train, course = each["train"], each["course"]
        settings = {**train, **(each["method"] or {}).get("settings", {})}
        reconstruction = ", ".join(f"{at['test_reconstruction']:.4f} ({epoch})" for epoch, at in course.items())
        labelled = each["data"] == "mnist"  # the labels of CelebA are a single attribute
        neighbours = ", ".join(
            f"{100 * at['neighbour_error']:.1f} % ({epoch})" for epoch, at in course.items() if labelled
        )
        cells = [each["data"], f"{train.get('width', 1):g}", str(train["dim"])]
        cells += [f"{settings['weight']:g}", f"{settings['mu']:g}", str(train["seed"]), str(train["epochs"])]
        cells += [f"1/{1 / each['share_of_papers']:,.0f}", reconstruction, neighbours]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])
