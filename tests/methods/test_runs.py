"""What a run folder makes of a method's traits: the architecture that it needs, and the axes of its components."""

from __future__ import annotations

import pytest
import torch

from eccentric.data import load
from eccentric.errors import UsageError
from eccentric.report.facts import read_facts
from eccentric.report.words import summary
from eccentric.training import TrainConfig, train


@pytest.mark.parametrize(
    ("method", "axes", "architecture"),
    [
        ("nested-dropout", "own", "conv"),
        ("pcaae", "own", "conv"),
        ("linear", "principal", "linear"),
        ("irmae", "principal", "conv"),
    ],
)
def test_traits_of_a_method_in_a_run(method, axes, architecture, tmp_path):
    data = load("digits")
    run = train(data, TrainConfig(method=method, dim=3, epochs=3, width=0.1), tmp_path / "run")
    assert run.components.axes == axes
    assert run.config["train"]["architecture"] == architecture
    model = run.model()
    with torch.no_grad():
        z = model.encode(data.train.x)
    assert (z.var(0) > 0).all()
    words = summary(read_facts(run))
    assert ("in the order in which they were learnt" in words) == (axes == "own")
    assert ("in descending order of variance" in words) == (axes == "principal")
    torch.testing.assert_close(run.components.covariance, z.double().T.cov(), rtol=1e-3, atol=1e-6)


def test_linear_with_another_architecture_is_refused(tmp_path):
    with pytest.raises(UsageError, match="method 'linear' needs architecture 'linear', not 'conv'"):
        train(load("digits"), TrainConfig(method="linear", architecture="conv"), tmp_path / "run")
