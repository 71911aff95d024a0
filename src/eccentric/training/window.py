"""Metrics: what a row of metrics.csv says, and the sums it is made of, which stay on the device until it is made."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, cast

import torch

from eccentric.errors import EccentricError
from eccentric.runs.metrics import RENAMED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jaxtyping import Float
    from lightning_fabric import Fabric
    from torch import Tensor

TERMS = ("reconstruction error", "Eccentric loss")


@dataclass(frozen=True)
class Metrics:
    """One row of metrics.csv: means over the steps since the row before, or None where nothing was measured."""

    step: int
    epoch: int
    objective: float
    reconstruction: float
    """Mean squared error over pixels (or standardised columns)."""
    eccentric: float
    """The Eccentric loss, before its weight."""
    mean_radius: float
    """Mean length of the latents; about sqrt(d) when the loss has its way."""
    trace: float
    """Sum of the variances of the latents."""
    largest_eigenvalue: float
    smallest_eigenvalue: float
    test_reconstruction: float | None
    """On the test split, at the end of each epoch."""
    images_per_second: float

    def row(self) -> dict[str, float | int | None]:
        """The values by the names of the columns of metrics.csv."""
        return {RENAMED.get(name, name): value for name, value in asdict(self).items()}


METRIC_NAMES = [field.name for field in fields(Metrics)]
COLUMNS = [RENAMED.get(name, name) for name in METRIC_NAMES]


class Window:
    """Sums over the steps since the last row of metrics.

    `add` is a handful of operations on the device and waits for nothing, so that it can be part of a CUDA graph;
    `metrics` brings the sums to the host.
    """

    def __init__(self, dim: int, device: torch.device) -> None:
        wide = torch.float32 if device.type == "mps" else torch.float64
        self._sums = {
            "steps": torch.zeros((), dtype=torch.int64, device=device),
            "terms": torch.zeros(2, dtype=wide, device=device),
            "first_bad": torch.zeros(2, dtype=torch.int64, device=device),  # counted from 1 in this window; 0 is none
            "items": torch.zeros((), dtype=wide, device=device),
            "radius": torch.zeros((), dtype=wide, device=device),
            "z": torch.zeros(dim, dtype=wide, device=device),
            "zz": torch.zeros(dim, dim, dtype=wide, device=device),
        }
        self.start_clock()

    @torch.no_grad()
    def add(self, recon: Tensor, eccentric: Tensor, z: Float[Tensor, "b d"]) -> None:
        sums = self._sums
        terms = torch.stack([recon, eccentric])
        z = z.to(sums["z"].dtype)
        sums["steps"] += 1
        sums["terms"] += terms
        fine = terms.isfinite() | (sums["first_bad"] > 0)
        sums["first_bad"].copy_(torch.where(fine, sums["first_bad"], sums["steps"]))
        sums["items"] += len(z)
        sums["radius"] += z.norm(dim=1).sum()
        sums["z"] += z.sum(0)
        sums["zz"] += z.T @ z

    def metrics(self, step: int, epoch: int, weight: float, fabric: Fabric) -> Metrics:
        """The row after `step` steps in all, over all ranks.

        Raises:
            EccentricError: a term of the objective was not finite; which, and in which step.
        """
        sums = {name: total.cpu().double() for name, total in self._sums.items()}
        seconds = time.perf_counter() - self._start  # after the device has caught up
        ranks = fabric.world_size
        if ranks > 1:
            packed = torch.cat([sums[name].flatten() for name in ("terms", "items", "radius", "z", "zz")])
            packed = cast("Tensor", fabric.all_reduce(packed.to(fabric.device), reduce_op="sum")).cpu()
            terms, items, radius, z, zz = packed.split([2, 1, 1, len(sums["z"]), sums["zz"].numel()])
            sums |= {"terms": terms, "items": items[0], "radius": radius[0], "z": z, "zz": zz.view_as(sums["zz"])}
        steps, items_seen = int(sums["steps"]), sums["items"]
        for name, first, total in zip(TERMS, sums["first_bad"].tolist(), sums["terms"].tolist(), strict=True):
            if first or not math.isfinite(total):  # on this rank, or on another
                at = f"in step {step - steps + int(first)}" if first else f"by step {step}"
                raise EccentricError(f"the {name} became {total} {at}; lower the learning rate")
        recon, eccentric = (sums["terms"] / (steps * ranks)).tolist()
        mean = sums["z"] / items_seen
        covariance = (sums["zz"] - items_seen * torch.outer(mean, mean)) / (items_seen - 1)
        eigenvalues = torch.linalg.eigvalsh(covariance).clamp(min=0)
        return Metrics(
            step=step,
            epoch=epoch,
            objective=recon + weight * eccentric,
            reconstruction=recon,
            eccentric=eccentric,
            mean_radius=(sums["radius"] / items_seen).item(),
            trace=eigenvalues.sum().item(),
            largest_eigenvalue=eigenvalues[-1].item(),
            smallest_eigenvalue=eigenvalues[0].item(),
            test_reconstruction=None,
            images_per_second=(int(items_seen) - self._items_before) / seconds,
        )

    def reset(self) -> None:
        """Begin anew, in the same memory, which a CUDA graph may have written down."""
        for total in self._sums.values():
            total.zero_()

    def state(self) -> Iterable[Tensor]:
        """The sums, where they lie."""
        return self._sums.values()

    def state_dict(self) -> dict[str, Tensor]:
        return {name: total.cpu() for name, total in self._sums.items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        for name, total in self._sums.items():
            total.copy_(state[name])
        self.start_clock(int(state["items"]))

    def start_clock(self, items: int = 0) -> None:
        """Count time from now on, for what comes after the `items` already summed."""
        self._items_before = items
        self._start = time.perf_counter()
