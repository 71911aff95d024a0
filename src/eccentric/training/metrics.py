"""Metrics: rows of metrics.csv, and the sums on the device from which they are computed."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch

from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jaxtyping import Float
    from lightning_fabric import Fabric
    from torch import Tensor

RECONSTRUCTION = "reconstruction error"
TERM = "term/"  # prefix of the names of terms in the columns of metrics.csv


@dataclass(frozen=True)
class Metrics:
    """One row of metrics.csv: means over the steps since the previous row, or None if not measured."""

    step: int
    epoch: int
    objective: float
    """Objective: the reconstruction error plus the weighted terms."""
    reconstruction: float
    """Mean squared error over the values of an item: pixels from 0 to 1, or standardised columns."""
    terms: dict[str, float]
    """Terms of the method by name, before multiplication by their weights."""
    mean_radius: float
    """Mean length of the latents."""
    trace: float
    """Sum of the variances of the latents."""
    largest_eigenvalue: float
    smallest_eigenvalue: float
    test_reconstruction: float | None
    """Reconstruction error on the test split, at the end of each epoch."""
    items_per_second: float

    def row(self) -> dict[str, float | int | None]:
        """Values by the column names of metrics.csv, in order."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "objective": self.objective,
            "reconstruction": self.reconstruction,
            **{TERM + name: value for name, value in self.terms.items()},
            "mean_radius": self.mean_radius,
            "trace": self.trace,
            "largest_eigenvalue": self.largest_eigenvalue,
            "smallest_eigenvalue": self.smallest_eigenvalue,
            "test_reconstruction": self.test_reconstruction,
            "items_per_second": self.items_per_second,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, float]) -> Metrics:
        """Inverse of `row`; NaN means that a value was not measured, and unknown columns are ignored."""
        test = float(row.get("test_reconstruction", math.nan))
        return cls(
            step=int(row["step"]),
            epoch=int(row["epoch"]),
            objective=float(row["objective"]),
            reconstruction=float(row["reconstruction"]),
            terms={name.removeprefix(TERM): float(row[name]) for name in row if name.startswith(TERM)},
            mean_radius=float(row["mean_radius"]),
            trace=float(row["trace"]),
            largest_eigenvalue=float(row["largest_eigenvalue"]),
            smallest_eigenvalue=float(row["smallest_eigenvalue"]),
            test_reconstruction=None if math.isnan(test) else test,
            items_per_second=float(row["items_per_second"]),
        )


def columns(terms: Iterable[str]) -> list[str]:
    """The columns of metrics.csv for a method with these terms."""
    return list(Metrics(0, 0, 0.0, 0.0, dict.fromkeys(terms, 0.0), 0.0, 0.0, 0.0, 0.0, None, 0.0).row())


