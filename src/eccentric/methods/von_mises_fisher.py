"""The von Mises-Fisher distribution on the unit sphere of d dimensions: density, moments, samples, their derivatives.

With mean direction m and concentration kappa its density is C exp(kappa <m, z>). Of z = cos(t) m + sin(t) v, v is
uniform on the unit vectors orthogonal to m, and the angle t has the density

    g(t) / Z,    g(t) = exp(kappa (cos t - 1)) sin(t)^(d - 2),    0 < t < pi.

Z is an exponentially scaled Bessel function of order d / 2 - 1, by Poisson's integral,

    Z = sqrt(pi) Gamma((d - 1) / 2) (2 / kappa)^(d / 2 - 1)  exp(-kappa) I_{d / 2 - 1}(kappa),

so that the Kullback-Leibler divergence to the uniform distribution has the closed form

    KL = kappa A - kappa - log(exp(-kappa) I_{d / 2 - 1}(kappa)) + (d / 2 - 1) log(kappa / 2) - log Gamma(d / 2),
    A = E cos t = I_{d / 2}(kappa) / I_{d / 2 - 1}(kappa),        dKL / dkappa = kappa dA / dkappa = kappa Var(cos t).

The scaled Bessel function and the moments are computed from this integral, by Gauss-Legendre quadrature about the mode
of g. Ratios of Bessel functions would lose all digits of 1 - A and of the variance at large kappa (the variance is
(d - 1) / (2 kappa^2) there); the integrals have no cancellation, and they need no transfer to the CPU.

Samples are exact, by the rejection of Ulrich (1984) in Wood's (1994) form. The candidates have a fixed number, so that
a step can be recorded as a CUDA graph: each is accepted with probability 0.66 or more, so that none of 32 is accepted
with probability below 1e-14. The derivative of a sample with respect to kappa is that of its distribution function F
at a fixed quantile, dt / dkappa = -(dF / dkappa) / (dF / dt), which gives unbiased gradients. Published code
differentiates the transformation of the accepted candidate instead, which leaves out that acceptance depends on kappa.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Gamma
from torch.nn.functional import normalize

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Moments", "angle", "kl_to_uniform", "moments", "sample", "uniform"]

NODES = 64  # of the quadrature
REACH = 13.0  # standard deviations that it covers on each side, where g has fallen below 1e-18 of its maximum
CANDIDATES = 32  # of the rejection


class Moments(NamedTuple):
    """Of cos t, for each kappa."""

    log_z: Float[Tensor, " n"]
    """Logarithm of the normaliser Z."""
    gap: Float[Tensor, " n"]
    """1 - A, with A the mean."""
    variance: Float[Tensor, " n"]


@torch.no_grad()
def moments(kappa: Float[Tensor, " n"], d: int) -> Moments:
    """Normaliser and moments, in the precision of kappa."""
    mode = torch.acos(2 * kappa / ((d - 2) + torch.hypot(torch.full_like(kappa, d - 2), 2 * kappa)))
    reach = _reach(kappa, d)
    t, weights = _nodes((mode - reach).clamp(min=0), (mode + reach).clamp(max=math.pi))
    top = _log_g(mode, kappa, d)
    density = weights * torch.exp(_log_g(t, kappa[:, None], d) - top[:, None])
    z = density.sum(1)
    distance = 2 * torch.sin(t / 2).square()  # 1 - cos t
    gap = (density * distance).sum(1) / z
    variance = (density * (distance - gap[:, None]).square()).sum(1) / z
    return Moments(z.log() + top, gap, variance)


def kl_to_uniform(kappa: Float[Tensor, " n"], d: int) -> Float[Tensor, " n"]:
    """Kullback-Leibler divergence to the uniform distribution on the sphere, in nats, with its derivative.

    Args:
        kappa: concentrations, above zero.
        d: dimensions of the space around the sphere, 2 or more.
    """
    exact = _double(kappa.detach())
    log_z, gap, variance = moments(exact, d)
    log_uniform = 0.5 * math.log(math.pi) + math.lgamma((d - 1) / 2) - math.lgamma(d / 2)  # log Z at kappa = 0
    # The density relative to the uniform one is exp(kappa (cos t - 1)) Z(0) / Z.
    return _with_slope(log_uniform - log_z - exact * gap, exact * variance, kappa)


def sample(direction: Float[Tensor, "n d"], kappa: Float[Tensor, " n"]) -> Float[Tensor, "n d"]:
    """One unit vector for each row, with unbiased gradients with respect to both arguments.

    Args:
        direction: unit vectors, the mean directions.
        kappa: concentrations, above zero.
    """
    t = angle(kappa, direction.shape[1])[:, None]
    noise = torch.randn_like(direction)
    tangent = normalize(noise - (noise * direction).sum(1, keepdim=True) * direction, dim=1)
    return torch.cos(t) * direction + torch.sin(t) * tangent


def angle(kappa: Float[Tensor, " n"], d: int) -> Float[Tensor, " n"]:
    """A random angle to the mean direction for each kappa, in radians, with its derivative."""
    exact = _double(kappa.detach())
    t = _accepted(exact, d)
    return _with_slope(t, _slope(t, exact, d), kappa)


def uniform(n: int, d: int, generator: torch.Generator | None = None) -> Float[Tensor, "n d"]:
    """Uniformly distributed unit vectors."""
    return normalize(torch.randn(n, d, generator=generator), dim=1)


@torch.no_grad()
def _accepted(kappa: Tensor, d: int) -> Tensor:
    """Angles by rejection. Candidates are cos t = (1 - (1 + b) e) / (1 - (1 - b) e) for e of a beta distribution."""
    kappa = kappa[:, None].expand(-1, CANDIDATES)
    b = (d - 1) / (2 * kappa + torch.hypot(2 * kappa, torch.full_like(kappa, d - 1)))
    gamma = Gamma(torch.full_like(kappa, (d - 1) / 2), torch.ones_like(kappa), validate_args=False)
    one, other = gamma.sample(), gamma.sample()
    e = one / (one + other)
    distance = 2 * b * e / (1 - (1 - b) * e)  # 1 - cos t with all its digits
    # The logarithm of target over proposal is greatest, zero, at a distance of 2 b / (1 + b).
    further = distance - 2 * b / (1 + b)
    log_ratio = (d - 1) * torch.log1p(further * (1 - b * b) / (4 * b)) - kappa * further
    first = (torch.rand_like(kappa).log() <= log_ratio).int().argmax(1, keepdim=True)
    return 2 * torch.asin(torch.sqrt(distance.gather(1, first)[:, 0] / 2).clamp(max=1))


@torch.no_grad()
def _slope(t: Tensor, kappa: Tensor, d: int) -> Tensor:
    """dt / dkappa at a fixed quantile, -1 / g(t) times the integral of (cos s - A) g(s) over 0 < s < t.

    The integral over t < s < pi is the same with the other sign. The side on which g falls is taken.
    """
    gap, reach = moments(kappa, d).gap, _reach(kappa, d)
    below = 2 * torch.sin(t / 2).square() < gap
    low = torch.where(below, (t - reach).clamp(min=0), t)
    high = torch.where(below, t, (t + reach).clamp(max=math.pi))
    s, weights = _nodes(low, high)
    relative = torch.exp(_log_g(s, kappa[:, None], d) - _log_g(t, kappa, d)[:, None])
    integral = (weights * relative * (gap[:, None] - 2 * torch.sin(s / 2).square())).sum(1)
    return torch.where(below, -integral, integral)


def _log_g(t: Tensor, kappa: Tensor, d: int) -> Tensor:
    return torch.special.xlogy(torch.full_like(t, d - 2), torch.sin(t)) - 2 * kappa * torch.sin(t / 2).square()


def _reach(kappa: Tensor, d: int) -> Tensor:
    """Beyond this angle from the mode, g is negligible: its logarithm has a curvature of at least max(kappa, d - 2)."""
    return REACH / torch.sqrt(kappa.clamp(min=max(d - 2, 1)))


def _nodes(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes and weights of the quadrature between two bounds for each row, (n, NODES)."""
    points, weights = _legendre(low.dtype, low.device)
    half = (high - low)[:, None] / 2
    return low[:, None] + half * (points + 1), half * weights


@cache  # a copy to the device could not be recorded in a CUDA graph
def _legendre(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    points, weights = np.polynomial.legendre.leggauss(NODES)
    return torch.as_tensor(points, dtype=dtype, device=device), torch.as_tensor(weights, dtype=dtype, device=device)


def _double(x: Tensor) -> Tensor:
    return x.to(torch.float32 if x.device.type == "mps" else torch.float64)  # which Apple's GPUs lack


def _with_slope(value: Tensor, slope: Tensor, x: Tensor) -> Tensor:
    """`value`, with the derivative `slope` with respect to x."""
    return value.to(x.dtype) + slope.to(x.dtype) * (x - x.detach())
