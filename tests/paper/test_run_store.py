"""Runs by name, found again, resumed, shared; and mistakes in one line."""

import dataclasses
import json
import shutil

import pytest
import torch

from eccentric.data import load
from eccentric.errors import EccentricError, UsageError
from eccentric.paper import RunStore, Scale, Spec, find_items, published, reproduce
from eccentric.paper.items import Item
from eccentric.paper.milestones import KEPT, complete_milestone, milestone_path
from eccentric.paper.results import Result
from eccentric.paper.run_store import Progress, Stopped
from eccentric.paper.scale import data_sources, numbers_by_role
from eccentric.training import Run, Stop, train

SPEC = Spec("mnist", 2, 0.001, 1.0, seed=3)


def tiny(folder, **scale):
    return RunStore(folder, Scale.small(**{"epochs": 1, "device": "cpu", **scale}))


def test_a_run_s_name_says_what_it_is(tmp_path):
    path = tiny(tmp_path).path(SPEC)
    assert path == tmp_path / "runs" / "digits-d2-weight0.001-mu1-fast-1epochs-seed3"
    at_large = RunStore(tmp_path)
    assert at_large.path(SPEC).name == "mnist-d2-weight0.001-mu1-fast-100epochs-seed3"
    assert at_large.path(dataclasses.replace(SPEC, role="celeba")).name.startswith("celeba-d2-weight0.001-mu1-fast-10")
    in_few = RunStore(tmp_path, Scale(epochs=1, batch_size=20))
    assert in_few.path(SPEC).name == "mnist-d2-weight0.001-mu1-fast-1epochs-batch20-seed3"
    assert in_few.settings(SPEC).batch_size == 20
    faces = dataclasses.replace(SPEC, role="celeba")
    narrow = RunStore(tmp_path, Scale(epochs={"celeba": 3}, batch_size={"celeba": 20}, width=0.25))
    assert narrow.path(faces).name == "celeba-d2-width0.25-weight0.001-mu1-fast-3epochs-batch20-seed3"
    assert narrow.path(SPEC).name == "mnist-d2-weight0.001-mu1-fast-100epochs-seed3"
    assert (narrow.settings(faces).width, narrow.settings(SPEC).width) == (0.25, 1.0)
    to_the_letter = RunStore(tmp_path, Scale(recipe="paper"))
    assert to_the_letter.path(SPEC).name == "mnist-d2-weight0.001-mu1-paper-1000epochs-seed3"
    assert to_the_letter.settings(SPEC).learning_rate == 1e-4


def test_at_the_paper_s_scale_there_are_as_many_runs_as_in_the_paper(tmp_path):
    counts = {item.name: len(item.specs(RunStore(tmp_path))) for item in find_items(["all"])}
    assert counts == {
        "fig1": 0, "fig2": 0, "fig3": 6, "fig4": 0, "fig5": 16, "fig6": 8, "fig7": 4, "fig8": 3, "fig9": 1,
        "table1": 28, "table2": 16, "table3": 12, "table4": 16, "table5": 1,
    }  # fmt: skip
    assert sum(published.RUNS.values()) == 14


def test_a_finished_run_is_found_and_not_trained_again(store, tmp_path, monkeypatch):
    spec = Spec("mnist", 2, published.DIGIT_WEIGHT, published.DIGIT_MU, seed=0)
    shutil.copytree(store.path(spec), tmp_path / "runs" / store.path(spec).name)
    monkeypatch.setattr("eccentric.paper.run_store.train", None)
    again = RunStore(tmp_path, store.scale)
    assert again.missing([spec, spec]) == []
    assert again.run(spec).components.dim == 2
    assert again.used == {spec: again.used[spec]}


def test_a_run_on_other_data_of_the_same_name_is_refused(store, tmp_path):
    spec = Spec("mnist", 2, published.DIGIT_WEIGHT, published.DIGIT_MU, seed=0)
    path = shutil.copytree(store.path(spec), tmp_path / "runs" / store.path(spec).name)
    config = json.loads((path / "config.json").read_text())
    config["data"]["fingerprint"] = "another"
    (path / "config.json").write_text(json.dumps(config))
    again = RunStore(tmp_path, store.scale)
    assert again.run(spec).config == config  # the data are not read to find out
    again.data("mnist")
    with pytest.raises(UsageError, match="trained on other data than the current digits"):
        again.run(spec)


def test_progress_and_stopping_and_going_on(tmp_path):
    stop = Stop()
    seen: list[Progress] = []
    shop = RunStore(tmp_path, Scale.small(epochs=2, device="cpu"), stop=stop, on_progress=seen.append)
    shop.expect([SPEC])

    def ask(progress):
        seen.append(progress)
        stop.asked = progress.metrics is not None

    shop._on_progress = ask
    with pytest.raises(Stopped, match="rerun the command to resume"):
        shop.run(SPEC)
    assert shop.missing([SPEC]) == [SPEC]
    assert (seen[0].done, seen[0].total, seen[0].fraction, seen[0].epochs) == (0, 1, 0.0, 2)
    assert 0 < seen[-1].fraction < 1

    later = RunStore(tmp_path, shop.scale, on_progress=seen.append)
    assert later.run(SPEC).config["status"] == "finished"
    assert seen[-1].fraction == 1


