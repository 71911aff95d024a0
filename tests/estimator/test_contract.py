"""The contract: scikit-learn's own checks, none of them excused."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from eccentric import EccentricAutoencoder

pytestmark = pytest.mark.filterwarnings("ignore:constant columns", "ignore:columns whose variance")


# Few epochs, as scikit-learn gives its own iterative estimators in this test; no check is of the quality.
@parametrize_with_checks([EccentricAutoencoder(max_epochs=2, device="cpu")])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([EccentricAutoencoder(device="cpu")])
def test_scikit_learns_checks_as_it_comes(estimator, check):
    check(estimator)
