"""Loading: what comes out, what is recorded, and every line that a user can be told."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from pyarrow import csv

from eccentric.data import Data, from_arrays, load
from eccentric.errors import EccentricError, UsageError
from tests.data.making import colour, grey, png, save_images, write_csv
from tests.realdata import real

IMAGE_KIND = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
MNIST_CARD = """---
configs:
- config_name: mnist
  default: true
  data_files:
  - split: train
    path: mnist/train-*
  - split: test
    path: mnist/test-*
---
# MNIST
"""
CELEBA_CARD = """---
configs:
- config_name: img_align+identity+attr
  default: true
  data_files:
  - split: train
    path: img_align+identity+attr/train-*
  - split: valid
    path: img_align+identity+attr/valid-*
  - split: test
    path: img_align+identity+attr/test-*
- config_name: official_partition
  data_files:
  - split: train
    path: img_align+identity+attr/*.parquet
---
"""


@pytest.fixture(autouse=True)
def _no_data_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECCENTRIC_DATA", raising=False)


def write_parquet(path: Path, columns: dict[str, pa.Array], features: dict[str, dict[str, object]]) -> None:
    """As the hub's own files are: the features stand in the schema's metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    meta = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(meta), path)


def image_column(pixels: np.ndarray) -> pa.Array:
    return pa.array([{"bytes": png(p), "path": f"{i:06}.png"} for i, p in enumerate(pixels)], IMAGE_KIND)


def make_mnist(folder: Path, train: int = 7, test: int = 3) -> tuple[np.ndarray, np.ndarray]:
    names = [str(i) for i in range(10)]
    features: dict[str, dict[str, object]] = {
        "image": {"_type": "Image"},
        "label": {"names": names, "_type": "ClassLabel"},
    }
    pixels = grey(train, 28, 28), grey(test, 28, 28, seed=1)
    for split, x in zip(("train", "test"), pixels, strict=True):
        columns = {"image": image_column(x), "label": pa.array(np.arange(len(x)) % 10)}
        write_parquet(folder / f"mnist/{split}-00000-of-00001.parquet", columns, features)
    (folder / "README.md").write_text(MNIST_CARD)
    return pixels


def make_celeba(folder: Path, height: int = 64, width: int = 64) -> None:
    attributes = ["5_o_Clock_Shadow", "Bald", "Smiling", "Young"]
    features: dict[str, dict[str, object]] = {
        "image": {"_type": "Image"},
        "celeb_id": {"dtype": "int64", "_type": "Value"},
        **{a: {"dtype": "bool", "_type": "Value"} for a in attributes},
    }
    for seed, (split, n) in enumerate({"train": 5, "valid": 2, "test": 3}.items()):
        columns = {"image": image_column(colour(n, height, width, seed)), "celeb_id": pa.array(np.arange(n) + 100)}
        columns |= {a: pa.array((np.arange(n) + j) % 2 == 0) for j, a in enumerate(attributes)}
        write_parquet(folder / f"img_align+identity+attr/{split}-00000-of-00001.parquet", columns, features)
    (folder / "README.md").write_text(CELEBA_CARD)


def items(data: Data) -> dict[int, torch.Tensor]:
    """Every item by its row, whichever side it fell on."""
    return {int(row): x for side in (data.train, data.test) for row, x in zip(side.rows, side.x, strict=True)}


# --- splits ---------------------------------------------------------------------------------------------------------


def test_digits() -> None:
    data = load("digits")
    assert (data.name, data.shape, data.is_image, data.label) == ("digits", (1, 8, 8), True, "label")
    assert data.label_names == [str(i) for i in range(10)]
    assert data.feature_names == []
    assert data.notes == []
    assert data.split == "20 % held out at random, seed 0"
    assert len(data.train.x) + len(data.test.x) == 1797
    assert data.train.x.dtype == torch.uint8
    assert data.train.x.is_contiguous()
    assert data.train.x.max() == 255  # 16 of 16
    assert data.train.labels is not None
    assert data.train.labels.dtype == np.int64


def test_random_split_is_disjoint_complete_and_repeatable() -> None:
    x = np.arange(50, dtype=np.float64)[:, None] * [1.0, 2.0]
    a, b, c = (from_arrays(x, test_fraction=0.3, seed=s) for s in (4, 4, 5))
    assert len(a.test.rows) == 15
    assert a.split == "30 % held out at random, seed 4"
    assert sorted([*a.train.rows, *a.test.rows]) == list(range(50))
    for data in (a, c):  # the rows are where the items came from
        for side in (data.train, data.test):
            np.testing.assert_array_equal(side.x.numpy(), x[side.rows].astype(np.float32))
    np.testing.assert_array_equal(a.test.rows, b.test.rows)
    assert not np.array_equal(a.test.rows, c.test.rows)


@pytest.mark.parametrize(("n", "fraction"), [(2, 0.01), (2, 0.99), (3, 0.2), (5, 0.5)])
def test_neither_side_is_ever_empty(n: int, fraction: float) -> None:
    data = from_arrays(np.eye(n), test_fraction=fraction)
    assert len(data.train.x) >= 1
    assert len(data.test.x) >= 1


def test_validation_is_left_unused_beside_test_and_serves_as_test_without(tmp_path: Path) -> None:
    rows = "a,b\n1,2\n3,5\n4,4\n"
    for name in ("train", "validation", "test"):
        write_csv(tmp_path / f"{name}.csv", rows)
    data = load(tmp_path)
    assert data.split == "the data set's own splits"
    assert data.notes == ["split 'validation' (3 rows) left unused"]
    np.testing.assert_array_equal(data.test.rows, [0, 1, 2])
    (tmp_path / "test.csv").unlink()
    data = load(tmp_path)
    assert data.split == "the data set's own splits, 'validation' as the test set"
    assert data.notes == []


def test_splits_without_train(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_test=np.eye(3), x_train=np.eye(3))
    assert load(tmp_path / "a.npz").split == "the data set's own splits"
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n"
    for name in ("north", "south"):
        card += f"  - split: {name}\n    path: {name}.csv\n"
        write_csv(tmp_path / f"{name}.csv", "a,b\n1,2\n3,4\n")
    (tmp_path / "README.md").write_text(card + "---\n")
    with pytest.raises(EccentricError, match=r"has the splits 'north', 'south', but no split named 'train'; give"):
        load(tmp_path)


# --- folders of images ----------------------------------------------------------------------------------------------


def test_flat_folder(tmp_path: Path) -> None:
    pixels = grey(10)
    save_images(tmp_path / "faces", pixels)
    (tmp_path / "faces" / ".hidden.png").write_bytes(b"no image")
    (tmp_path / "faces" / "notes.txt").write_text("taken in May")
    data = load(tmp_path / "faces")
    assert (data.name, data.shape, data.label_names, data.label) == ("faces", (1, 8, 8), [], None)
    assert data.train.labels is None
    assert data.notes == ["1 file left out, of other kinds than images: notes.txt"]
    np.testing.assert_array_equal(data.train.x[:, 0].numpy(), pixels[data.train.rows])
    np.testing.assert_array_equal(data.test.x[:, 0].numpy(), pixels[data.test.rows])


def test_a_file_called_test_is_no_test_split(tmp_path: Path) -> None:
    for i, p in enumerate(grey(5)):
        Image.fromarray(p).save(tmp_path / f"test_{i}.png")
    assert load(tmp_path).split == "20 % held out at random, seed 0"


def test_class_folders(tmp_path: Path) -> None:
    for name in ("2", "10", "1"):
        save_images(tmp_path / name, np.full((4, 5, 6), int(name), dtype=np.uint8))
    data = load(str(tmp_path))
    assert data.label_names == ["1", "2", "10"]  # by size, as numbers
    assert data.shape == (1, 5, 6)
    for side in (data.train, data.test):
        assert side.labels is not None
        assert [int(data.label_names[c]) for c in side.labels] == side.x[:, 0, 0, 0].tolist()


def test_train_and_test_folders(tmp_path: Path) -> None:
    for split, n in (("train", 3), ("test", 2)):
        for name in ("cat", "dog"):
            save_images(tmp_path / split / name, colour(n))
    data = load(tmp_path)
    assert data.split == "the data set's own splits"
    assert (len(data.train.x), len(data.test.x), data.shape) == (6, 4, (3, 8, 8))
    assert data.label_names == ["cat", "dog"]
    assert data.test.labels is not None
    assert data.test.labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(data.test.x[0].numpy(), colour(2)[0].transpose(2, 0, 1))


def test_labels_of_one_split_only_are_left_out(tmp_path: Path) -> None:
    for folder in ("train/cat", "train/dog", "test"):
        save_images(tmp_path / folder, grey(2))
    data = load(tmp_path)
    assert data.label is None
    assert data.notes == ["no labels: only one of the splits has one folder per class"]


def test_one_subfolder_is_no_class(tmp_path: Path) -> None:
    save_images(tmp_path / "images", grey(4))
    data = load(tmp_path)
    assert data.label is None
    assert data.notes == [f"no labels: the images of {tmp_path / 'images'} are not in one folder per class"]


def test_image_folder_with_metadata_goes_to_datasets(tmp_path: Path) -> None:
    save_images(tmp_path, grey(4))
    rows = "".join(f"{i:03}.png,{'ab'[i % 2]}\n" for i in range(4))
    write_csv(tmp_path / "metadata.csv", "file_name,kind\n" + rows)
    data = load(tmp_path, label="kind")
    assert data.label_names == ["a", "b"]
    assert data.shape == (1, 8, 8)


# --- Parquet folders with the schema of the hub's data sets -----------------------------------------------------------


def test_mnist_schema(tmp_path: Path) -> None:
    train, test = make_mnist(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    data = load(tmp_path)
    assert data.split == "the data set's own splits"
    assert data.notes == []
    assert data.label == "label"
    assert data.label_names == [str(i) for i in range(10)]
    np.testing.assert_array_equal(data.train.x[:, 0].numpy(), train)
    np.testing.assert_array_equal(data.test.x[:, 0].numpy(), test)
    assert data.test.labels is not None
    assert data.test.labels.tolist() == [0, 1, 2]
    assert sorted(tmp_path.rglob("*")) == before  # nothing is written into the user's folder


def test_loading_a_folder_leaves_the_settings_of_datasets_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import datasets

    make_mnist(tmp_path)
    before = datasets.logging.get_verbosity(), datasets.are_progress_bars_disabled()
    load(tmp_path)
    assert (datasets.logging.get_verbosity(), datasets.are_progress_bars_disabled()) == before
    assert capfd.readouterr().err == ""


def test_celeba_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_celeba(tmp_path / "celeba")
    monkeypatch.setenv("ECCENTRIC_DATA", str(tmp_path))
    data = load("celeba")
    assert (data.name, data.shape, data.label) == ("celeba", (3, 64, 64), "Smiling")
    assert data.label_names == ["False", "True"]
    assert data.notes == ["split 'valid' (2 rows) left unused"]
    assert data.train.labels is not None
    assert data.train.labels.tolist() == [1, 0, 1, 0, 1]
    young = load("celeba", label="Young")
    assert young.train.labels is not None
    assert young.label == "Young"
    assert young.train.labels.tolist() == [0, 1, 0, 1, 0]
    assert load("celeba", label="").label is None

    whole = load("celeba:official_partition")
    assert len(whole.train.x) + len(whole.test.x) == 10
    assert whole.split == "20 % held out at random, seed 0"

    path = load(tmp_path / "celeba")  # a path is nobody's name: no default label
    assert path.label is None
    assert "no labels; columns that could be used as labels: 'celeb_id', '5_o_Clock_Shadow', 'Bald'" in path.notes[1]


def test_celeba_in_full_size_is_cropped_as_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_celeba(tmp_path / "celeba", 218, 178)
    monkeypatch.setenv("ECCENTRIC_DATA", str(tmp_path))
    data = load("celeba")
    box = (19, 39, 159, 179)  # the middle 140x140
    want = Image.fromarray(colour(5, 218, 178, 0)[0]).resize((64, 64), Image.Resampling.BICUBIC, box=box)
    np.testing.assert_array_equal(data.train.x[0].numpy(), np.asarray(want).transpose(2, 0, 1))
    assert data.notes[1:] == ["8 images resized to 64x64 (from 218x178); larger ones cut to their middle 140x140"]
    assert load("celeba", image_size=32).shape == (3, 32, 32)


def test_secret_labels_of_a_test_split(tmp_path: Path) -> None:
    features: dict[str, dict[str, object]] = {"label": {"names": ["a", "b"], "_type": "ClassLabel"}}
    for split, codes in (("train", [0, 1, 1]), ("test", [-1, -1])):
        columns = {"v": pa.array(np.arange(len(codes)) + 0.5), "label": pa.array(codes)}
        write_parquet(tmp_path / f"{split}.parquet", columns, features)
    data = load(tmp_path)
    assert data.train.labels is not None
    assert data.test.labels is None
    assert "the test set has no labels: 'label' is -1 throughout" in data.notes
    write_parquet(tmp_path / "train.parquet", {"v": pa.array([1.5, 2]), "label": pa.array([0, -1])}, features)
    with pytest.raises(EccentricError, match=r"label 'label' is -1 in row 1 of split 'train', but its 2 classes"):
        load(tmp_path)


def test_declared_classes_that_do_not_fit(tmp_path: Path) -> None:
    features: dict[str, dict[str, object]] = {"kind": {"names": ["x", "y"], "_type": "ClassLabel"}}
    columns = {"v": pa.array([1.0, 2.0, 3.0]), "kind": pa.array(["u", "v", "u"])}
    write_parquet(tmp_path / "a.parquet", columns, features)
    assert load(tmp_path / "a.parquet").label_names == ["u", "v"]  # the values are names already
    for names in (None, [1, 2], "xy", []):
        columns["kind"] = pa.array([0, 1, 1])
        write_parquet(tmp_path / "a.parquet", columns, {"kind": {"names": names, "_type": "ClassLabel"}})
        assert load(tmp_path / "a.parquet", label="kind").label_names == ["0", "1"]


def test_first_declared_class_column_is_the_label(tmp_path: Path) -> None:
    features: dict[str, dict[str, object]] = {"kind": {"names": ["x", "y", "z"], "_type": "ClassLabel"}}
    columns = {"v": pa.array([1.0, 2.0, 3.0]), "kind": pa.array([0, 2, 1])}
    write_parquet(tmp_path / "a.parquet", columns, features)
    data = load(tmp_path / "a.parquet")
    assert data.label == "kind"
    assert data.label_names == ["x", "y", "z"]
    assert data.feature_names == ["v"]


# --- image modes and sizes ------------------------------------------------------------------------------------------


def test_differing_sizes_become_the_most_common_one(tmp_path: Path) -> None:
    save_images(tmp_path, grey(5))
    Image.fromarray(grey(1, 8, 24)[0]).save(tmp_path / "wide.png")
    Image.fromarray(grey(1, 16, 16)[0]).save(tmp_path / "large.png")
    data = load(tmp_path)
    assert data.shape == (1, 8, 8)
    assert data.notes == ["2 images resized to 8x8 (from 16x16, 8x24), cropped at the centre to keep proportions"]
    np.testing.assert_array_equal(items(data)[6][0].numpy(), grey(1, 8, 24)[0][:, 8:16])  # cropped, not squeezed


@pytest.mark.parametrize(("size", "shape"), [(4, (1, 4, 4)), ((4, 6), (1, 4, 6))])
def test_image_size(tmp_path: Path, size: int | tuple[int, int], shape: tuple[int, ...]) -> None:
    save_images(tmp_path, grey(4))
    data = load(tmp_path, image_size=size)
    assert data.shape == shape
    assert data.notes[0].startswith(f"4 images resized to 4x{shape[2]} (from 8x8)")
    assert from_arrays(grey(4), image_size=size).shape == shape
    assert from_arrays(colour(4), image_size=size).shape == (3, *shape[1:])


def test_modes(tmp_path: Path) -> None:
    base = Image.fromarray(grey(1)[0])
    base.save(tmp_path / "0.png")
    base.convert("1").save(tmp_path / "1.png")
    base.convert("LA").save(tmp_path / "2.png")
    Image.fromarray(grey(1)[0].astype(np.uint16) * 257).save(tmp_path / "3.png")
    data = load(tmp_path)
    assert data.shape == (1, 8, 8)
    assert data.notes == [
        "1 image converted from black and white to grey",
        "1 image converted from mode I;16 to grey",
        "1 image converted from mode LA (laid over white) to grey",
        "1 image of more than 8 bits, with values from 1028 to 63736: 0 to 65535 scaled to 0 to 255",
    ]
    for row in (0, 2, 3):  # grey, opaque alpha and 16 bits say the same
        np.testing.assert_array_equal(items(data)[row][0].numpy(), grey(1)[0])

    base.convert("P").save(tmp_path / "4.gif")
    Image.fromarray(colour(1)[0]).quantize(16).save(tmp_path / "5.png")
    Image.fromarray(colour(1)[0]).save(tmp_path / "6.png")
    data = load(tmp_path)
    assert data.shape == (3, 8, 8)
    assert any(re.fullmatch(r"\d images? converted from grey to RGB", n) for n in data.notes)
    assert any(re.fullmatch(r"\d images? converted from mode P to RGB", n) for n in data.notes)


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    rgba = np.zeros((4, 4, 4), dtype=np.uint8)
    rgba[:2, :, 3] = 255  # the upper half is black, the lower transparent, with black underneath
    for i in range(3):
        Image.fromarray(rgba).save(tmp_path / f"{i}.png")
    data = load(tmp_path)
    assert data.notes == ["3 images converted from mode RGBA (laid over white) to RGB"]
    assert data.train.x[0, 0, :, 0].tolist() == [0, 0, 255, 255]


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    pixels = np.zeros((8, 16), dtype=np.uint8)
    pixels[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show a quarter turn clockwise
    for i in range(2):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png", exif=exif)
    data = load(tmp_path)
    assert data.shape == (1, 16, 8)
    assert data.train.x[0, 0, :, 0].tolist() == [255] * 8 + [0] * 8


def test_broken_images_are_named_by_path(tmp_path: Path) -> None:
    save_images(tmp_path, grey(3, 64, 64))
    whole = (tmp_path / "001.png").read_bytes()
    (tmp_path / "001.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EccentricError, match=r"001\.png cannot be read as an image \(.*\); remove or replace it"):
        load(tmp_path)
    (tmp_path / "001.png").write_bytes(b"")
    with pytest.raises(EccentricError, match=r"001\.png is not a readable image; remove or replace it"):
        load(tmp_path)
    (tmp_path / "001.png").unlink()
    Image.fromarray(np.ones((4, 4), dtype=np.float32)).save(tmp_path / "001.tif")
    with pytest.raises(EccentricError, match=r"001\.tif has floating-point pixels; save it with 8 bits"):
        load(tmp_path)


def test_one_item_that_is_damaged_is_named(tmp_path: Path) -> None:
    save_images(tmp_path, grey(1, 64, 64))
    with pytest.raises(EccentricError, match=r"has 1 item; at least 2 are needed"):
        load(tmp_path)
    whole = (tmp_path / "000.png").read_bytes()
    (tmp_path / "000.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EccentricError, match=r"000\.png cannot be read as an image \(.*\); remove or replace it"):
        load(tmp_path)


def test_large_files_are_read_like_small_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_images(tmp_path, grey(4))
    x = load(tmp_path).train.x
    (tmp_path / "004.png").write_bytes((tmp_path / "003.png").read_bytes()[:-30])
    with pytest.raises(EccentricError) as small:
        load(tmp_path)
    monkeypatch.setattr("eccentric.data.decoding.SMALL", 10)
    with pytest.raises(EccentricError) as large:
        load(tmp_path)
    assert str(large.value) == str(small.value)
    (tmp_path / "004.png").unlink()
    assert torch.equal(load(tmp_path).train.x, x)


def test_broken_images_in_tables_are_named_by_row(tmp_path: Path) -> None:
    good = png(grey(1)[0])
    cells = [{"bytes": good, "path": "a"}, {"bytes": good, "path": "b"}, {"bytes": b"zz", "path": "c"}]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"image": pa.array(cells, IMAGE_KIND)}), path)
    with pytest.raises(EccentricError, match=r"a\.parquet, row 2 is not a readable image"):
        load(path)
    pq.write_table(pa.table({"image": pa.array([*cells[:2], None], IMAGE_KIND)}), path)
    with pytest.raises(EccentricError, match=r"a\.parquet, row 2 contains no image; remove the row"):
        load(path)
    pq.write_table(pa.table({"image": pa.array([good] * 3)}), path)  # bytes without a struct
    assert load(path).shape == (1, 8, 8)


def test_more_pixels_than_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from eccentric.data import images

    monkeypatch.setattr("os.sysconf", lambda name: 1000)
    with pytest.raises(EccentricError, match=r"photos: 1,000 images of 64x64 need 0 GB .* use a smaller --image-size"):
        images._check_memory((1000, 3, 64, 64), "photos")


# --- arrays ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "want"),
    [
        ((6, 5, 7), (1, 5, 7)),
        ((6, 1, 5, 7), (1, 5, 7)),
        ((6, 3, 5, 7), (3, 5, 7)),
        ((6, 5, 7, 3), (3, 5, 7)),
        ((6, 5, 7, 1), (1, 5, 7)),
        ((6, 3, 5, 3), (3, 5, 3)),  # both could be channels: the second axis it is
    ],
)
def test_image_arrays(shape: tuple[int, ...], want: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    data = from_arrays(x)
    assert data.shape == want
    assert data.is_image
    assert data.notes == []
    first = x[data.train.rows[0]]
    if x.ndim == 4 and want[0] != shape[1]:
        first = first.transpose(2, 0, 1)
    np.testing.assert_array_equal(data.train.x[0].numpy(), first.reshape(want))


def test_value_ranges() -> None:
    fractions = grey(4) / 255
    data = from_arrays(fractions.astype(np.float32))
    assert data.notes == ["fractions in [0, 1] multiplied by 255 and rounded"]
    np.testing.assert_array_equal(data.train.x[:, 0].numpy(), grey(4)[data.train.rows])
    mask = from_arrays(grey(4) > 127)
    assert mask.notes == ["values 0 and 1 changed to 0 and 255"]
    assert mask.train.x.max() == 255
    assert from_arrays(grey(4).astype(np.int64)).train.x.dtype == torch.uint8
    with pytest.raises(EccentricError, match=r"fractions must lie in \[0, 1\], but range from -1 to 0.5; rescale"):
        from_arrays(np.linspace(-1, 0.5, 64).reshape(4, 1, 4, 4))
    with pytest.raises(EccentricError, match=r"whole numbers must lie in 0\.\.255, but range from 0 to 4095"):
        from_arrays(np.linspace(0, 4095, 64).astype(np.int32).reshape(4, 4, 4), item_kind="image")
    bad = np.zeros((4, 4, 4))
    bad[2, 1, 1] = np.nan
    with pytest.raises(EccentricError, match=r"nan or inf in row 2; remove the image"):
        from_arrays(bad)


def test_tables_from_arrays_and_tensors() -> None:
    x = torch.randn(10, 3, dtype=torch.bfloat16, requires_grad=True)
    data = from_arrays(x, labels=["b", "a"] * 5, name="mine")
    assert (data.name, data.shape, data.is_image) == ("mine", (3,), False)
    assert data.feature_names == ["x0", "x1", "x2"]
    assert data.label_names == ["a", "b"]
    assert data.train.x.dtype == torch.float32
    assert not data.train.x.requires_grad
    assert from_arrays(np.eye(4), feature_names=list("abcd")).feature_names == list("abcd")


def test_labels_of_every_kind() -> None:
    x = np.arange(8.0)[:, None]

    def names(labels: object) -> list[str]:
        return from_arrays(x, labels).label_names  # type: ignore[arg-type]

    assert names(np.array([3, 11, 3, 11, 3, 11, 3, 3])) == ["3", "11"]
    assert names(np.array([True] * 8)) == ["False", "True"]
    assert names(np.array([1.0, 2.0] * 4)) == ["1", "2"]
    assert names(np.array([0.5, 1.5] * 4)) == ["0.5", "1.5"]
    assert names(torch.tensor([[1], [0]] * 4)) == ["0", "1"]
    assert names(np.array(["10", "9"] * 4, dtype=object)) == ["9", "10"]
    assert names(["a", 1] * 4) == ["1", "a"]


def test_label_errors() -> None:
    x = np.arange(30.0)[:, None]
    with pytest.raises(
        EccentricError, match=r"arrays has 30 items but labels of shape \(29,\); give one label per item"
    ):
        from_arrays(x, np.zeros(29, dtype=int))
    with pytest.raises(EccentricError, match=r"'label' contains fractions \(.*\.\.\.\), but labels must be categories"):
        from_arrays(x, np.linspace(0, 1, 30))
    missing = np.array(["a"] * 29 + [None], dtype=object)
    with pytest.raises(EccentricError, match=r"arrays: label 'label' is missing in row 29; fill it, or remove the row"):
        from_arrays(x, missing)


def test_array_errors() -> None:
    with pytest.raises(EccentricError, match=r"has 1 row; at least 2 are needed"):
        from_arrays(np.zeros((1, 3)))
    with pytest.raises(EccentricError, match=r"has 0 rows; at least 2 are needed"):
        from_arrays(np.zeros((0, 3)))
    with pytest.raises(EccentricError, match=r"has shape \(5,\); a table is \(n, f\)"):
        from_arrays(np.zeros(5))
    with pytest.raises(EccentricError, match=r"has shape \(5, 0\); a table is"):
        from_arrays(np.zeros((5, 0)))
    with pytest.raises(EccentricError, match=r"images are \(n, h, w\), \(n, c, h, w\) or \(n, h, w, c\) with 1 or 3"):
        from_arrays(np.zeros((5, 2, 4, 4)))
    with pytest.raises(EccentricError, match=r"contains objects or text, not numbers"):
        from_arrays(np.array([["a", "b"]] * 3))
    with pytest.raises(EccentricError, match=r"contains complex128, not numbers"):
        from_arrays(np.zeros((3, 3), dtype=complex))
    with pytest.raises(EccentricError, match=r"arrays: the rows have different lengths; make them equal"):
        from_arrays([[1, 2], [3]])
    x = np.eye(4)
    x[2, 1] = np.inf
    with pytest.raises(EccentricError, match=r"arrays: column 'x1' is inf in row 2; fill it"):
        from_arrays(x)
    x[2, 1] = 1e300
    with pytest.raises(EccentricError, match=r"column 'x1' is 1e\+300 \(its square overflows in float32\) in row 2"):
        from_arrays(x)


# --- .npy and .npz --------------------------------------------------------------------------------------------------


def test_an_npz_that_is_another_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("notes.txt", "no array")
    with pytest.raises(EccentricError, match=r"a\.npz: 'notes\.txt' is not an array"):
        load(tmp_path / "a.npz")


def test_a_folder_whose_name_is_a_pattern_is_not_mistaken_for_another(tmp_path: Path) -> None:
    for name, column in (("run[1]", "a"), ("run1", "other")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.csv").write_text(f"{column},b\n" + "1,2\n3,4\n" * 10)
    assert load(tmp_path / "run[1]").feature_names == ["a", "b"]
    (tmp_path / "run[1]" / "README.md").write_text("---\nconfigs:\n- config_name: a\n  data_files: x.csv\n---\n")
    with pytest.raises(UsageError, match=r"run\[1\] has \[ \] in its path"):
        load(tmp_path / "run[1]")


def test_npy_and_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "cells.npy", np.eye(6))
    data = load(tmp_path / "cells.npy")
    assert data.name == "cells"
    assert data.shape == (6,)
    assert data.label is None
    np.savez(tmp_path / "a.npz", images=grey(6), labels=np.array(list("abcabc")))
    data = load(tmp_path / "a.npz")
    assert data.shape == (1, 8, 8)
    assert data.label == "labels"
    assert data.label_names == ["a", "b", "c"]
    assert load(tmp_path / "a.npz", label="").label is None
    np.savez(tmp_path / "b.npz", X=np.eye(6), y=np.arange(6), kind=np.array([0, 1] * 3))
    assert load(tmp_path / "b.npz").label == "y"
    assert load(tmp_path / "b.npz", label="kind").label_names == ["0", "1"]
    np.savez(tmp_path / "c.npz", np.eye(6))  # the only array needs no name
    assert load(tmp_path / "c.npz").shape == (6,)


def test_npz_with_its_own_splits(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=grey(5), y_train=np.arange(5), x_test=grey(3), y_test=np.arange(3))
    data = load(tmp_path / "a.npz")
    assert data.split == "the data set's own splits"
    assert (len(data.train.x), len(data.test.x)) == (5, 3)
    np.savez(tmp_path / "b.npz", x_train=grey(5), y_train=np.arange(5), x_test=grey(3))
    assert load(tmp_path / "b.npz").notes == ["no labels: only one of the splits has them"]
    np.savez(tmp_path / "c.npz", x_train=grey(5), x_test=grey(3, 9, 9))
    with pytest.raises(EccentricError, match=r"training and test items differ in shape: \(. ?.*\) and \("):
        load(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", x_train=np.eye(2), x_test=np.zeros((0, 2)))
    with pytest.raises(EccentricError, match=r"has an empty 'test' split; remove it"):
        load(tmp_path / "d.npz")


def test_npy_and_npz_errors(tmp_path: Path) -> None:
    np.save(tmp_path / "object.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "object.npz", x=np.array([{}, {}], dtype=object))
    for name in ("object.npy", "object.npz"):
        with pytest.raises(EccentricError, match=rf"{name} contains Python objects, which are not unpickled"):
            load(tmp_path / name)
    np.save(tmp_path / "cut.npy", np.eye(30))
    np.savez(tmp_path / "cut.npz", x=np.eye(30))
    for name in ("cut.npy", "cut.npz"):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:300])
        with pytest.raises(EccentricError, match=rf"{name} is not a readable \.np. file \(.*\); write the file again"):
            load(path)
        path.write_bytes(b"")
        with pytest.raises(EccentricError, match=rf"{name} is not a readable \.np. file \(.*\); write the file again"):
            load(path)
    np.savez(tmp_path / "named.npz", one=np.eye(3), two=np.eye(3))
    with pytest.raises(EccentricError, match=r"has the arrays 'one', 'two'; name the data x \(or X, images, data\)"):
        load(tmp_path / "named.npz")
    np.savez(tmp_path / "x.npz", x=np.eye(3), y=np.arange(3))
    with pytest.raises(UsageError, match=r"x\.npz has no array 'kind' \(--label\); it has 'x', 'y'"):
        load(tmp_path / "x.npz", label="kind")
    np.save(tmp_path / "x.npy", np.eye(3))
    with pytest.raises(UsageError, match=r"x\.npy holds one array and no labels; give an \.npz with arrays x and kind"):
        load(tmp_path / "x.npy", label="kind")
    with pytest.raises(UsageError, match=r"x\.npy is an array without named columns; --drop needs a table"):
        load(tmp_path / "x.npy", drop=["a"])
    np.savez(tmp_path / "short.npz", x=np.eye(3), y=np.arange(2))
    with pytest.raises(EccentricError, match=r"short\.npz has 3 items but labels of shape \(2,\)"):
        load(tmp_path / "short.npz")


# --- .csv and .parquet ----------------------------------------------------------------------------------------------

TABLE = "name,height,heavy,age,class\nann,1.5,true,3,cat\nbob,2.5,false,4,dog\ncid,3.5,true,9,cat\n"


@pytest.mark.parametrize("kind", ["csv", "parquet", "folder"])
def test_table(tmp_path: Path, kind: str) -> None:
    path = write_csv(tmp_path / "pets.csv", TABLE)
    if kind == "parquet":
        path = tmp_path / "pets.parquet"
        pq.write_table(csv.read_csv(tmp_path / "pets.csv"), path)
    data = load(tmp_path if kind == "folder" else path, drop=["name"])
    assert data.feature_names == ["height", "heavy", "age"]
    assert data.shape == (3,)
    assert data.label == "class"
    assert data.label_names == ["cat", "dog"]
    assert {row: x.tolist() for row, x in items(data).items()} == {0: [1.5, 1, 3], 1: [2.5, 0, 4], 2: [3.5, 1, 9]}
    if kind != "folder":
        assert data.name == "pets"


def test_a_folder_may_be_called_like_a_builder_of_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "data.jsonl").write_text('{"a": 1, "b": 2}\n{"a": 3, "b": 5}\n')
    monkeypatch.chdir(tmp_path)
    data = load("json")
    assert (data.name, data.feature_names) == ("json", ["a", "b"])


def test_other_separators(tmp_path: Path) -> None:
    for sep in ";\t":
        data = load(write_csv(tmp_path / "a.csv", f"a{sep}b\n1{sep}2\n3{sep}4\n"))
        assert data.feature_names == ["a", "b"]


def test_a_column_called_y_that_is_no_category_stays(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i / 7},{i * i}\n" for i in range(30))
    data = load(write_csv(tmp_path / "points.csv", "x,y,z\n" + rows))
    assert data.feature_names == ["x", "y", "z"]
    assert data.label is None
    assert data.notes == ["column 'y' has the name of a label but contains fractions, so it is not used as labels"]
    with pytest.raises(
        EccentricError, match=r"'y' contains fractions \(0, .*, \.\.\.\), but labels must be categories"
    ):
        load(tmp_path / "points.csv", label="y")
    assert load(tmp_path / "points.csv", label="").feature_names == ["x", "y", "z"]


def test_notes_on_tables(tmp_path: Path) -> None:
    text = ",a,b,c\n0,1,5,2\n1,1,5,3\n2,1,5,4\n"  # pandas' index first
    data = load(write_csv(tmp_path / "a.csv", text))
    assert data.feature_names == ["a", "b", "c"]
    assert data.notes == [
        "column '' left out: it contains the row numbers that pandas writes",
        "2 columns are constant: 'a', 'b'",
    ]


def test_text_in_a_table(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "pets.csv", TABLE.replace("class", "species"))
    line = (
        r"pets\.csv: 2 columns hold no numbers: 'name', 'species' \('ann' in row 0\); "
        r"use one as the label \(--label NAME\), or leave out columns \(--drop name,species\)"
    )
    with pytest.raises(EccentricError, match=line):
        load(path)
    assert load(path, label="species", drop=["name"]).feature_names == ["height", "heavy", "age"]
    path = write_csv(tmp_path / "slip.csv", "a,b\n1,2\n3,n.d.\n5,6\n")
    with pytest.raises(EccentricError, match=r"1 column holds no numbers: 'b' \('n\.d\.' in row 1\)"):
        load(path)
    many = ",".join(f"c{i}" for i in range(9)) + "\n" + 3 * (",".join("t" * 9) + "\n")
    with pytest.raises(
        EccentricError, match=r"9 columns hold no numbers: 'c0', .* 'c5' and 3 more .*--drop c0,.*,c5,\.\.\."
    ):
        load(write_csv(tmp_path / "many.csv", many))


def test_missing_values(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "a,b\n1,2\n3,\n5,6\n7,nan\n")
    with pytest.raises(
        EccentricError, match=r"a\.csv: column 'b' is (empty|nan) in row \d.*; fill it, or remove the row or"
    ):
        load(path)
    table = pa.table({"a": [1, 2, 3], "b": pa.array([1.0, None, float("inf")])})
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(table, tmp_path / "b.parquet")
    seen = set()
    for seed in range(8):  # whichever side the rows fall on
        with pytest.raises(EccentricError, match=r"column 'b' is (empty in row 1|inf in row 2)") as error:
            load(tmp_path / "a.parquet", seed=seed)
        seen.add(str(error.value))
    assert len(seen) >= 2
    with pytest.raises(EccentricError, match=r"column 'a' is empty in row"):
        load(write_csv(tmp_path / "void.csv", "a,b\n,2\n,3\n"))
    pq.write_table(pa.table({"a": [1, 2, 3], "class": ["u", None, "v"]}), tmp_path / "c.parquet")
    with pytest.raises(EccentricError, match=r"label 'class' is missing in row 1"):
        load(tmp_path / "c.parquet")


def test_column_names(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "pets.csv", TABLE)
    with pytest.raises(UsageError, match=r"has no column 'hieght' \(--label\); it has .*; did you mean 'height'\?"):
        load(path, label="hieght")
    with pytest.raises(UsageError, match=r"has no column 'colour' \(--drop\); it has 'name', 'height'"):
        load(path, drop=["colour"])
    with pytest.raises(UsageError, match=r"'class' cannot be the label and be dropped"):
        load(path, label="class", drop=["class"])
    with pytest.raises(EccentricError, match=r"no columns left to learn from; drop fewer"):
        load(path, drop=["name", "height", "heavy", "age"])
    with pytest.raises(UsageError, match=r"pets\.csv is a table, but image_size \d+x\d+ needs images"):
        load(path, image_size=8)
    lists = pa.table({"a": [1, 2], "b": [[1], [2]]})
    pq.write_table(lists, tmp_path / "lists.parquet")
    with pytest.raises(UsageError, match=r"column 'b' has type list<.*>; a label must be text, a number or a bool"):
        load(tmp_path / "lists.parquet", label="b")
    with pytest.raises(EccentricError, match=r"1 column holds no numbers: 'b' \(list<"):
        load(tmp_path / "lists.parquet")


def test_broken_tables(tmp_path: Path) -> None:
    with pytest.raises(EccentricError, match=r"a\.csv or its first line is empty"):
        load(write_csv(tmp_path / "a.csv", ""))
    with pytest.raises(
        EccentricError, match=r"a\.csv is not a readable \.csv file \(CSV parse error: .*\); write the file again"
    ):
        load(write_csv(tmp_path / "a.csv", "a,b\n1,2\n3\n"))
    with pytest.raises(EccentricError, match=r"a\.csv has 1 row; at least 2 are needed"):
        load(write_csv(tmp_path / "a.csv", "a,b\n1,2\n"))
    for text in ("5.1,3.5\n4.9,3.0\n1,2\n", "0,0\n1,1\n2,3\n"):
        with pytest.raises(EccentricError, match=r"the first line contains numbers, but it must name the columns"):
            load(write_csv(tmp_path / "a.csv", text))
    assert load(write_csv(tmp_path / "a.csv", "0,1\n5,6\n7,8\n")).feature_names == ["0", "1"]  # pandas names them so
    with pytest.raises(EccentricError, match=r"has more than one column named 'a'; rename them"):
        load(write_csv(tmp_path / "a.csv", "a,a\n1,2\n3,4\n"))
    (tmp_path / "a.csv").write_text("a,b\n1,2\n", encoding="utf-16")
    with pytest.raises(EccentricError, match=r"a\.csv is not text in UTF-8 \(line 1: .*\); save it in that encoding"):
        load(tmp_path / "a.csv")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(
        EccentricError, match=r"a\.parquet is not a readable \.parquet file \(.*\); write the file again"
    ):
        load(tmp_path / "a.parquet")


# --- folders and names that cannot be read ----------------------------------------------------------------------------


def test_folder_errors(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EccentricError, match=r"folder .* is empty"):
        load(tmp_path)
    (tmp_path / "a.doc").write_text("")
    with pytest.raises(EccentricError, match=r"folder .* contains neither images nor data files"):
        load(tmp_path)
    (tmp_path / "train.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(
        EccentricError, match=r"train\.parquet is not a readable \.parquet file \(.*\); write the file again"
    ):
        load(tmp_path)
    assert capfd.readouterr().err == ""  # the line is all there is
    (tmp_path / "train.parquet").unlink()
    write_csv(tmp_path / "train.csv", "a,b\n1,2\n3,4,5\n")
    with pytest.raises(EccentricError, match=r"train\.csv is not a readable \.csv file \(.+\)") as error:
        load(tmp_path)
    assert "\n" not in str(error.value)
    write_csv(tmp_path / "train.csv", "a,b\n1,2\n")
    for other in ("a,c\n1,2\n", "a,c,d\n1,2,3\n"):
        write_csv(tmp_path / "train-2.csv", other)
        with pytest.raises(EccentricError, match=r"could not be read \(its files do not have the same columns\)"):
            load(tmp_path)


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / name / "a.png")
    access = os.access  # root may read everything, so the test says what the system would
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "dogs" and access(path, mode))
    with pytest.raises(EccentricError, match=r"folder .*dogs: permission denied; change its permissions"):
        load(tmp_path)


def test_configurations(tmp_path: Path) -> None:
    make_celeba(tmp_path)
    with pytest.raises(EccentricError, match=r"'nope' not found\. Available: .*official_partition.*; write .*:NAME"):
        load(f"{tmp_path}:nope")
    card = (tmp_path / "README.md").read_text().replace("  default: true\n", "")
    (tmp_path / "README.md").write_text(card)
    with pytest.raises(EccentricError, match=r"Config name is missing.*; write .*:NAME") as error:
        load(tmp_path)
    assert "\n" not in str(error.value)
    images = tmp_path / "images"
    save_images(images, grey(3))
    with pytest.raises(UsageError, match=r"contains images only, so there is no configuration 'nope'"):
        load(f"{images}:nope")
    with pytest.raises(UsageError, match=r"digits has no configuration 'nope'"):
        load("digits:nope")


def test_names_that_are_no_paths(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'~nosuch/x\.csv' is neither an existing path"):
        load("~nosuch/x.csv")
    with pytest.raises(UsageError, match=r"is neither an existing path"):
        load("a\0b")
    with pytest.raises(UsageError, match=r"cannot be a path \(File name too long\)"):
        load("a" * 5000)
    with pytest.raises(UsageError, match=r"the path .* is not valid UTF-8"):
        load(os.fsdecode(b"a\xff.csv"))
    save_images(tmp_path, grey(3))
    (tmp_path / os.fsdecode(b"b\xff.png")).write_bytes(png(grey(1)[0]))
    with pytest.raises(EccentricError, match=r"the name of .* is not valid UTF-8; rename the file"):
        load(tmp_path)


def test_unknown_sources(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'mnsit' is neither an existing path nor .*; did you mean 'mnist'\?"):
        load("mnsit")
    for missing in ("data/pets.csv", "./a/b", str(tmp_path / "gone"), Path("mnist-of-mine")):
        with pytest.raises(
            UsageError, match=r"is neither an existing path nor the name of a data set \(digits, mnist, celeba"
        ):
            load(missing)
    with pytest.raises(UsageError, match=r"no data given; give the name of a data set"):
        load("")
    (tmp_path / "a.xls").write_text("")
    with pytest.raises(UsageError, match=r"a\.xls: unknown file type; give \.npy, \.npz, .* or a folder"):
        load(tmp_path / "a.xls")
    save_images(tmp_path, grey(1))
    with pytest.raises(UsageError, match=r"000\.png is a single image; give the folder that contains it"):
        load(tmp_path / "000.png")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"test_fraction": 0.0}, r"test_fraction must lie between 0 and 1, not 0\.0"),
        ({"test_fraction": 1.0}, r"test_fraction must lie between 0 and 1, not 1\.0"),
        ({"seed": -1}, r"seed must not be negative, but is -1"),
        ({"image_size": 0}, r"image_size must be one or two positive numbers of pixels, not 0"),
        ({"image_size": 16.5}, r"image_size must be one or two positive numbers of pixels, not 16\.5"),
        ({"image_size": (1, 2, 3)}, r"image_size must be one or two positive"),
        ({"feature_names": ["a"]}, r"arrays has 3 columns, but 1 feature_names are given"),
        ({"image_size": 8}, r"arrays is a table, but image_size 8x8 needs images"),
    ],
)
def test_bad_options(options: dict[str, object], line: str) -> None:
    with pytest.raises(UsageError, match=line):
        from_arrays(np.eye(3), **options)  # type: ignore[arg-type]


# --- which source wins ----------------------------------------------------------------------------------------------


def test_data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_mnist(tmp_path / "mnist")
    (tmp_path / "pets").mkdir()
    write_csv(tmp_path / "pets" / "pets.csv", "a,b\n1,2\n3,4\n")
    monkeypatch.setenv("ECCENTRIC_DATA", str(tmp_path))
    assert load("mnist").name == "mnist"
    assert len(load("mnist").train.x) == 7
    assert load("pets").feature_names == ["a", "b"]  # other folders there have names, too


def test_names_win_over_paths_and_paths_over_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_images(tmp_path / "digits", grey(4, 5, 5))
    save_images(tmp_path / "someone" / "something", grey(4, 6, 6))
    monkeypatch.chdir(tmp_path)
    data = load("digits")
    assert data.shape == (1, 8, 8)
    assert data.notes == [
        "the data set named 'digits' was read, not the local path of that name (write ./digits for the path)"
    ]
    assert load("./digits").shape == load(Path("digits")).shape == (1, 5, 5)
    assert load("someone/something").shape == (1, 6, 6)


def run_python(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **env},
        timeout=120,
    )


def test_the_hub_offline_is_one_line(tmp_path: Path) -> None:
    code = """
from eccentric.data import load
from eccentric.errors import EccentricError
for source in ("mnist", "someone/something"):
    try:
        load(source)
    except EccentricError as error:
        print(error)
"""
    done = run_python(code, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    first, second = done.stdout.strip().splitlines()
    assert first.startswith("ylecun/mnist could not be read from the Hugging Face hub (")
    assert first.endswith("give a local folder, or set ECCENTRIC_DATA to a folder that contains a folder 'mnist'")
    assert second.startswith("someone/something could not be read from the Hugging Face hub (")
    assert second.endswith("); give a local folder instead")
    assert "Traceback" not in done.stderr


def test_importing_loads_no_data_library() -> None:
    code = """
import sys, eccentric.data
print([m for m in ("datasets", "PIL", "pyarrow", "pandas", "sklearn", "jaxtyping") if m in sys.modules])
"""
    done = run_python(code)
    assert done.stdout.strip() == "[]", done.stderr


# --- the real sets --------------------------------------------------------------------------------------------------


@pytest.mark.realdata
def test_real_mnist() -> None:
    data = load(real("mnist"))
    assert data.shape == (1, 28, 28)
    assert data.label == "label"
    assert data.notes == []
    assert data.train.labels is not None
    assert data.test.labels is not None
    assert np.bincount(data.train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # Of the original IDX files, rebuilt from what was loaded
    for side, md5 in (
        (data.train, "6bbc9ace898e44ae57da46a324031adb"),
        (data.test, "2646ac647ad5339dbf082846283269ea"),
    ):
        header = np.array([2051, len(side.x), 28, 28], dtype=">i4").tobytes()
        assert hashlib.md5(header + side.x.numpy().tobytes()).hexdigest() == md5


@pytest.mark.realdata
def test_real_celeba(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = real("celeba")
    monkeypatch.setenv("ECCENTRIC_DATA", str(folder.parent))
    data = load("celeba")
    assert data.shape == (3, 64, 64)
    assert data.label == "Smiling"
    assert (len(data.train.x), len(data.test.x)) == (8052, 945)
    assert data.notes == ["split 'valid' (1,003 rows) left unused"]

    # All 40 attributes can be chosen; only the small test file is read for each.
    path = next((folder / "img_align+identity+attr").glob("test-*.parquet"))
    table = pq.read_table(path)
    attributes = table.column_names[2:]
    assert len(attributes) == 40
    small = tmp_path / "small.parquet"
    pq.write_table(table.slice(0, 20), small)
    for attribute in attributes:
        chosen = load(small, label=attribute)
        assert chosen.label == attribute
        assert chosen.label_names == ["False", "True"]
        assert chosen.test.labels is not None
        want = table[attribute].to_numpy()[chosen.test.rows]
        np.testing.assert_array_equal(chosen.test.labels, want)


@pytest.mark.realdata
def test_real_gene_expression() -> None:
    folder = real("pbmc68k_reduced")
    with pytest.raises(
        EccentricError, match=r"4 columns hold no numbers: 'cell_id', 'bulk_labels', 'louvain', 'phase'"
    ):
        load(folder)
    data = load(folder, label="bulk_labels", drop=["cell_id", "louvain", "phase"])
    assert data.shape == (770,)
    assert len(data.train.x) + len(data.test.x) == 700
    assert len(data.label_names) == 10
    assert data.feature_names[:2] == ["n_genes", "n_counts"]
