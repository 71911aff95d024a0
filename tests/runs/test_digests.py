"""A resumed run recognises every byte of its data."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from eccentric.data import from_arrays
from eccentric.errors import UsageError
from eccentric.runs.dataset import describe_data
from eccentric.runs.digests import PARTS, differing_parts, digest
from eccentric.runs.resuming import changes_since

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3000, 6)).astype(np.float32)
Y = RNG.permutation(np.arange(3000) % 3).astype(str)
DATA = from_arrays(X, Y)


def other(part: str, **changes):
    return replace(DATA, **{part: replace(getattr(DATA, part), **changes)})


def changed_rows():
    """All rows but every third, which the thousand sampled rows of 0.1.0 would not have shown."""
    x = DATA.train.x.clone()
    sampled = torch.linspace(0, len(x) - 1, 1000).long()
    rest = torch.ones(len(x), dtype=torch.bool)
    rest[sampled] = False
    x[rest] *= -3
    return other("train", x=x)


@pytest.mark.parametrize(
    ("now", "part"),
    [
        (changed_rows(), "train"),
        (other("train", x=DATA.train.x.double()), "train"),
        (other("train", x=DATA.train.x[:-1]), "train"),
        (other("test", x=DATA.test.x.flip(0)), "test"),
        (other("train", labels=np.flip(np.asarray(DATA.train.labels)).copy()), "train_labels"),
        (other("test", labels=None), "test_labels"),
        (replace(DATA, label_names=["1", "0", "2"]), "train_labels"),
    ],
)
def test_what_differs_is_named(now, part):
    recorded, new = describe_data(DATA)["data"], describe_data(now)["data"]
    assert PARTS[part] in differing_parts(recorded, new)
    manifest = {"train": {}, "method": {"name": "plain", "settings": {}}}
    with pytest.raises(UsageError, match=f"cannot resume with other data: .*{PARTS[part]}") as caught:
        changes_since({**manifest, "data": recorded}, {**manifest, "data": new})
    assert "\n" not in str(caught.value)


def test_the_same_data():
    recorded = describe_data(DATA)["data"]
    assert differing_parts(recorded, describe_data(from_arrays(X.copy(), Y.copy()))["data"]) == []


def test_memory_mapped_rows(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = torch.from_numpy(np.load(tmp_path / "x.npy", mmap_mode="r+"))
    assert digest(mapped) == digest(torch.from_numpy(X))


def test_chunks_do_not_matter(monkeypatch):
    whole = digest(DATA.train.x)
    monkeypatch.setattr("eccentric.runs.digests.CHUNK_BYTES", 100)
    assert digest(DATA.train.x) == whole
    assert digest(DATA.train.x.T.contiguous().T) == whole


def test_old_folders_are_compared_by_their_fingerprint():
    recorded = copy.deepcopy(describe_data(DATA)["data"])
    del recorded["digests"]
    assert differing_parts(recorded, describe_data(changed_rows())["data"]) == []
    assert differing_parts(recorded, describe_data(other("train", x=-DATA.train.x))["data"]) == [PARTS["train"]]
