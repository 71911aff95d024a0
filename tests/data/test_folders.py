"""The rule by which folders are read, and what is said of all that is left out."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eccentric.data import load, load_all
from eccentric.data.walking import split_word
from eccentric.errors import EccentricError, UsageError
from tests.data.making import grey, save_images, write_csv

if TYPE_CHECKING:
    from pathlib import Path

ROWS = "a,b\n1,2\n3,5\n4,4\n"


@pytest.mark.parametrize("stray", ["notes.json", "labels.csv", "test_results.csv", "train.jsonl"])
def test_a_stray_table_among_images_is_left_out_and_named(tmp_path: Path, stray: str) -> None:
    save_images(tmp_path, grey(12))
    (tmp_path / stray).write_text("{}" if stray.endswith("json") else "a,b\n1,2\n")
    data = load(tmp_path)
    assert len(data.train.x) + len(data.test.x) == 12
    assert data.notes == [f"1 table left out, beside the images: {stray}"]


def test_tables_about_each_image_do_not_count(tmp_path: Path) -> None:
    save_images(tmp_path, grey(3))
    for i in range(3):
        (tmp_path / f"{i:03}.json").write_text("{}")
    assert load(tmp_path).notes == ["3 tables left out, beside the images: 000.json, 001.json, 002.json"]


@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
def test_few_images_beside_tables_are_refused(tmp_path: Path, name: str) -> None:
    save_images(tmp_path, grey(30 if name.endswith("parquet") else 3))
    (tmp_path / name).write_text(ROWS)
    with pytest.raises(
        UsageError, match=rf"contains \d+ images and also {name}; give the path of such a file, or move"
    ):
        load(tmp_path)


def test_files_are_named_for_each_image(tmp_path: Path) -> None:
    for split, kind, n in (("train", "cat", 3), ("train", "dog", 2), ("test", "cat", 2), ("test", "dog", 1)):
        save_images(tmp_path / split / kind, grey(n))
    data = load(tmp_path)
    assert data.train.files == [f"train/cat/00{i}.png" for i in range(3)] + ["train/dog/000.png", "train/dog/001.png"]
    assert data.test.files == ["test/cat/000.png", "test/cat/001.png", "test/dog/000.png"]
    assert load_all(tmp_path).splits["test"].files == data.test.files
    held_out = load(tmp_path / "train", test_fraction=0.4)
    assert [held_out.test.files[i] for i in range(2)] == [  # type: ignore[index]
        f"{'cat' if row < 3 else 'dog'}/00{row % 3}.png" for row in held_out.test.rows
    ]
    assert load(write_csv(tmp_path / "a.csv", ROWS)).train.files is None


def test_images_beside_train_and_test_are_left_out(tmp_path: Path) -> None:
    for folder in ("train", "test", "extra"):
        save_images(tmp_path / folder, grey(3))
    save_images(tmp_path, grey(1))
    data = load(tmp_path)
    assert data.split == "the data set's own splits"
    assert (len(data.train.x), len(data.test.x)) == (3, 3)
    assert data.notes == [
        "4 images left out, outside of 'test', 'train': 000.png, extra/000.png, extra/001.png and 1 more"
    ]


@pytest.mark.parametrize("layout", ["{split}/{kind}", "{kind}/{split}", "data/{split}/{kind}", "{split}_images/{kind}"])
def test_splits_and_classes_at_either_level(tmp_path: Path, layout: str) -> None:
    for split, n in (("train", 3), ("test", 2)):
        for kind in ("cat", "dog"):
            save_images(tmp_path / layout.format(split=split, kind=kind), grey(n))
    data = load(tmp_path)
    assert (len(data.train.x), len(data.test.x)) == (6, 4)
    assert data.label_names == ["cat", "dog"]
    assert data.notes == []


def test_a_class_called_train_is_a_class(tmp_path: Path) -> None:
    for kind in ("car", "plane", "train"):
        save_images(tmp_path / kind, grey(3))
    data = load(tmp_path)
    assert data.label_names == ["car", "plane", "train"]
    assert data.split == "20 % held out at random, seed 0"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("train", "train"),
        ("seg_train", "train"),
        ("train2017", "train"),
        ("test-00000-of-00002", "test"),
        ("Val", "val"),
        ("contest", None),
        ("train_test", None),
        ("2017", None),
    ],
)
def test_split_words(name: str, word: str | None) -> None:
    assert split_word(name) == word


def test_linked_folders_are_read_and_loops_are_not(tmp_path: Path) -> None:
    save_images(tmp_path / "elsewhere" / "dog", grey(2))
    save_images(tmp_path / "pets" / "cat", grey(2))
    (tmp_path / "pets" / "dog").symlink_to(tmp_path / "elsewhere" / "dog")
    (tmp_path / "pets" / "cat" / "again").symlink_to(tmp_path / "pets")
    (tmp_path / "pets" / "gone.png").symlink_to(tmp_path / "nowhere")
    data = load(tmp_path / "pets")
    assert data.label_names == ["cat", "dog"]
    assert len(data.train.x) + len(data.test.x) == 4
    assert data.notes == [
        "1 link left out, link to a parent folder: cat/again",
        "1 entry left out, neither file nor folder: gone.png",
    ]


def test_a_maze_of_links_ends(tmp_path: Path) -> None:
    folders = [tmp_path / "maze" / str(i) for i in range(6)]
    for folder in folders:
        save_images(folder, grey(1))
    for folder in folders:
        for other in folders:
            (folder / f"to{other.name}").symlink_to(other)
    with pytest.raises(EccentricError, match=r"links reach .* more than 16 times; remove them"):
        load(tmp_path / "maze")


def test_special_files_do_not_hang(tmp_path: Path) -> None:
    save_images(tmp_path, grey(3))
    os.mkfifo(tmp_path / "pipe.png")
    assert load(tmp_path).notes == ["1 entry left out, neither file nor folder: pipe.png"]
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UsageError, match=r"pipe\.csv is not a regular file"):
        load(tmp_path / "pipe.csv")


def test_training_runs_are_no_data(tmp_path: Path) -> None:
    save_images(tmp_path, grey(4))
    save_images(tmp_path / "run" / "figures", grey(3))
    write_csv(tmp_path / "run" / "metrics.csv", ROWS)
    (tmp_path / "run" / "config.json").write_text(json.dumps({"train": {}, "feature_names": []}))
    data = load(tmp_path)
    assert len(data.train.x) + len(data.test.x) == 4
    assert data.notes == ["1 folder left out, written by a training run: run"]
    with pytest.raises(UsageError, match=r"run is a training run and not a data set"):
        load(tmp_path / "run")


# --- tables ---------------------------------------------------------------------------------------------------------


def test_tables_called_train_and_test(tmp_path: Path) -> None:
    for name in ("my_train-1", "my_train-2", "my_test"):
        write_csv(tmp_path / f"{name}.csv", ROWS)
    data = load(tmp_path)
    assert data.split == "the data set's own splits"
    assert (len(data.train.x), len(data.test.x)) == (6, 3)


def test_tables_of_which_some_say_test(tmp_path: Path) -> None:
    for name in ("blood_test", "urine_test"):  # nothing says train: they are one table
        write_csv(tmp_path / f"{name}.csv", ROWS)
    assert len(load(tmp_path).train.x) + len(load(tmp_path).test.x) == 6
    write_csv(tmp_path / "train.csv", ROWS)
    assert load(tmp_path).split == "the data set's own splits"
    write_csv(tmp_path / "more.csv", ROWS)
    with pytest.raises(UsageError, match=r"no split contains more\.csv, while other files have train, test or val"):
        load(tmp_path)


def test_tables_one_below_the_other(tmp_path: Path) -> None:
    write_csv(tmp_path / "1.csv", "a,b\n1,2\n")
    write_csv(tmp_path / "2.csv", "b,a\n2.5,1\n")
    (tmp_path / "README.md").write_text("About the data")
    data = load_all(tmp_path)
    assert data.splits["all"].x.tolist() == [[1, 2], [1, 2.5]]
    write_csv(tmp_path / "3.csv", "a,b\nx,2\n")
    with pytest.raises(EccentricError, match=r"the type of a column differs between files"):
        load(tmp_path)


def test_kinds_of_tables_are_not_mixed(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ROWS)
    pq.write_table(pa.table({"a": [1, 2], "b": [2, 3]}), tmp_path / "a.parquet")
    with pytest.raises(
        UsageError, match=r"contains \.csv and \.parquet files \(a\.csv, a\.parquet\); give one of them"
    ):
        load(tmp_path)


def test_a_folder_that_datasets_saved(tmp_path: Path) -> None:
    import datasets

    table = datasets.Dataset.from_dict({"a": [1.0, 2.0, 3.0], "b": [3.0, 5.0, 4.0]})
    datasets.DatasetDict({"train": table, "test": table}).save_to_disk(str(tmp_path / "saved"))
    data = load(tmp_path / "saved")
    assert data.split == "the data set's own splits"
    assert data.train.x.tolist() == [[1, 3], [2, 5], [3, 4]]


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".tsv", ".arrow"])
def test_other_kinds_of_tables(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    records = [{"a": 1, "b": 2.5}, {"a": 3, "b": 4}]
    if suffix == ".json":
        path.write_text(json.dumps(records, indent=1))
    elif suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, records)))
    elif suffix == ".tsv":
        path.write_text("a\tb\n1\t2.5\n3\t4\n")
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, pa.schema({"a": "int64", "b": "double"})) as out:
            out.write_table(pa.table({"a": [1, 3], "b": [2.5, 4]}))
    for source in (path, tmp_path):
        assert load_all(source).splits["all"].x.tolist() == [[1, 2.5], [3, 4]]


def test_json_without_records(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1, 2, 3]")
    with pytest.raises(EccentricError, match=r"a\.json contains no list of records"):
        load(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"a":\n [1, 2]}')
    with pytest.raises(EccentricError, match=r"a\.json is not a readable \.json file"):
        load(tmp_path / "a.json")


# --- metadata -------------------------------------------------------------------------------------------------------


def test_metadata_beside_images(tmp_path: Path) -> None:
    for split in ("train", "test"):
        save_images(tmp_path / split, grey(4))
        write_csv(tmp_path / split / "metadata.csv", "file_name,kind\n002.png,b\n000.png,a\n001.png,b\n")
    data = load(tmp_path, label="kind")
    assert data.split == "the data set's own splits"
    assert data.train.files == ["train/002.png", "train/000.png", "train/001.png"]
    assert data.train.labels is not None
    assert data.train.labels.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(data.train.x[:, 0].numpy(), grey(4)[[2, 0, 1]])
    assert "2 images left out, not named in metadata.csv: test/003.png, train/003.png" in data.notes
    write_csv(tmp_path / "test" / "metadata.csv", "file_name,kind\nnone.png,a\n")
    with pytest.raises(
        EccentricError, match=r"metadata\.csv names 'none\.png' in row 0, but this image does not exist"
    ):
        load(tmp_path)


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    odd = "caf\udce9"
    save_images(tmp_path / "images", grey(12))
    (tmp_path / "images" / f"{odd}.txt").touch()
    assert load(tmp_path / "images").notes == [
        "1 file left out, of other kinds than images: caf\\udce9.txt",
    ]
    (tmp_path / "tables").mkdir()
    write_csv(tmp_path / "tables" / f"{odd}.csv", "a,b\n1,2\n3,5\n")
    with pytest.raises(UsageError, match=r"is not text in UTF-8; rename it, or link to it"):
        load(tmp_path / "tables")


def test_a_single_image_is_not_called_a_row(tmp_path: Path) -> None:
    save_images(tmp_path, grey(1))
    with pytest.raises(EccentricError, match=r"has 1 item; at least 2 are needed$"):
        load(tmp_path)
    (tmp_path / "b.pngg").write_bytes(b"")
    with pytest.raises(EccentricError, match=r"needed; 1 file left out, of other kinds than images: b\.pngg$"):
        load(tmp_path)


def test_all_tables_that_stand_in_the_way_are_named(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text("[]")
    write_csv(tmp_path / "n.csv", ROWS)
    with pytest.raises(UsageError, match=r"contains \.csv and \.json files \(meta\.json, n\.csv\); give one"):
        load(tmp_path)
    save_images(tmp_path, grey(3))
    with pytest.raises(UsageError, match=r"contains 3 images and also meta\.json, n\.csv; give the path"):
        load(tmp_path)
