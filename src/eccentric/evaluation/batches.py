"""Networks at work on many items: a batch at a time, without a gradient, the result on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Shaped
    from torch import Tensor, nn


@torch.no_grad()
def in_batches(
    function: Callable[[Tensor], Tensor], x: Shaped[Tensor, "n ..."], network: nn.Module, batch: int | None = None
) -> Shaped[Tensor, "n ..."]:
    """What `function` makes of x, on the device of `network`, whose evaluation mode it is computed in.

    Args:
        function: a batch of items to a tensor with one row for each; `network` itself or a method of it.
        x: the items.
        network: where the work is done.
        batch: items at a time; None is what suits the device.
    """
    network.eval()
    device = next(network.parameters()).device
    return torch.cat([function(items.to(device)).cpu() for items in x.split(batch or batch_size(device))])


def batch_size(device: torch.device) -> int:
    """How many items at a time suit a device."""
    # Of 1000, the activations of images left the caches of a CPU, and took three times as long. Elsewhere a batch costs
    # its launches.
    return 256 if device.type == "cpu" else 1024
