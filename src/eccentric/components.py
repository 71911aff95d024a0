"""Deep principal components: mean, principal axes and variances of the latents (section 4.2)."""

from __future__ import annotations

import itertools
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from eccentric.axes import anchored_axes, principal_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from torch import Tensor

Axes = Literal["principal", "own", "anchored"]

AXES: tuple[Axes, ...] = ("principal", "own", "anchored")
LARGEST = 1e100


class DeepComponents:
    """Principal components of latent vectors, ordered by variance.

    `fit(z)` at once, or `update(z)` batch by batch: the mean and covariance are exact either way (streaming, in float64
    on the CPU, Chan et al. 1983). The coordinates along the components are called p; p = (z - mean) @ basis.T.

    A rotation of the latents changes neither the reconstruction nor the Eccentric loss, so neither of them determines
    the axes. The axes can be:

    - "principal": the principal axes of the latents, as in the paper. The components are uncorrelated. The largest
      entry of each axis is positive, so the same latents give the same signs. Where the variances are nearly equal,
      noise decides on the axes.
    - "anchored": the rotation that brings the centred latents nearest to anchors, which every call of `fit` and
      `update` takes: one row of numbers for each latent vector, such as the scores of a linear PCA of the same data.
      The anchors are scaled to unit variance first, and the axes are ordered by the latents' variance along them. Each
      component has a positive correlation with its anchor. The components may be correlated.
    - "own": the coordinates less their means, in their own order, for latents that are ordered by training. They may be
      correlated.

    Args:
        axes: "principal", "anchored" or "own".

    Attributes:
        axes: as given.
        dim: d, the number of latent dimensions; 0 before the first batch.
        count: number of vectors seen.
        mean: (d,) float64.
        covariance: (d, d) float64, normalised by count - 1 as in scikit-learn's PCA.
        eigenvalues: (d,) float64, variances along the components, in descending order unless the axes are "own". Where
            components are correlated, these are not the eigenvalues of the covariance; their sum is its trace all the
            same.
        basis: (d, d) float64, one axis a row; orthonormal.
    """

    def __init__(self, axes: Axes = "principal") -> None:
        if axes not in AXES:
            raise ValueError(f"unknown axes {axes!r}; choose one of {', '.join(AXES)}")
        self.axes: Axes = axes
        self.dim = 0
        self.count = 0
        # Of the latents, followed by the anchors where there are any: mean, and sum of outer products about the mean.
        self._mean: Tensor = torch.zeros(0, dtype=torch.float64)
        self._scatter: Tensor = torch.zeros(0, 0, dtype=torch.float64)
        self._axes: tuple[Tensor, Tensor] | None = None

    def __repr__(self) -> str:
        return f"DeepComponents(dim={self.dim}, count={self.count})"

    @property
    def mean(self) -> Float[Tensor, " d"]:
        return self._mean[: self.dim]

    def fit(self, z: Float[Tensor, "n d"], anchors: Float[Tensor, "n m"] | None = None) -> DeepComponents:
        """Fit the components to z alone and discard earlier batches. Returns self.

        Args:
            z: latents.
            anchors: anchors for anchored axes, as for `update`.
        """
        self.count = 0
        return self.update(z, anchors)

    def update(self, z: Float[Tensor, "n d"], anchors: Float[Tensor, "n m"] | None = None) -> DeepComponents:
        """Add a batch. Returns self.

        Args:
            z: latents.
            anchors: for anchored axes, m <= d numbers for each latent vector, such as its item's scores in a linear PCA
                with d components. Their scale is of no importance. With m < d, the remaining axes are the principal
                axes of the subspace orthogonal to the anchored ones.

        Raises:
            ValueError: z is not (n, d), d differs from earlier batches, or z is complex, holds NaN or infinity, or
                numbers beyond 1e100, whose squares overflow. The same for anchors, or there are anchors but the axes
                are not anchored, or the other way round.
        """
        if (anchors is not None) != (self.axes == "anchored"):
            raise ValueError(
                "axes='anchored' need anchors, such as the scores of a linear PCA, and other axes take none"
            )
        dim = z.shape[1] if z.ndim == 2 else 0
        if z.ndim != 2 or 0 in z.shape:
            raise ValueError(f"latents must have shape (n, d) with n, d >= 1, not {tuple(z.shape)}")
        if self.count and dim != self.dim:
            raise ValueError(f"latents have {dim} dimensions, earlier batches had {self.dim}")
        z = _checked(z, "latents")
        if anchors is not None:
            if anchors.ndim != 2 or len(anchors) != len(z) or not 1 <= anchors.shape[1] <= dim:
                raise ValueError(
                    f"anchors must have shape ({len(z)}, m) with m from 1 to {dim}, not {tuple(anchors.shape)}"
                )
            if self.count and anchors.shape[1] != len(self._mean) - dim:
                before = len(self._mean) - dim
                raise ValueError(f"anchors have {anchors.shape[1]} columns, earlier batches had {before}")
            z = torch.cat([z, _checked(anchors, "anchors")], 1)
        mean = z.mean(0)
        centred = z - mean
        scatter = centred.T @ centred
        if self.count == 0:
            self.dim, self.count, self._mean, self._scatter = dim, len(z), mean, scatter
        else:
            count = self.count + len(z)
            shift = mean - self._mean
            self._scatter = self._scatter + scatter + torch.outer(shift, shift) * (self.count * len(z) / count)
            self._mean = self._mean + shift * (len(z) / count)
            self.count = count
        self._axes = None
        return self

    @property
    def covariance(self) -> Float[Tensor, "d d"]:
        if self.count < 2:
            raise ValueError(
                f"a covariance needs 2 or more latent vectors, {self.count} seen; call fit or update first"
            )
        return self._scatter[: self.dim, : self.dim] / (self.count - 1)

    @property
    def eigenvalues(self) -> Float[Tensor, " d"]:
        return self._decomposition()[0]

    @property
    def basis(self) -> Float[Tensor, "d d"]:
        return self._decomposition()[1]

    def _decomposition(self) -> tuple[Tensor, Tensor]:
        if self._axes is None:
            covariance, dim = self.covariance, self.dim
            if self.axes == "own":
                self._axes = covariance.diagonal().clone(), torch.eye(dim, dtype=torch.float64)
            elif self.axes == "anchored":
                joint = self._scatter / (self.count - 1)
                self._axes = anchored_axes(covariance, joint[:dim, dim:], joint.diagonal()[dim:])
            else:
                self._axes = principal_axes(covariance)
        return self._axes

    def encode(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Transform latents to coordinates along the components, in the dtype and on the device of z, without gradient.

        Raises:
            ValueError: z is not (n, d), or complex.
        """
        if z.ndim != 2 or z.shape[1] != self.dim:
            raise ValueError(f"latents must have shape (n, {self.dim}), not {tuple(z.shape)}")
        return _like((_float64(z) - self.mean) @ self.basis.T, z)

    def decode(self, p: Float[Tensor, "n k"]) -> Float[Tensor, "n d"]:
        """Transform coordinates to latents; with k < d, the remaining components are held at their mean.

        Raises:
            ValueError: p is not (n, k) with k <= d, or complex.
        """
        if p.ndim != 2 or not 1 <= p.shape[1] <= self.dim:
            raise ValueError(f"components must have shape (n, k) with k from 1 to {self.dim}, not {tuple(p.shape)}")
        return _like(_float64(p) @ self.basis[: p.shape[1]] + self.mean, p)

    def eigenpairs(self, k: int | None = None, scale: float = 2.0) -> Float[Tensor, "k 2 d"]:
        """The paper's pairs (Figures 7, 8): the latents at -scale and +scale standard deviations along each axis.

        Args:
            k: number of components, starting with the first; all by default.
            scale: distance from the mean in standard deviations of the component, so that a pair shows the range of the
                data; with 2, the default, 95 % of a normal component lies between the two.
        """
        k = self.dim if k is None else self._component_count(k)
        steps = scale * self.eigenvalues[:k].sqrt()
        p = torch.zeros(k, 2, self.dim, dtype=torch.float64)
        p[range(k), 0, range(k)], p[range(k), 1, range(k)] = -steps, steps
        return (p @ self.basis + self.mean).float()

    def grid(
        self, horizontal: Sequence[int], vertical: Sequence[int], scale: float = 1.5
    ) -> Float[Tensor, "rows columns d"]:
        """Latents with the chosen components at plus or minus `scale` standard deviations, in all combinations.

        The paper's Figure 9. Components are numbered from 0. Columns run through the combinations of signs of the
        `horizontal` components, the first varying slowest; rows through those of `vertical`, from plus to minus.
        """
        for chosen in (*horizontal, *vertical):
            if not 0 <= chosen < self.dim:
                raise ValueError(f"no component {chosen}: there are {self.dim}, numbered from 0")
        columns = self._signs(horizontal, scale)
        rows = -self._signs(vertical, scale)
        return ((rows[:, None] + columns[None, :]) @ self.basis + self.mean).float()

    def _signs(self, chosen: Sequence[int], scale: float) -> Float[Tensor, "combinations d"]:
        signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=len(chosen))), dtype=torch.float64)
        p = torch.zeros(len(signs), self.dim, dtype=torch.float64)
        p[:, list(chosen)] = signs * scale * self.eigenvalues[list(chosen)].sqrt()
        return p

    def sample(
        self, n: int, method: Literal["standard", "matched"] = "matched", seed: int | None = None
    ) -> Float[Tensor, "n d"]:
        """n random latents: "standard" from N(0, I), "matched" from a Gaussian of the latents' mean and covariance.

        The full covariance is used for all kinds of axes.

        See section 4.1, where matched sampling gives better images, hence the default. float32, on the CPU.
        """
        if method not in ("standard", "matched"):
            raise ValueError(f"unknown sampling method {method!r}; choose 'standard' or 'matched'")
        if not isinstance(n, Integral):
            raise TypeError(f"n must be a whole number, but is {n!r}")
        if n < 0:
            raise ValueError(f"n must not be negative, but is {n}")
        generator = torch.Generator()
        generator.seed() if seed is None else generator.manual_seed(seed)
        noise = torch.randn(n, self.dim, generator=generator, dtype=torch.float64)
        if method == "standard":
            return noise.float()
        # Components along other axes may be correlated.
        values, axes = self._decomposition() if self.axes == "principal" else principal_axes(self.covariance)
        return (noise * values.sqrt() @ axes + self.mean).float()

    def save(self, path: str | Path) -> None:
        """Write a .safetensors file: count, mean, scatter, and for other readers basis and eigenvalues."""
        from eccentric.files import write_tensors

        values, axes = self._decomposition()
        latents, anchors = slice(self.dim), slice(self.dim, None)
        tensors = {
            "mean": self.mean.clone(),
            "scatter": self._scatter[latents, latents].clone(),
            "eigenvalues": values,
            "basis": axes,
        }
        if self.axes == "own":
            tensors["own_axes"] = torch.tensor(True)
        if self.axes == "anchored":
            tensors["anchor_mean"] = self._mean[anchors].clone()
            tensors["anchor_scatter"] = self._scatter[:, anchors].clone()
        write_tensors(Path(path), {**tensors, "count": torch.tensor(self.count)})

    @classmethod
    def load(cls, path: str | Path) -> DeepComponents:
        """Read a file written by `save`."""
        from eccentric.files import read_tensors

        tensors = read_tensors(Path(path), expected=("count", "mean", "scatter", "eigenvalues", "basis"))
        anchored = "anchor_scatter" in tensors
        self = cls("anchored" if anchored else "own" if "own_axes" in tensors else "principal")
        self.count, self._mean, self._scatter = int(tensors["count"]), tensors["mean"], tensors["scatter"]
        self.dim = len(self._mean)
        if anchored:
            own = tensors["anchor_scatter"]  # (d + m, m)
            self._mean = torch.cat([self._mean, tensors["anchor_mean"]])
            self._scatter = torch.cat([torch.cat([self._scatter, own[: self.dim].T]), own], 1)
        # The stored axes are used, because the eigensolver of another machine may rotate axes with equal eigenvalues.
        self._axes = tensors["eigenvalues"], tensors["basis"]
        return self

    def _component_count(self, k: int) -> int:
        if not 1 <= k <= self.dim:
            raise ValueError(f"k must be between 1 and the {self.dim} components, not {k}")
        return k


def _checked(z: Tensor, what: str) -> Float[Tensor, "n k"]:
    z = _float64(z)
    if not z.isfinite().all():
        row = int((~z.isfinite()).any(1).nonzero()[0])
        raise ValueError(f"{what} hold NaN or infinity, first in row {row}")
    if z.abs().max() > LARGEST:
        raise ValueError(f"{what} hold numbers beyond {LARGEST:g}, whose squares overflow; rescale them")
    return z


def _float64(z: Tensor) -> Tensor:
    z = torch.as_tensor(z)
    if z.is_complex():
        raise ValueError("complex numbers are not supported; pass real and imaginary parts as two columns")
    # On the CPU, because not every accelerator has float64.
    return z.detach().to("cpu", torch.float64)


def _like(result: Tensor, given: Tensor) -> Tensor:
    given = torch.as_tensor(given)
    return result.to(given.device, torch.promote_types(given.dtype, torch.float32))
