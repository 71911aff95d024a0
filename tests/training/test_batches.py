from __future__ import annotations

import copy
from itertools import chain

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from eccentric.data.items import ItemSpec
from eccentric.errors import EccentricError, UsageError
from eccentric.models import build_model
from eccentric.training import Stop, TrainConfig, batches, engine
from eccentric.training.batches import Loaded, TensorBatches
from eccentric.training.loop import Training
from eccentric.training.schedule import decay_epoch, epochs_with_decay, rate

CPU = torch.device("cpu")
X = torch.arange(20).reshape(10, 2)


def rows(source, epochs=1, skip=0):
    return [[x[:, 0].tolist() for x in source.epoch(skip)] for _ in range(epochs)]


def test_every_item_once_an_epoch_in_a_new_order():
    first, second = rows(TensorBatches(X, 5, 0, CPU), epochs=2)
    assert sorted(chain(*first)) == sorted(chain(*second)) == X[:, 0].tolist()
    assert first != second
    assert rows(TensorBatches(X, 5, 0, CPU))[0] == first
    assert rows(TensorBatches(X, 5, 1, CPU))[0] != first


def test_the_short_batch_is_left_out():
    source = TensorBatches(X, 4, 0, CPU)
    assert [len(batch) for batch in rows(source)[0]] == [4, 4]
    assert source.steps == 2


def test_ranks_share_the_batches_of_one():
    whole = rows(TensorBatches(X, 5, 0, CPU))[0]
    shares = [rows(TensorBatches(X, 5, 0, CPU, rank, 2))[0] for rank in (0, 1)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(chain(*parts)) == sorted(batch)
    assert [len(part) for part in (shares[0][0], shares[1][0])] == [3, 2]


def test_data_left_on_the_host_come_in_the_same_order(tmp_path, monkeypatch):
    """Memory-mapped and gathered by a process of its own."""
    np.save(tmp_path / "x.npy", X.numpy())
    monkeypatch.setattr(batches, "_fits", lambda x, device: False)
    mapped = torch.from_numpy(np.load(tmp_path / "x.npy", mmap_mode="c"))
    torch.manual_seed(3)
    found = rows(TensorBatches(mapped, 5, 0, CPU), epochs=2)
    after = torch.rand(1)
    monkeypatch.undo()
    assert found == rows(TensorBatches(X, 5, 0, CPU), epochs=2)
    torch.manual_seed(3)
    assert torch.equal(after, torch.rand(1))  # the global random state has no part in it


class Stream(IterableDataset):
    def __iter__(self):
        return iter(X)


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(TensorDataset(X, X[:, 0]), batch_size=3, shuffle=True),
        DataLoader(X, batch_size=3, shuffle=True),  # type: ignore[arg-type]
        DataLoader(Stream(), batch_size=3),
        list(X.split(3)),
    ],
    ids=["pairs", "tensors", "stream", "list"],
)
def test_loaders(loader):
    """Three batches of three; the last item makes no pair."""
    (found,) = rows(Loaded(loader, CPU))
    assert [len(batch) for batch in found] == [3, 3, 3]


@pytest.mark.parametrize(
    "make", [lambda: TensorBatches(X, 2, 0, CPU), lambda: Loaded(DataLoader(TensorDataset(X), 2, True), CPU)]
)
def test_an_epoch_that_was_broken_off_goes_on(make):
    torch.manual_seed(0)
    source = make()
    rows(source)
    state, epoch = None, source.epoch()
    for _ in range(3):
        next(epoch)
    state, random = source.state_dict(), torch.get_rng_state()
    rest = [x[:, 0].tolist() for x in epoch]
    following = rows(source)

    torch.manual_seed(99)
    other = make()
    other.load_state_dict(state)
    torch.set_rng_state(random)
    assert [x[:, 0].tolist() for x in other.epoch(skip=3)] == rest
    assert rows(other) == following


@pytest.mark.parametrize("batch", [{"image": X}, torch.ones(3), [], "abc", [X.numpy()]])
def test_what_is_no_batch(batch):
    with pytest.raises(UsageError, match="a loader must yield tensors of shape") as caught:
        next(Loaded([batch], CPU).epoch())
    assert "\n" not in str(caught.value)


def training(source, **settings):
    config = TrainConfig(**{"dim": 2, "epochs": 2, "device": "cpu", "log_every": 2, "learning_rate": 1e-3, **settings})
    torch.manual_seed(0)
    return Training(
        build_model(ItemSpec("table", (4,)), "mlp", 2, units=(0.0, 255.0)), source, config, engine.start(config, work=0)
    )


def test_training_on_a_stream():
    """The length of an epoch is not known before it ends, also where its last batch fills a row."""
    x = torch.randn(40, 4)

    class Batches(IterableDataset):
        def __iter__(self):
            return iter(x.split(10))

    streamed = list(training(Loaded(DataLoader(Batches(), batch_size=None), CPU)).run(Stop()))
    assert [(row.step, row.epoch) for row in streamed] == [(2, 1), (4, 1), (6, 2), (8, 2)]
    listed = list(training(Loaded(list(x.split(10)), CPU)).run(Stop()))
    assert [row.objective for row in listed] == [row.objective for row in streamed]


def test_a_loader_without_batches():
    with pytest.raises(EccentricError, match="an epoch had no batch with at least two items"):
        list(training(Loaded([], CPU)).run(Stop()))


def test_the_one_cycle_rate_rises_and_falls():
    config = TrainConfig(epochs=10, learning_rate=0.5, schedule="one-cycle")
    rates = [rate(config, step, 100, 10) for step in range(1000)]
    assert np.argmax(rates) == pytest.approx(100, abs=1)
    assert max(rates) == pytest.approx(0.5, rel=0.01)
    assert rates[0] < 0.005
    assert rates[-1] < 1e-5
    assert all(rate(TrainConfig(), step, 100, 10) == TrainConfig().learning_rate for step in (0, 99))


class TestTrapezoid:
    def test_the_rate(self):
        config = TrainConfig(epochs=12, learning_rate=0.5, schedule="trapezoid")
        rates = np.array([rate(config, step, 100, 12) for step in range(1200)])
        assert rates[0] < 0.005
        np.testing.assert_allclose(rates[100:750], 0.5)
        assert (np.diff(rates[800:]) < 0).all()
        assert rates[-1] < 0.002
        assert rate(config, 3, 1, 12) == 0.5  # of few steps, a tenth is for the warm-up

    def test_the_end_can_be_moved(self):
        for epoch in range(1, 40):
            assert decay_epoch(epochs_with_decay(epoch)) == epoch

    def test_a_moved_end_survives_a_checkpoint(self):
        def started():
            torch.manual_seed(0)
            return training(TensorBatches(torch.randn(10, 4), 5, 0, CPU), epochs=50, schedule="trapezoid")

        whole = started()
        for row in whole.run(Stop()):
            if row.epoch == 4:
                whole.decay()
                state = copy.deepcopy(whole.state_dict())
        assert (whole.last_epoch, row.epoch) == (6, 6)
        resumed = started()
        resumed.load_state_dict(state)
        assert [row.epoch for row in resumed.run(Stop())] == [5, 6]
        for name, weights in whole.model.state_dict().items():
            torch.testing.assert_close(resumed.model.state_dict()[name], weights, rtol=0, atol=0)
