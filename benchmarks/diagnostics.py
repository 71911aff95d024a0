"""What `eccentric.diagnostics` costs beside the loss: `python -m benchmarks.diagnostics [cpu|cuda]`.

Both take turns, and a ratio is the median CPU time of the diagnostics over that of the loss's forward and backward
pass (on a GPU, of the wall-clock time, after synchronisation).
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

import torch

from eccentric import diagnostics, eccentric_loss

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = ((100, 8), (128, 64), (1024, 64), (4096, 64), (1024, 256))


def seconds(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    start = clock()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return clock() - start


def measure(b: int, d: int, device: torch.device, repeats: int) -> tuple[float, float]:
    """Median seconds of the loss with its backward pass, and of the diagnostics."""
    z = torch.randn(b, d, device=device, requires_grad=True)
    loss, watch = [], []
    for _ in range(repeats):
        loss.append(seconds(lambda: eccentric_loss(z).backward(), device))
        watch.append(seconds(lambda: diagnostics(z), device))
    return statistics.median(loss[1:]), statistics.median(watch[1:])


def main() -> None:
    device = torch.device(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    print("| b, d | loss, ms | diagnostics, ms | ratio |\n| --- | --- | --- | --- |")
    for b, d in SIZES:
        loss, watch = measure(b, d, device, repeats=41)
        print(f"| {b:,}, {d} | {1e3 * loss:.3g} | {1e3 * watch:.3g} | {watch / loss:.2f} |")


if __name__ == "__main__":
    main()
