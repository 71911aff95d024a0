"""The published numbers, against what the paper says of them elsewhere."""

import numpy as np
import pytest

from eccentric.evaluation import probes
from eccentric.paper import published
from eccentric.theory import kernel_constant


def test_N_follows_from_the_paper_s_formula():
    for mu, N in published.TABLE_1_N.items():
        assert kernel_constant(published.FACE_DIM, mu) == pytest.approx(N, abs=0.005)


def test_tables_have_all_their_cells():
    assert set(published.TABLE_1) == {(weight, mu) for weight in published.WEIGHTS for mu in published.MUS}
    ends = {(weight, mu) for weight in published.WEIGHTS for mu in (1.0, 64.5)}
    assert set(published.TABLE_2) == set(published.TABLE_4) == ends
    assert all(set(row) == set(probes.TABLE_3) for row in published.TABLE_3.values())
    assert set(published.FIGURE_7) == set(published.TABLE_3) == set(published.DIGIT_DIMS)


@pytest.mark.parametrize("kind", ["standard", "matched"])
def test_aggregates_of_table_1_are_means_over_its_runs(kind):
    for weight in published.WEIGHTS:
        runs = [published.RUNS[mu] for mu in published.MUS]
        means = [published.TABLE_1[weight, mu][kind][0] for mu in published.MUS]
        assert np.average(means, weights=runs) == pytest.approx(published.TABLE_1_AGGREGATE[weight][kind][0], abs=0.1)


def test_distance_and_cosine_of_table_2_agree():
    """For encodings of length sqrt(d) the mean squared distance is 2 d (1 - cosine)."""
    for row in published.TABLE_2.values():
        assert row["distance"][0] ** 2 == pytest.approx(2 * published.FACE_DIM * (1 - row["cosine"][0]), rel=0.03)


def test_eigenvalues_of_figure_7_descend_and_add_up_to_about_d():
    for dim, values in published.FIGURE_7.items():
        assert list(values) == sorted(values, reverse=True)
        assert sum(values) == pytest.approx(dim, rel=0.05)
