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
    function: Callable[[Tensor], Tensor], x: Shaped[Tensor, "n ..."], network: nn.Module, batch: int = 256
) -> Shaped[Tensor, "n ..."]:
    """What `function` makes of x, on the device of `network`, whose evaluation mode it is computed in.

    Args:
        function: a batch of items to a tensor with one row for each; `network` itself or a method of it.
        x: the items.
        network: where the work is done.
        batch: items at a time; more would leave the caches of a CPU.
    """
    network.eval()
    device = next(network.parameters()).device
    return torch.cat([function(items.to(device)).cpu() for items in x.split(batch)])
