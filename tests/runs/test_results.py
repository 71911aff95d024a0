"""Results of a run: checksums, and what latents.parquet holds."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from eccentric import EccentricAutoencoder
from eccentric.data import from_arrays
from eccentric.errors import EccentricError
from eccentric.inference import encode
from eccentric.runs import Latents, Run
from eccentric.runs.latents import read_latents, write_latents
from eccentric.runs.names import RESULTS
from eccentric.training import TrainConfig, train

READERS = {
    "model.safetensors": lambda run: run.model(),
    "components.safetensors": lambda run: run.components,
    "latents.parquet": lambda run: run.latents("test"),
    "examples.safetensors": lambda run: run.examples,
    "evaluation.json": lambda run: run.evaluation,
}
DATA = from_arrays(np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32), ["a", "b"] * 40)
CONFIG = TrainConfig(dim=2, epochs=1, batch_size=20, device="cpu", compile="off")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train(DATA, CONFIG, tmp_path_factory.mktemp("trained") / "run")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "run"
    EccentricAutoencoder(n_components=2, max_epochs=1, random_state=0).fit(DATA.train.x.numpy()).save(path)
    return Run(path)


@pytest.mark.parametrize("made_by", ["trained", "saved"])
@pytest.mark.parametrize("name", RESULTS)
def test_a_flipped_bit_is_named(request, tmp_path, made_by, name):
    folder = shutil.copytree(request.getfixturevalue(made_by).path, tmp_path / "run")
    READERS[name](Run(folder))
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 4
    (folder / name).write_bytes(content)
    with pytest.raises(
        EccentricError, match=f"{name} does not match its checksum in checksums.sha256; restore"
    ) as error:
        READERS[name](Run(folder))
    assert "\n" not in str(error.value)
    for other in set(RESULTS) - {name}:
        READERS[other](Run(folder))


def test_checksums_are_those_of_the_standard_tool(trained):
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum")
    command = ["sha256sum", "--check", "--strict", "checksums.sha256"]
    done = subprocess.run(command, cwd=trained.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK") == len(RESULTS)


def test_a_folder_without_checksums_opens(trained, tmp_path):
    folder = shutil.copytree(trained.path, tmp_path / "run")
    (folder / "checksums.sha256").unlink()
    for read in READERS.values():
        read(Run(folder))


def test_a_missing_file_is_named(trained, tmp_path):
    folder = shutil.copytree(trained.path, tmp_path / "run")
    for name in RESULTS:
        (folder / name).unlink()
        with pytest.raises(EccentricError, match=name):
            READERS[name](Run(folder))


def test_latents_and_components(trained):
    latents = trained.latents("test")
    assert latents.z is not None
    z = encode(trained.model(), DATA.test.x)
    np.testing.assert_allclose(latents.z, z.numpy(), atol=1e-6)
    np.testing.assert_allclose(latents.p, trained.components.encode(torch.from_numpy(latents.z)).numpy(), atol=1e-6)
    assert latents.files is None
    columns = pq.read_schema(trained.path / "latents.parquet").names
    assert columns == ["split", "row", "label", "p1", "p2", "z1", "z2"]


def test_files_of_images(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (30, 8, 8)).astype(np.uint8)
    data = from_arrays(x)
    names = np.array([f"a/{row}.png" for row in range(30)])
    splits = {k: replace(getattr(data, k), files=names[getattr(data, k).rows].tolist()) for k in ("train", "test")}
    run = train(replace(data, **splits), replace(CONFIG, batch_size=10), tmp_path / "run")
    for split in ("train", "test"):
        latents = run.latents(split)
        assert latents.files is not None
        assert latents.files.tolist() == [f"a/{row}.png" for row in latents.rows]


def test_what_only_one_split_has(tmp_path):
    p, rows = np.zeros((2, 3), np.float32), np.arange(2)
    splits = {
        "train": Latents(p, None, rows, files=np.array(["x", "y"])),
        "test": Latents(p, np.array(["a", "b"]), rows),
    }
    write_latents(tmp_path / "latents.parquet", splits)
    train_part, test_part = (read_latents(tmp_path / "latents.parquet", split) for split in ("train", "test"))
    assert train_part.labels is None
    assert test_part.files is None
    assert train_part.files is not None
    assert train_part.files.tolist() == ["x", "y"]
    assert test_part.labels is not None
    assert test_part.labels.tolist() == ["a", "b"]
    assert train_part.z is None
