"""All items once, on the digits of scikit-learn, shared by all workers of a test run."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from eccentric.evaluation import fidelity
from eccentric.paper import RunStore, Scale, find_items, milestones, reproduce, sampling, theorem, trend
from eccentric.plots import style

EPOCHS, MILESTONE = 5, 2


@pytest.fixture(scope="package", autouse=True)
def low_resolution():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style.STYLE, "figure.dpi", 72)
        yield


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> RunStore:
    """A store in which every item was made, with one run where one will do."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "store"
    small = RunStore(folder, Scale.small(epochs=EPOCHS, runs=1, device="cpu"))
    folder.mkdir(exist_ok=True)
    with FileLock(folder.parent / "store.lock"), pytest.MonkeyPatch.context() as patch:
        patch.setitem(style.STYLE, "figure.dpi", 72)
        patch.setattr(theorem, "DIMS", range(3, 130))  # test_theorem has all of them
        patch.setattr(theorem, "SAMPLED_DIMS", (4, 16, 64, 256))
        patch.setattr(sampling, "SEEN", 6000)
        patch.setattr(fidelity, "SUBSETS", 10)
        for module in (milestones, trend):
            patch.setattr(module, "MILESTONES", (MILESTONE,))
        if not (folder / "made").exists():
            reproduce(find_items(["all"]), small)
            (folder / "made").touch()
    return small


@pytest.fixture(scope="session")
def made(store) -> dict[str, dict[str, Any]]:
    """What each item's result.json says."""
    return {path.parent.name: read(path) for path in store.folder.glob("*/result.json")}


def read(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result
