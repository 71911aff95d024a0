"""Only files that the program writes itself are removed, and links are not followed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from eccentric.errors import UsageError
from eccentric.runs.claim import check_folder, claimed, clear_folder

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN = (
    "metrics.csv",
    "model.safetensors",
    "components.safetensors",
    "latents.parquet",
    "examples.safetensors",
    "evaluation.json",
    "checksums.sha256",
    "report.html",
    "checkpoint/step-000000600.pt",
    "checkpoint/step-000000600.pt.sha256",
    "figures/curves.png",
    "figures/feature-errors.png",
    "logs/events.out.tfevents.1700000000.host.42.0",
)
LEFT_OVER = (
    ".config.json.abcd_123.json",
    ".model.safetensors.00000000.safetensors",
    "checkpoint/.step-000000600.pt.abcd1234.pt",
    "checkpoint/.step-000000600.pt.sha256.abcd1234.sha256",
    "figures/.grid.png.abcd1234.png",
)
MINE = (
    "notes.txt",
    ".my.notes.txt",
    ".config.json.backup.json",
    "model.safetensors.old",
    "figures/mine.png",
    "figures/.mine.png.abcd1234.png",
    "checkpoint/step-best.pt",
    "checkpoint/step-1.pt",
    "checkpoint/notes.pt.sha256",
    "logs/mine.txt",
    "other/curves.png",
)


def fill(folder: Path, *files: str) -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {".lock"}


def test_the_users_files_stay(tmp_path):
    fill(tmp_path, *WRITTEN, *LEFT_OVER, *MINE)
    (tmp_path / "config.json").write_text(json.dumps({"train": {}}))
    with claimed(tmp_path):
        assert files_in(tmp_path) == {"config.json", *WRITTEN, *MINE}
        clear_folder(tmp_path)
    assert files_in(tmp_path) == set(MINE)


@pytest.mark.parametrize("name", ["checkpoint", "figures", "logs"])
def test_links_are_not_followed(tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    fill(elsewhere, "step-000000001.pt", "curves.png", "events.out.tfevents.1.host", ".curves.png.abcd1234.png")
    before = files_in(elsewhere)
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text(json.dumps({"train": {}}))
    (run / name).symlink_to(elsewhere)
    for options in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(UsageError, match=f"{name} is a link to another folder; remove the link"):
            check_folder(run, **options)
    with claimed(run):
        clear_folder(run)
    assert files_in(elsewhere) == before
    assert (run / name).is_symlink()