def test_one_item_that_fails_does_not_keep_others_from_being_made(tmp_path):
    def fail(store):
        raise EccentricError("no such data")

    bad, good = Item("fig1", "bad", "", fail), Item("fig2", "good", "", lambda store: Result())
    with pytest.raises(EccentricError, match="fig1 not made: no such data"):
        reproduce([bad, good], tiny(tmp_path))
    assert (tmp_path / "fig2" / "result.json").exists()
    assert not (tmp_path / "fig1").exists()
    with pytest.raises(EccentricError, match=r"^no such data$"):
        reproduce([bad], tiny(tmp_path))


def test_data_that_cannot_be_read_are_one_line(tmp_path):
    shop = RunStore(tmp_path, Scale(data={"celeba": str(tmp_path / "nowhere")}))
    with pytest.raises(UsageError, match="nowhere"):
        reproduce(find_items(["fig9"]), shop)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], {}),
        (["digits"], {"mnist": "digits", "celeba": "digits"}),
        (["celeba=/data/faces"], {"celeba": "/data/faces"}),
        (["digits", "mnist=mnist"], {"mnist": "mnist", "celeba": "digits"}),
    ],
)
def test_data_by_name(texts, expected):
    assert data_sources(texts) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], None),
        (["10"], 10),
        (["celeba=20"], {"celeba": 20}),
        (["10", "celeba=20"], {"mnist": 10, "celeba": 20}),
        (["mnist=5", "celeba=5"], 5),
    ],
)
def test_numbers_by_data_set(texts, expected):
    assert numbers_by_role("--epochs", texts) == expected


def test_a_run_is_kept_at_its_milestones(tmp_path):
    straight = tiny(tmp_path / "straight", epochs=4).run(SPEC)
    assert sorted(path.name for path in (straight.path / "milestones").iterdir()) == ["1", "3"]
    early = Run(milestone_path(straight.path, 1))
    assert len(early.latents("test").p) == len(straight.latents("test").p)
    assert early.evaluation["test_reconstruction"] == pytest.approx(
        float(straight.metrics["test_reconstruction"][straight.metrics["epoch"] == 1][-1])
    )
    undisturbed = train(load("digits"), tiny(tmp_path, epochs=4).settings(SPEC), tmp_path / "undisturbed")
    assert torch.equal(undisturbed.components.eigenvalues, straight.components.eigenvalues)


def test_a_copy_that_a_kill_interrupted_is_completed(tmp_path):
    for name in KEPT:
        (tmp_path / name).write_text(json.dumps({"status": "stopped after 21 steps"}))
    complete_milestone(tmp_path, 8)
    assert not (tmp_path / "milestones").exists()
    milestone_path(tmp_path, 3).mkdir(parents=True)
    (milestone_path(tmp_path, 3) / ".latents.parquet.abcd1234.parquet").write_text("half")
    complete_milestone(tmp_path, 7)
    assert {path.name for path in milestone_path(tmp_path, 3).iterdir()} == {*KEPT}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: data_sources(["cifar=x"]), "the paper has no data set 'cifar'"),
        (lambda: numbers_by_role("--epochs", ["cifar=3"]), "the paper has no data set 'cifar'"),
        (lambda: numbers_by_role("--epochs", ["celeba=x"]), "'x' is not a whole number"),
        (lambda: Scale(epochs={"celeba": 0}), "epochs must be at least 1, not 0"),
        (lambda: Scale(runs={"cifar": 1}), "the paper has no data set 'cifar'"),
        (lambda: Scale(width=0), "width must be positive, not 0"),
        (lambda: Scale(runs=0), "runs must be at least 1, not 0"),
        (lambda: Scale(epochs=0), "epochs must be at least 1"),
        (lambda: Scale(batch_size=1), "batch_size must be at least 2, not 1"),
        (lambda: Scale(fid_weights="nowhere.pth"), r"fid_weights: there is no file nowhere\.pth"),
        (lambda: Scale(recipe="slow"), "unknown recipe 'slow'; choose one of paper, fast"),
        (lambda: Scale(data={"cifar": "x"}), "the paper has no data set 'cifar'"),
        (lambda: find_items(["fig10"]), "the paper has no item 'fig10'"),
        (lambda: find_items(["tabel1"]), "did you mean table1"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(UsageError, match=message):
        make()


def test_all_is_every_item_once():
    assert [item.name for item in find_items(["table1", "all", "fig1"])][:2] == ["table1", "fig1"]
    assert len(find_items(["all", "all"])) == 14


def test_one_data_set_can_stand_in_small():
    assert Scale.small(data={"mnist": "mnist"}).data == {"mnist": "mnist", "celeba": "digits"}
    assert Scale.small(runs=3).runs == 3
    assert Scale.small(epochs={"celeba": 3}).epochs == {"mnist": 20, "celeba": 3}


def test_small_images_have_fewer_dimensions(tmp_path):
    assert tiny(tmp_path).face_dim == 16
    assert RunStore(tmp_path).face_dim == 64
