"""Shift and scale of the standardisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from eccentric.padding import real_steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.data.items import ItemSpec

FEW_ROWS, LEAST_KURTOSIS = 10, 30.0  # of rare columns; samples of few rows have a lower kurtosis, whatever they are
MOST_NUMBERS = 10_000_000  # number of values held in double precision at a time: 80 MB


class Units(NamedTuple):
    """Standardised data are (x - shift) / scale."""

    shift: Float[Tensor, "..."]
    scale: Float[Tensor, "..."]
    constant: list[int]
    """Constant columns of a table, or constant features of sequences."""


def units_of(x: Shaped[Tensor, "n ..."], spec: ItemSpec, standardize: bool = True) -> Units:
    """Compute shift and scale for training rows x.

    Each column of a table gets mean 0 and standard deviation 1; with `standardize=False` the columns keep their
    proportions, and the mean of their variances is 1. The features of sequences are scaled as columns, over all real
    steps of all sequences. Images are scaled from their lowest and highest value (0 and 255 for uint8, 0 and 1 for
    fractions) to the range of the decoder, 0 to 1.
    """
    if spec.is_image:
        shift, scale = _range(x)
        return Units(torch.tensor(shift), torch.tensor(scale), [])
    if spec.is_sequence:
        x = x[real_steps(x)]
    mean, variance = _moments(x)
    low, high = zip(*(part.aminmax(dim=0) for part in _in_parts(x)), strict=True)
    constant = torch.stack(high).amax(0) == torch.stack(low).amin(0)
    variance[constant] = 1.0 if standardize else 0.0  # a constant column stays constant
    spread = variance.sqrt() if standardize else variance.mean().sqrt()
    if not standardize and spread == 0:
        spread = torch.ones(())
    return Units(mean, spread, constant.nonzero().flatten().tolist())


def rare_columns(x: Shaped[Tensor, "n f"]) -> list[int]:
    """Columns whose variance is mostly that of fewer than ten rows, such as pixels that are almost always blank.

    The number of rows is estimated as n / kurtosis, which is k if a small number k of rows have one value and the
    others another.
    """
    mean, variance = _moments(x)
    fourth = sum((part.double() - mean).square().square().sum(0) for part in _in_parts(x)) / len(x)
    kurtosis = fourth / variance.square()  # NaN for a constant column
    return ((kurtosis > LEAST_KURTOSIS) & (len(x) / kurtosis < FEW_ROWS)).nonzero().flatten().tolist()


def _range(x: Shaped[Tensor, "n c h w"]) -> tuple[float, float]:
    if x.dtype == torch.uint8:
        return 0.0, 255.0
    low, high = x.min().item(), x.max().item()
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, (high - low) or 1.0


def _moments(x: Shaped[Tensor, "n f"]) -> tuple[Float[Tensor, " f"], Float[Tensor, " f"]]:
    """Mean and variance of each column in double precision, without converting all of x at once."""
    mean = sum(part.double().sum(0) for part in _in_parts(x)) / len(x)
    squares = sum((part.double() - mean).square().sum(0) for part in _in_parts(x))
    return torch.as_tensor(mean), torch.as_tensor(squares) / (len(x) - 1)


def _in_parts(x: Shaped[Tensor, "n f"]) -> Iterable[Shaped[Tensor, "k f"]]:
    return x.split(max(1, MOST_NUMBERS // x.shape[1]))
