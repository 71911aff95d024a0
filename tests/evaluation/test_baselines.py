from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from eccentric.errors import UsageError
from eccentric.evaluation.baselines import fit_kernel_pca, fit_pca


def rows(n: int = 300, seed: int = 0) -> np.ndarray:
    """Rows in eight dimensions along a curved surface of two."""
    random = np.random.default_rng(seed)
    u, v = random.uniform(-1, 1, (2, n))
    curved = np.stack([u, v, u**2, u * v, v**2, np.sin(3 * u), np.cos(3 * v), u + v], 1)
    return curved + 0.01 * random.standard_normal(curved.shape)


def test_pca_is_that_of_scikit_learn():
    x = rows()
    ours, pca = fit_pca(x, 3), PCA(3).fit(x)
    np.testing.assert_allclose(ours.eigenvalues, pca.explained_variance_)
    np.testing.assert_allclose(np.abs(ours.encode(x)), np.abs(pca.transform(x)), atol=1e-9)
    np.testing.assert_allclose(ours.decode(ours.encode(x)), pca.inverse_transform(pca.transform(x)), atol=1e-9)


def test_error_with_the_first_components_is_the_variance_of_the_others():
    x = rows()
    full = PCA().fit(x).explained_variance_ * (len(x) - 1) / len(x)
    expected = [full[k:].sum() / 8 for k in range(1, 9)]
    found = fit_pca(x, 8)
    np.testing.assert_allclose(found.errors(x), expected, atol=1e-12)
    assert found.error(x) == pytest.approx(0, abs=1e-12)
    assert found.error(x, 2) == pytest.approx(expected[1])


def test_kernel_pca_beats_pca_on_a_curved_surface():
    x, test = rows(), rows(2500, seed=1)
    kernel, linear = fit_kernel_pca(x, 3), fit_pca(x, 3)
    assert kernel.name == "kernel-pca"
    assert kernel.encode(test).shape == (2500, 3)
    assert kernel.decode(kernel.encode(test)).shape == test.shape
    assert kernel.error(test) < 0.5 * linear.error(test)


def test_many_features_are_rotated_to_few_without_changing_kernel_pca():
    x = rows(60)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(100, x.shape[1])))[0]
    few, many = fit_kernel_pca(x, 2), fit_kernel_pca(x @ rotation.T, 2)
    np.testing.assert_allclose(many.eigenvalues, few.eigenvalues, rtol=1e-8)
    np.testing.assert_allclose(many.decode(np.ones((1, 2))) @ rotation, few.decode(np.ones((1, 2))), rtol=1e-8)


def test_components_of_kernel_pca_are_ordered_centred_and_uncorrelated():
    x = rows()
    found = fit_kernel_pca(x, 4)
    p = found.encode(x)
    assert (np.diff(found.eigenvalues) <= 0).all()
    np.testing.assert_allclose(p.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(np.cov(p.T), np.diag(found.eigenvalues), atol=1e-9)


def test_kernel_pca_takes_some_of_many_rows():
    x = rows(400)
    few = fit_kernel_pca(x, 2, seed=3, most_rows=60)
    chosen = x[np.random.default_rng(3).permutation(400)[:60]]
    np.testing.assert_allclose(few.eigenvalues, fit_kernel_pca(x, 2, seed=3, most_rows=60).eigenvalues)
    np.testing.assert_allclose(few.eigenvalues, few.encode(chosen).var(0, ddof=1))


def test_what_cannot_be_fitted():
    with pytest.raises(UsageError, match="PCA cannot find 9 components in 300 rows of 8 features"):
        fit_pca(rows(), 9)
    with pytest.raises(UsageError, match="needs more than 5 rows for 4 components, not 5"):
        fit_kernel_pca(rows(5), 4)
    with pytest.raises(UsageError, match="all equal"):
        fit_kernel_pca(np.ones((50, 3)), 2)
