"""Digests of all data, to check that a run is resumed with the same data."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from eccentric.data import Data

CHUNK_BYTES = 32 * 2**20  # bytes of memory-mapped rows read at a time
SAMPLED = 1000
PARTS = {
    "train": "the training items",
    "test": "the test items",
    "train_labels": "the labels of the training items",
    "test_labels": "the labels of the test items",
}


def digests(data: Data) -> dict[str, str]:
    """SHA-256 of each of `PARTS` that exists, over shape, type and all bytes."""
    found = {"train": digest(data.train.x), "test": digest(data.test.x)}
    for name, split in (("train_labels", data.train), ("test_labels", data.test)):
        if split.labels is not None:
            found[name] = _digest_of_labels(split.labels, data.label_names)
    return found


def digest(x: Tensor) -> str:
    """SHA-256 of a tensor's shape, type and bytes, read in chunks."""
    total = hashlib.sha256(f"{tuple(x.shape)} {x.dtype} ".encode())
    rows = max(1, CHUNK_BYTES // max(1, x[:1].numel() * x.element_size()))
    for part in x.split(rows):
        total.update(part.contiguous().numpy().data)
    return total.hexdigest()


def _digest_of_labels(labels: np.ndarray, names: list[str]) -> str:
    """SHA-256 of labels as names, since codes depend on the set of names."""
    total = hashlib.sha256()
    encoded = [f"{len(name)}:{name}".encode() for name in names]  # the length separates neighbouring names
    for code in labels.tolist():
        total.update(encoded[code])
    return total.hexdigest()


def fingerprint(x: Tensor) -> str:
    """A digest of the shape and of a thousand rows spread over the data.

    Version 0.1.0 recorded only this digest. It is used to compare two runs if hashing all data would take too long.
    """
    rows = x[torch.linspace(0, len(x) - 1, min(len(x), SAMPLED)).long()].contiguous()
    return hashlib.sha256(f"{tuple(x.shape)} {x.dtype} ".encode() + rows.numpy().tobytes()).hexdigest()[:16]


def differing_parts(recorded: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Names of the parts of the data that differ from those at the start of a run.

    Args:
        recorded, now: entries "data" of config.json. If the recorded entry has no digests, the fingerprint of the
            training items is compared.
    """
    old, new = recorded.get("digests"), now["digests"]
    if old is None:
        return [] if recorded.get("fingerprint") == now["fingerprint"] else [PARTS["train"]]
    return [words for part, words in PARTS.items() if old.get(part) != new.get(part)]
