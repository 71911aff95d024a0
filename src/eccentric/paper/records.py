"""Small records of finished trainings, which are stored without the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eccentric.paper.conditions import share_of_papers, training_seconds
from eccentric.paper.milestones import MILESTONES, milestone_path
from eccentric.paper.results import record
from eccentric.training import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

COLUMNS = ["data", "width", "d", "λ", "μ", "seed", "epochs", "share of the paper's training"]
COLUMNS += ["reconstruction error", "neighbours"]


def run_record(run: Run) -> dict[str, Any]:
    """Settings, conditions and course of one finished run as plain values.

    "course" contains the reconstruction error on test items for each milestone and the end, and the nearest-neighbour
    error with all training items if there are labels.
    """
    train = run.config["train"]
    kept = {epoch: milestone_path(run.path, epoch) for epoch in MILESTONES if epoch < train["epochs"]}
    at = {epoch: Run(path) for epoch, path in kept.items() if (path / "config.json").is_file()}
    course = {
        str(epoch): {
            "test_reconstruction": each.evaluation["test_reconstruction"],
            "neighbour_error": each.evaluation.get("neighbour_error"),
        }
        for epoch, each in {**at, train["epochs"]: run}.items()
    }
    content: dict[str, Any] = record(
        {
            "name": run.path.name,
            "data": run.config["data"]["name"],
            "items": run.config["items"],
            "train": train,
            "method": run.config.get("method"),
            "share_of_papers": share_of_papers(run),
            "pca_test_reconstruction": run.evaluation["pca_test_reconstruction"],
            "eigenvalues": [float(f"{value:.5g}") for value in run.components.eigenvalues.tolist()],
            "course": course,
            "training_seconds": round(training_seconds(run), 1),
            "device": run.config.get("device"),
            "versions": run.config.get("versions"),
        }
    )
    return content


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
        "Each finished training, with its errors on test items after some epochs; the last of them is the end. Before "
        "the end the learning rate is still high, where it follows the one-cycle schedule. Neighbours: the error of "
        "nearest neighbours with all labels, the last column of Table 3.",
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
