"""The queue: what comes first, what is left alone, what a stop leaves, and jobs as processes."""

import json
import subprocess
import sys

import pytest

from eccentric.paper import ITEMS, RunStore, Scale, find_items, queue
from eccentric.paper.child import STOPPED
from eccentric.paper.display import left_text
from eccentric.paper.queue import Left, Queue, epochs_done
from eccentric.training import Stop

SCALE = Scale.small(epochs=1, runs=1, device="cpu")


class Done:
    """In place of a process: a job that has ended as soon as one looks, having done what it should or not."""

    def __init__(self, returncode: int) -> None:
        self.returncode = returncode
        self.stdin = Closed()

    def poll(self) -> int:
        return self.returncode


class Closed:
    def close(self) -> None:
        pass


def claims(**holds: list[bool | None]) -> dict[str, dict]:
    return {
        name: {"claims": [{"holds": each} for each in held], "conditions": {"runs": ["another"]}}
        for name, held in holds.items()
    }


@pytest.fixture
def order(tmp_path, monkeypatch):
    """Jobs in the order in which they are begun, all of them as good as done at once."""
    monkeypatch.setattr(queue, "POLL_SECONDS", 0)

    def run(names, known, status=0, jobs=1):
        store = RunStore(tmp_path, SCALE)
        begun: list[str] = []

        def start(self, job, jobs):
            begun.append(job.name)
            (tmp_path / "queue").mkdir(exist_ok=True)
            self._log(job).write_text("error: out of luck\n")
            if job.spec is not None and status == 0:
                path = store.path(job.spec)
                path.mkdir(parents=True)
                (path / "config.json").write_text('{"status": "finished"}')
            return Done(status)

        monkeypatch.setattr(Queue, "_start", start)
        monkeypatch.setattr(Queue, "_pace", lambda self: {})
        return begun, Queue(find_items(names), store, known.get).work_off(jobs)

    return run


def test_the_most_open_claims_for_each_missing_run_come_first(order):
    begun, left = order(["fig1", "fig7", "table5", "fig3"], claims(fig3=[True], table5=[None, False], fig7=[False]))
    assert begun[0] == "fig1"  # needs nothing
    assert begun[1].startswith("digits-d16-weight0.0001")  # table5: two claims, one run
    assert begun[2] == "table5"
    assert [name.split("-")[1] for name in begun[3:7]] == ["d6", "d4", "d8", "d2"]  # fig7: one claim, four runs
    assert begun[7] == "fig7"
    assert begun[-1] == "fig3"  # nothing open, and one of its runs is fig7's
    assert len(begun) == 14
    assert left == Left()


def test_what_was_made_from_the_same_runs_is_not_made_again(order, tmp_path):
    spec = ITEMS["table5"].specs(RunStore(tmp_path, SCALE))[0]
    kept = {"claims": [], "conditions": {"runs": [f"runs/{RunStore(tmp_path, SCALE).path(spec).name}"]}}
    begun, _ = order(["table5", "fig2"], {"table5": kept})
    assert begun == ["fig2"]


def test_a_job_that_fails_is_named_and_not_tried_again(order):
    begun, left = order(["table5", "fig9"], {}, status=1)
    assert len(begun) == 1
    assert left.items == ["table5", "fig9"]
    [reason] = left.failed.values()
    assert reason.startswith("out of luck; see ")


def test_data_that_cannot_be_read_leave_the_other_items(tmp_path):
    scale = Scale(data={"celeba": str(tmp_path / "nowhere")}, epochs=1)
    left = Queue(find_items(["table5"]), RunStore(tmp_path, scale)).work_off(1)
    assert "nowhere" in left.failed["table5"]


def test_jobs_are_processes_that_train_and_make(tmp_path):
    seen: list[tuple[str, str]] = []
    store = RunStore(tmp_path, SCALE)
    left = Queue(find_items(["fig9"]), store, on_job=lambda job, status: seen.append((job.name, status))).work_off(2)
    [spec] = ITEMS["fig9"].specs(store)
    name = store.path(spec).name
    assert seen == [(name, "begun"), (name, "done"), ("fig9", "begun"), ("fig9", "done")]
    assert (tmp_path / "fig9" / "figure.png").exists()
    assert left == Left()
    assert list((tmp_path / "queue").iterdir()) == []
    assert Queue(find_items(["fig9"]), store).work_off(1) == Left()


def test_a_stopped_training_can_be_resumed(tmp_path):
    scale = Scale.small(epochs=100_000, runs=1, device="cpu")
    [spec] = ITEMS["fig9"].specs(RunStore(tmp_path, scale))

    class OnceItTrains(Stop):
        @property
        def asked(self) -> bool:
            return epochs_done(path) > 0

        @asked.setter
        def asked(self, value: bool) -> None:
            pass

    store = RunStore(tmp_path, scale, stop=OnceItTrains())
    path = store.path(spec)
    seen: list[str] = []
    left = Queue(find_items(["fig9"]), store, on_job=lambda job, status: seen.append(status)).work_off(1)
    assert seen == ["begun", "stopped"]
    assert json.loads((path / "config.json").read_text())["status"].startswith("stopped after")
    assert (left.trainings, left.seconds) == (1, None)
    assert 0 < 100_000 - left.epochs == epochs_done(path)
    assert left_text(left) == f"Left: 1 training, {left.epochs} epochs, for fig9; rerun to resume."


def test_no_job_begins_when_time_is_up(tmp_path):
    left = Queue(find_items(["fig9"]), RunStore(tmp_path, SCALE)).work_off(1, 0)
    assert (left.trainings, left.items) == (1, ["fig9"])
    assert not (tmp_path / "queue").exists()


def test_a_request_to_stop_ends_the_queue(tmp_path):
    stop = Stop()
    stop.asked = True
    left = Queue(find_items(["fig9"]), RunStore(tmp_path, SCALE, stop=stop)).work_off(1)
    assert (left.trainings, left.epochs, left.items) == (1, 1, ["fig9"])


def test_a_job_ends_with_whoever_holds_its_input(tmp_path):
    scale = {"epochs": 100_000, "data": {"mnist": "digits", "celeba": "digits"}, "device": "cpu"}
    spec = {"role": "mnist", "dim": 2, "weight": 0.001, "mu": 1.0, "seed": 0}
    order = json.dumps({"folder": str(tmp_path), "scale": scale, "train": spec})
    job = subprocess.run([sys.executable, "-m", "eccentric.paper.child", order], input=b"", timeout=120)
    assert job.returncode == STOPPED
