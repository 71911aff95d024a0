from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eccentric.errors import EccentricError, UsageError
from eccentric.paper import sampling


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            UsageError("Inception needs torch-fidelity; install it"),
            "torch-fidelity and a matching torchvision were not",
        ),
        (EccentricError("weights cannot be fetched; give them"), "the weights of Inception were not available"),
    ],
)
def test_the_user_reads_what_to_install_and_the_page_only_what_was_missing(error, reason, tmp_path, monkeypatch):
    def fails(*_):
        raise error

    monkeypatch.setattr(sampling, "inception", fails)
    monkeypatch.setattr(sampling, "attributes_of", fails)
    monkeypatch.setattr(sampling, "train_classifier", lambda *_, **__: "a classifier")
    told: list[str] = []
    data = SimpleNamespace(train=SimpleNamespace(x=np.zeros((5, 1, 8, 8), np.uint8)))
    store: Any = SimpleNamespace(
        data=lambda role: data,
        is_papers=lambda role: True,
        note=told.append,
        scale=SimpleNamespace(fid_weights=None),
        folder=tmp_path,
    )
    extractor, [note] = sampling.find_extractor(store)
    assert extractor == "a classifier"
    assert told == [f"the paper's features are not used: {error}"]
    assert f"not used because {reason}" in note
    assert str(error) not in note
