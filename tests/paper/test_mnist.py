"""Why the circle does not hold in two dimensions."""

import numpy as np
import pytest

from eccentric.paper.mnist import inside_of_the_circle, off_the_circle
from eccentric.theory import kernel_constant, stationary_radius


@pytest.mark.parametrize(
    ("mu", "centre_wins", "unstable"),
    [(1.0, False, False), (1.54, False, False), (1.56, True, False), (2.05, True, False), (2.07, True, True)],
)
def test_where_the_centre_wins_and_where_the_circle_is_unstable(mu, centre_wins, unstable):
    gain, curvature = inside_of_the_circle(mu)
    assert (gain > 0) == centre_wins
    assert (curvature < 0) == unstable


def test_against_many_points_on_a_circle():
    mu = 2.5
    N = kernel_constant(2, mu)
    rho = stationary_radius(2, mu, N)
    angle = np.arange(4000) * (2 * np.pi / 4000)

    def energy(r):
        squared = (r - rho * np.cos(angle)) ** 2 + (rho * np.sin(angle)) ** 2
        return r**2 / 2 - mu * N * np.log1p(squared / N).mean()

    gain, curvature = inside_of_the_circle(mu)
    assert gain == pytest.approx(energy(rho) - energy(0.0), rel=1e-9)
    h = 1e-3
    assert curvature == pytest.approx((energy(rho + h) - 2 * energy(rho) + energy(rho - h)) / h**2, rel=1e-3)


def test_the_distance_from_the_circle_counts_the_mean_in(store):
    """It is that of the latents, which the encoder makes; p is centred."""
    from eccentric.data import load
    from eccentric.inference import encode
    from eccentric.paper.mnist import plane_spec

    run = store.run(plane_spec(0.01, 1.0))
    z = encode(run.model(), load("digits").test.x).numpy()
    expected = np.sqrt(np.mean((np.linalg.norm(z, axis=1) / np.sqrt(2) - 1) ** 2))
    assert off_the_circle(run, run.latents("test").p) == pytest.approx(expected, rel=1e-3)
