from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eccentric import DeepComponents
from eccentric.alignment import (
    GAP,
    METHODS,
    Alignment,
    algorithm_1,
    align,
    component_stability,
    cross_correlation,
    similarity,
)

SEEDS = st.integers(0, 10_000)


def encoding(x: np.ndarray) -> np.ndarray:
    """x along its own principal components."""
    z = torch.from_numpy(x)
    return DeepComponents().fit(z).encode(z).numpy()


def runs(seed: int, n: int = 300, d: int = 6, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Two encodings of the same items, alike and not the same."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * np.linspace(1.5, 0.5, d)
    p, q = (encoding(x + noise * rng.normal(size=(n, d))) for _ in range(2))
    return p, q


def signed_permutation(seed: int, d: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.eye(d)[rng.permutation(d)] * rng.choice([-1, 1], d)


def rotation(seed: int, d: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def awkward(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Encodings with ties, constants, copies or columns of whole numbers, small enough for many coincidences."""
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 7))
    p, q = (rng.integers(-1, 2, size=(int(rng.integers(2, 6)), d)).astype(float) for _ in range(2))
    q = np.resize(q, p.shape)
    if rng.random() < 0.5:
        p[:, rng.integers(d)] = 0.1
    if rng.random() < 0.5:
        q[:] = p
    return p, q


def greedy(p: np.ndarray, q: np.ndarray) -> dict[int, int]:
    """Which component of q goes to which of p: the largest absolute covariance first."""
    covariance = np.abs((p - p.mean(0)).T @ (q - q.mean(0)))
    found: dict[int, int] = {}
    for at in np.argsort(-covariance, axis=None):
        i, j = divmod(int(at), covariance.shape[1])
        if i not in found and j not in found.values():
            found[i] = j
    return found


def agreement(p: np.ndarray, q: np.ndarray) -> tuple[float, ...]:
    found = similarity(p, q)
    return found.distance, found.cosine, found.angle, *sorted(found.correlation)


@given(SEEDS, st.sampled_from(METHODS), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_a_signed_permutation_is_undone(seed, method, d):
    q, _ = runs(seed, d=d)
    scrambled = signed_permutation(seed, d)
    found = align(q @ scrambled.T, q, method, gap=0)
    np.testing.assert_array_equal(found.matrix, scrambled.T)
    assert found.permutation is not None
    assert found.signs is not None
    np.testing.assert_array_equal(found.apply(q @ scrambled.T), found.signs * (q @ scrambled.T)[:, found.permutation])
    np.testing.assert_array_equal(found.apply(q @ scrambled.T), q)


@given(SEEDS, st.sampled_from(METHODS))
@settings(max_examples=60, deadline=None)
def test_order_and_signs_of_the_input_do_not_matter(seed, method):
    p, q = runs(seed)
    a, b = signed_permutation(seed, 6), signed_permutation(seed + 1, 6)
    plain = agreement(align(p, q, method).apply(p), q)
    p, q = p @ a.T, q @ b.T
    np.testing.assert_allclose(agreement(align(p, q, method).apply(p), q), plain, rtol=1e-9)


@given(SEEDS, st.sampled_from(METHODS), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_orthogonal_and_determined_for_awkward_input(seed, method, gap):
    p, q = awkward(seed)
    matrix = align(p, q, method, gap=gap).matrix
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-12)
    assert np.isfinite(agreement(p @ matrix.T, q)).all()


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_assignment_beats_the_paper_and_both_beat_nothing(seed):
    p, q = runs(seed, noise=1.0)
    by = {method: similarity(align(p, q, method).apply(p), q).correlation for method in METHODS[:2]}
    assert min(by["paper"].min(), by["assignment"].min()) >= 0
    assert by["assignment"].mean() >= by["paper"].mean() - 1e-12
    assert by["assignment"].mean() >= np.abs(similarity(p, q).correlation).mean() - 1e-12


def test_algorithm_1_by_hand():
    # Covariances between p, in rows, and q. Row and column 1 are led by (2, 1): p2 goes first, negated as -4 is. Then
    # (p1, q2) = 3 stays, and (p3, q3) = -1, which the listing never touches, is made positive too.
    covariance = np.array([[1.0, 3, 0], [-4, 2, 0], [0, 0, -1]])
    x = np.random.default_rng(0).normal(size=(20, 3))
    q = np.linalg.qr(x - x.mean(0))[0]  # centred and orthonormal
    left, right = algorithm_1(q @ covariance.T, q)
    # In the end by variance, p's and q's: 21, 11 and 2.
    np.testing.assert_array_equal(left.matrix, [[0, -1, 0], [1, 0, 0], [0, 0, -1]])
    np.testing.assert_array_equal(right.matrix, np.eye(3))
    np.testing.assert_array_equal(align(q @ covariance.T, q, "paper").matrix, left.matrix)


@given(SEEDS, st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_algorithm_1_is_a_greedy_matching_in_order_of_variance(seed, d):
    rng = np.random.default_rng(seed)
    p, q = rng.normal(size=(2, 30, d))  # unrelated, so that there is much to do
    left, right = algorithm_1(p, q)
    assert left.permutation is not None
    assert right.permutation is not None
    pairs = dict(zip(left.permutation.tolist(), right.permutation.tolist(), strict=True))
    assert pairs == greedy(p, q)
    p, q = left.apply(p), right.apply(q)
    assert (similarity(p, q).correlation >= 0).all()
    assert (np.diff(p.var(0) + q.var(0)) <= 1e-12).all()


@given(SEEDS)
@settings(max_examples=200, deadline=None)
def test_algorithm_1_ends_with_no_two_pairs_to_exchange(seed):
    """Of any two pairs, that which was found first leads over both of their cross-covariances, ties and all."""
    p, q = awkward(seed)
    left, right = algorithm_1(p, q)
    p, q = left.apply(p), right.apply(q)
    size = np.abs((p - p.mean(0)).T @ (q - q.mean(0)))
    leading = np.maximum.outer(size.diagonal(), size.diagonal())
    assert (size <= leading + 1e-12).all()


@pytest.mark.parametrize("p", [np.zeros((5, 4)), np.ones((5, 4)), np.tile([[1.0], [2], [4]], 4), np.eye(6)])
def test_algorithm_1_ends_where_all_is_tied(p):
    np.testing.assert_array_equal(align(p, p, "paper").matrix, np.eye(p.shape[1]))


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_procrustes_turns_back_close_components_and_no_others(seed):
    """Eigenvalues 4, (1, 0.98, 0.95), 0.3; the middle three of the other run are turned. Judged on new items."""
    rng = np.random.default_rng(seed)
    spread = np.sqrt([4, 1, 0.98, 0.95, 0.3])
    train, test = (rng.normal(size=(n, 5)) * spread for n in (4000, 1000))
    turn = np.eye(5)
    turn[1:4, 1:4] = rotation(seed, 3)
    other = {"train": train @ turn.T, "test": test @ turn.T + 0.05 * rng.normal(size=test.shape)}
    found = align(other["train"], train, "procrustes").matrix
    np.testing.assert_allclose(found, turn.T * np.sign(found @ turn).diagonal()[:, None], atol=0.05)
    np.testing.assert_allclose(found @ turn, np.eye(5), atol=0.05)
    np.testing.assert_array_equal(found[0], np.eye(5)[0])
    np.testing.assert_array_equal(found[4], np.eye(5)[4])
    assert similarity(other["test"] @ found.T, test).correlation.min() > 0.98


@given(SEEDS, st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_procrustes_comes_nearer_the_wider_the_groups(seed, narrow, wide):
    p, q = runs(seed, d=8)
    gaps = (0, min(narrow, wide), max(narrow, wide), 1)
    distances = [similarity(align(p, q, "procrustes", gap=gap).apply(p), q).distance for gap in gaps]
    assert (np.diff(distances) <= 1e-12).all()


@given(SEEDS, st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_procrustes_keeps_components_as_uncorrelated_as_promised(seed, gap):
    p, q = runs(seed, d=8)
    aligned = align(p, q, "procrustes", gap=gap).apply(p)
    correlation = cross_correlation(aligned, aligned) - np.eye(8)
    assert np.abs(correlation).max() <= gap / (2 - gap) + 1e-9


def test_procrustes_parts_an_even_spectrum():
    d = 40
    rng = np.random.default_rng(0)
    p = encoding(rng.normal(size=(5000, d)) * np.sqrt(np.geomspace(3, 0.5, d)))
    blocks = align(p, p @ rotation(0, d), "procrustes").matrix != 0
    for block in blocks:
        variances = p.var(0)[block]
        assert variances.min() >= (1 - GAP) * variances.max()
    assert blocks.sum(1).max() > 1


def test_rotations_do_not_overfit():
    rng = np.random.default_rng(0)
    p, q = (rng.normal(size=(3000, 8)) for _ in range(2))
    p, q, p_test, q_test = p[:2000], q[:2000], p[2000:], q[2000:]
    found = align(p, q, "procrustes", gap=1)
    assert similarity(found.apply(p), q).correlation.mean() < 0.06
    assert abs(similarity(found.apply(p_test), q_test).correlation.mean()) < 0.03


def test_similarity_of_the_same():
    p, _ = runs(0)
    found = similarity(p, p)
    assert (found.distance, found.cosine) == (0, pytest.approx(1))
    assert found.angle == pytest.approx(0, abs=1e-5)
    np.testing.assert_allclose(found.correlation, 1)


def test_similarity_in_closed_form():
    p = np.array([[3.0, 4], [0, 1], [0, 0]])
    q = np.array([[-3.0, -4], [1, 0], [0, 2]])
    found = similarity(p, q)  # opposite, at right angles, and nothing against something
    assert found.distance == pytest.approx(np.sqrt((100 + 2 + 4) / 3))
    assert found.cosine == pytest.approx(-1 / 3)
    assert found.angle == pytest.approx((180 + 90 + 90) / 3)
    np.testing.assert_allclose(found.correlation, [np.corrcoef(p[:, k], q[:, k])[0, 1] for k in range(2)])


def test_similarity_of_a_rotation_in_the_plane():
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    p = np.random.default_rng(0).normal(size=(50, 2))
    found = similarity(p, p @ turn.T)
    assert found.angle == pytest.approx(25)
    assert found.cosine == pytest.approx(np.cos(angle))
    assert found.distance == pytest.approx(2 * np.sin(angle / 2) * np.sqrt((p**2).sum(1).mean()))


def test_table_2_hangs_together():
    """With trace d = 64, RMS distance and mean cosine are tied: 5.9 to 0.73, 7.4 to 0.57 and 8.2 to 0.47 (Table 2)."""
    rng = np.random.default_rng(0)
    for cosine, distance in ((0.73, 5.9), (0.57, 7.4), (0.47, 8.2)):
        shared, *own = rng.normal(size=(3, 20_000, 64))
        p, q = (np.sqrt(cosine) * shared + np.sqrt(1 - cosine) * x for x in own)
        found = similarity(p, q)
        assert found.cosine == pytest.approx(cosine, abs=0.01)
        assert found.distance == pytest.approx(distance, abs=0.1)


def test_cross_correlation_is_numpys():
    p, q = runs(0)
    np.testing.assert_allclose(cross_correlation(p, q), np.corrcoef(p.T, q.T)[:6, 6:])
    np.testing.assert_allclose(cross_correlation(p + 3, 2 * q).diagonal(), similarity(p, q).correlation)


def test_a_constant_component_correlates_with_nothing():
    p, q = runs(0)
    p[:, 2] = 0.1  # whose mean is not quite 0.1
    assert not cross_correlation(p, q)[2].any()
    assert similarity(p, q).correlation[2] == 0
    for method in METHODS:
        assert np.isfinite(align(p, q, method).matrix).all()


def test_stability_tells_stable_components_from_noise():
    rng = np.random.default_rng(0)
    items = rng.normal(size=(3000, 3)) * [2, 1.5, 1]
    noisy = [items + [0.1, 0.5, 10] * rng.normal(size=items.shape) for _ in range(4)]
    seen = [p @ signed_permutation(seed, 3).T for seed, p in enumerate(noisy)]
    found = component_stability([p[:2000] for p in seen], [p[2000:] for p in seen])
    order = align(items[:2000], seen[0][:2000]).permutation
    expected = np.array([4 / 4.01, 2.25 / 2.5, 1 / 101])[order]
    np.testing.assert_allclose(found.correlation, expected, atol=0.04)
    assert found.spread.shape == (3,)
    assert found.spread.max() < 0.04


def test_stability_of_two_runs_is_their_correlation():
    (p, q), (p_test, q_test) = runs(0), runs(1)
    found = component_stability([p, q], [p_test, q_test])
    np.testing.assert_allclose(
        found.correlation, np.abs(similarity(p_test, align(q, p).apply(q_test)).correlation), rtol=1e-12
    )
    assert not found.spread.any()


def test_stability_over_all_pairs():
    train, test = ([runs(seed)[0] for seed in range(start, start + 3)] for start in (0, 10))
    aligned = [test[0], *(align(p, train[0], "paper").apply(q) for p, q in zip(train[1:], test[1:], strict=True))]
    by_pair = [np.abs(similarity(p, q).correlation) for p, q in itertools.combinations(aligned, 2)]
    found = component_stability(train, test, "paper")
    np.testing.assert_allclose(found.correlation, np.mean(by_pair, 0))
    np.testing.assert_allclose(found.spread, np.std(by_pair, 0))


def test_tensors_single_precision_and_lists():
    p, q = runs(0)
    expected = align(p, q).matrix
    for convert in (torch.from_numpy, lambda x: torch.from_numpy(x).float(), lambda x: x.tolist(), np.float32):
        found = align(convert(p), convert(q))
        np.testing.assert_array_equal(found.matrix, expected)
        assert found.apply(convert(p)).dtype == np.float64


def test_inputs_are_left_alone():
    p, q = runs(0)
    copies = p.copy(), q.copy()
    for method in METHODS:
        align(p, q, method)
    similarity(p, q)
    np.testing.assert_array_equal(p, copies[0])
    np.testing.assert_array_equal(q, copies[1])


def test_turns_the_axes_of_the_components():
    z = torch.randn(400, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    components = DeepComponents().fit(z * torch.tensor([2.0, 1.5, 1.4, 0.5]))
    p = components.encode(z)
    found = align(p, encoding(z.numpy()), "procrustes")
    np.testing.assert_allclose(
        found.apply(p), (z - components.mean).numpy() @ (found.matrix @ components.basis.numpy()).T, atol=1e-12
    )


P, _ = runs(0, n=10, d=3)
HOLED = np.where(np.arange(10)[:, None] == 4, np.nan, P)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: align(P, P[:9]), r"^p and reference must be .* in one shape, not \(10, 3\) and \(9, 3\)$"),
        (lambda: similarity(P, P[:, :2]), r"^p and q must be .* in one shape, not \(10, 3\) and \(10, 2\)$"),
        (lambda: align(P[:1], P[:1]), r"^p must have shape \(n, d\) with n >= 2 and d >= 1, not \(1, 3\)$"),
        (lambda: cross_correlation(P, P[:, 0]), r"^q must have shape \(n, d\) .*, not \(10,\)$"),
        (lambda: align(P, HOLED), r"^reference holds NaN or infinity, first in row 4$"),
        (lambda: algorithm_1(HOLED, P), r"^p holds NaN or infinity, first in row 4$"),
        (
            lambda: align(P, P, "greedy"),  # type: ignore[arg-type]
            r"^unknown method 'greedy'; choose one of 'paper', 'assignment', 'procrustes'",
        ),
        (lambda: align(P, P, "procrustes", gap=1.5), r"^gap must lie between 0 and 1, not 1.5$"),
        (lambda: Alignment(np.eye(3)).apply(P[:, :2]), r"^p must have shape \(n, 3\) as the .* not \(10, 2\)$"),
        (lambda: component_stability([P], [P]), r"at least two runs, not 1 and 1$"),
        (lambda: component_stability([P, P], [P]), r"at least two runs, not 2 and 1$"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_tensors_of_any_kind_and_what_is_refused():
    x = torch.randn(20, 3, requires_grad=True)
    y = x.detach().numpy()
    np.testing.assert_array_equal(align(x, x).matrix, align(y, y).matrix)
    assert similarity(x, x).distance == 0
    np.testing.assert_array_equal(algorithm_1(x, x)[0].matrix, algorithm_1(y, y)[0].matrix)
    assert align(x, y).apply(x.bfloat16()).shape == (20, 3)
    with pytest.raises(ValueError, match="p is complex"):
        similarity(y + 1j, y)
    with pytest.raises(ValueError, match=r"p holds numbers beyond 1e\+100"):
        align(y.astype(float) * 1e200, y)