class MetricAccumulator:
    """Sums over the steps since the last row of metrics.

    `add` consists of a few operations on the device without synchronisation, so that it can be part of a CUDA graph;
    `metrics` copies the sums to the host.

    Args:
        dim: number of latent dimensions.
        terms: names of the terms of the method, with their names for messages.
        device: device of the sums.
    """

    def __init__(self, dim: int, terms: Mapping[str, str], device: torch.device) -> None:
        wide = torch.float32 if device.type == "mps" else torch.float64
        self._names = dict(terms)
        measured = 1 + len(self._names)  # the reconstruction error comes first
        self._sums = {
            "steps": torch.zeros((), dtype=torch.int64, device=device),
            "objective": torch.zeros((), dtype=wide, device=device),
            "terms": torch.zeros(measured, dtype=wide, device=device),
            # First step with a term that was not finite, counted from 1 since the last row; 0 if there was none.
            "first_bad": torch.zeros(measured, dtype=torch.int64, device=device),
            "items": torch.zeros((), dtype=wide, device=device),
            "radius": torch.zeros((), dtype=wide, device=device),
            "z": torch.zeros(dim, dtype=wide, device=device),
            "zz": torch.zeros(dim, dim, dtype=wide, device=device),
        }
        self.start_clock()

    @torch.no_grad()
    def add(self, objective: Tensor, terms: list[Tensor], z: Float[Tensor, "b d"]) -> None:
        """Add a step: its objective, its reconstruction error and terms in order, and its latents."""
        sums = self._sums
        values = torch.stack(terms)
        z = z.to(sums["z"].dtype)
        sums["steps"] += 1
        sums["objective"] += objective
        sums["terms"] += values
        fine = values.isfinite() | (sums["first_bad"] > 0)
        sums["first_bad"].copy_(torch.where(fine, sums["first_bad"], sums["steps"]))
        sums["items"] += len(z)
        sums["radius"] += z.norm(dim=1).sum()
        sums["z"] += z.sum(0)
        sums["zz"] += z.T @ z

    def metrics(self, step: int, epoch: int, fabric: Fabric) -> Metrics:
        """The row after `step` steps, over all ranks.

        Raises:
            EccentricError: a term of the objective was not finite; the message names the term and the step.
        """
        sums = {name: total.cpu().double() for name, total in self._sums.items()}
        seconds = time.perf_counter() - self._start  # after synchronisation with the device
        ranks = fabric.world_size
        if ranks > 1:
            names = ("objective", "terms", "items", "radius", "z", "zz")
            packed = torch.cat([sums[name].flatten() for name in names])
            packed = cast("Tensor", fabric.all_reduce(packed.to(fabric.device), reduce_op="sum")).cpu()
            parts = packed.split([sums[name].numel() for name in names])
            sums |= {name: part.view_as(sums[name]) for name, part in zip(names, parts, strict=True)}
        steps, items_seen = int(sums["steps"]), sums["items"]
        labels = (RECONSTRUCTION, *self._names.values())
        for label, first, total in zip(labels, sums["first_bad"].tolist(), sums["terms"].tolist(), strict=True):
            if first or not math.isfinite(total):  # on this rank, or on another
                at = f"in step {step - steps + int(first)}" if first else f"by step {step}"
                raise EccentricError(f"the {label} became {total} {at}; lower the learning rate")
        reconstruction, *terms = (sums["terms"] / (steps * ranks)).tolist()
        mean = sums["z"] / items_seen
        covariance = (sums["zz"] - items_seen * torch.outer(mean, mean)) / (items_seen - 1)
        eigenvalues = torch.linalg.eigvalsh(covariance).clamp(min=0)
        return Metrics(
            step=step,
            epoch=epoch,
            objective=(sums["objective"] / (steps * ranks)).item(),
            reconstruction=reconstruction,
            terms=dict(zip(self._names, terms, strict=True)),
            mean_radius=(sums["radius"] / items_seen).item(),
            trace=eigenvalues.sum().item(),
            largest_eigenvalue=eigenvalues[-1].item(),
            smallest_eigenvalue=eigenvalues[0].item(),
            test_reconstruction=None,
            items_per_second=(int(items_seen) - self._items_before) / seconds,
        )

    def reset(self) -> None:
        """Set the sums to zero in place, because a CUDA graph may have recorded their memory."""
        for total in self._sums.values():
            total.zero_()

    def state(self) -> Iterable[Tensor]:
        """The tensors of the sums."""
        return self._sums.values()

    def state_dict(self) -> dict[str, Tensor]:
        return {name: total.cpu() for name, total in self._sums.items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        # Version 0.1.0 did not sum the objective, so it is unknown for an incomplete row.
        unknown = torch.tensor(math.nan if int(state["steps"]) else 0.0)
        for name, total in self._sums.items():
            total.copy_(state[name] if name != "objective" else state.get(name, unknown))
        self.start_clock(int(state["items"]))

    def start_clock(self, items: int = 0) -> None:
        """Start measuring time, for the items after the `items` already summed."""
        self._items_before = items
        self._start = time.perf_counter()
