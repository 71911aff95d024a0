"""A run that is resumed with another number of threads, or under a clock that goes back."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import torch

from eccentric.training import Run, Stop, train
from tests.training import lives

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def _half_done(out: Path) -> None:
    stop = Stop()

    def after_four(metrics: object) -> None:
        stop.asked = metrics.epoch == 4  # type: ignore[attr-defined]

    train(**lives.settings(), out=out, stop=stop, on_metrics=after_four)


def test_another_number_of_threads_is_a_note(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    notes: list[str] = []
    try:
        torch.set_num_threads(1)
        _half_done(tmp_path / "run")
        torch.set_num_threads(2)
        run = train(**lives.settings(), out=tmp_path / "run", resume=True, on_note=notes.append)
    finally:
        torch.set_num_threads(threads)
    assert run.config["status"] == "finished"
    assert len(notes) == 1
    assert "1 thread to " in notes[0]
    assert notes[0].endswith("2 threads, so rounding may differ")


def test_a_clock_that_goes_back_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(**lives.settings(), out=tmp_path / "whole")
    _half_done(tmp_path / "run")
    now = time.time()
    hours = itertools.count(1)
    monkeypatch.setattr(time, "time", lambda: now - 3600 * next(hours))
    run = train(**lives.settings(), out=tmp_path / "run", resume=True)
    assert Run(run.path).config["status"] == "finished"
    for name in ("model.safetensors", "latents.parquet"):
        assert (run.path / name).read_bytes() == (whole.path / name).read_bytes()
