"""Runs to report, and the page as its reader has it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from eccentric.data import from_arrays
from eccentric.runs import Run
from eccentric.training.config import TrainConfig
from eccentric.training.train import train

RNG = np.random.default_rng(0)


class Page(HTMLParser):
    """Every tag with its attributes, and the text a reader sees."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._style = False
        self.feed(source)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._style = tag == "style"

    def handle_endtag(self, tag):
        self._style = False

    def handle_data(self, data):
        if not self._style:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def make(
    folder: Path,
    x: np.ndarray,
    labels: list[str] | None = None,
    *,
    modules: dict[str, Any] | None = None,
    **settings: Any,
) -> Run:
    quick: dict[str, Any] = {"dim": 2, "epochs": 2, "batch_size": 16, "device": "cpu"}
    config = TrainConfig(**(quick | settings))
    return train(from_arrays(x, labels, name="synthetic"), config, folder, **(modules or {}))


def pictures(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def page(run: Run) -> Page:
    return Page((run.path / "report.html").read_text(encoding="utf-8"))


def edit(run: Run, name: str, **changes: object) -> Run:
    path = run.path / name
    (run.path / "checksums.sha256").unlink(missing_ok=True)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return Run(run.path)
