from __future__ import annotations

import os
import stat

import pytest
import safetensors
import torch

from eccentric.errors import EccentricError
from eccentric.files import atomic, read_json, write_json, write_tensors


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "config.json"
    path.write_text("old")

    def fail():
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]
    assert path.read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="needs locks of POSIX")
def test_files_of_killed_processes_are_removed_and_files_in_use_are_not(tmp_path):
    path = tmp_path / "config.json"
    abandoned = tmp_path / ".config.json.abcd1234.json"
    others = [tmp_path / ".config.json.backup.json", tmp_path / ".other.json.abcd1234.json"]
    for left in (abandoned, *others):
        left.write_text("half")
    with atomic(path) as slow:
        assert not abandoned.exists()
        slow.write_text("of the slow process")
        with atomic(path) as fast:
            fast.write_text("of the fast process")
        assert slow.exists()
    assert path.read_text() == "of the slow process"
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", *(left.name for left in others)}


def test_the_new_file_is_as_readable_as_any(tmp_path):
    with atomic(tmp_path / "new") as temporary:
        temporary.write_text("whole")
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE(os.stat(tmp_path / "new").st_mode) == stat.S_IMODE(plain.stat().st_mode)  # noqa: PTH116


def test_a_full_disk_is_one_line(tmp_path):
    with pytest.raises(EccentricError, match=r"cannot write .*new: No space left on device"), atomic(tmp_path / "new"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_while_tensors_are_written(tmp_path, monkeypatch):
    def full(*_):
        raise safetensors.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(EccentricError, match=r"cannot write .*model\.safetensors: .*No space left on device"):
        write_tensors(tmp_path / "model.safetensors", {"w": torch.zeros(3)})
    assert list(tmp_path.iterdir()) == []


def test_no_such_folder(tmp_path):
    with pytest.raises(EccentricError, match=r"cannot write .*: No such file or directory; choose another place"):
        write_json(tmp_path / "none" / "config.json", {})


def test_json_that_is_damaged(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1]})
    assert read_json(tmp_path / "a.json") == {"a": [1]}
    (tmp_path / "a.json").write_text('{"a": ')
    with pytest.raises(EccentricError, match=r"a\.json is not JSON"):
        read_json(tmp_path / "a.json")
