from __future__ import annotations

import pytest

from eccentric.data import load
from eccentric.training import TrainConfig, train
from tests.realdata import real


@pytest.mark.slow
@pytest.mark.realdata
def test_one_epoch_of_the_papers_network(tmp_path):
    """The paper's network, weight and mu on MNIST, d = 6: after an epoch the trace is near d, and PCA is behind."""
    config = TrainConfig(dim=6, epochs=1, learning_rate=1e-3)
    run = train(load(real("mnist")), config, tmp_path / "run")
    assert run.components.eigenvalues.sum().item() == pytest.approx(6, rel=0.1)
    assert run.components.eigenvalues[0] > 1.15
    assert run.evaluation["test_reconstruction"] < 0.03  # 0.0193 after six epochs
    assert run.evaluation["test_reconstruction"] < 0.7 * run.evaluation["pca_test_reconstruction"]
    assert run.evaluation["neighbour_error"] < 0.7 * run.evaluation["pca_neighbour_error"]
