"""The loss against its rivals: time of forward and backward, peak memory, growth with b and d.

Rivals take turns within each repetition, so that other load on the machine affects all of them. A ratio is the median
time of the rival divided by ours. The floor is the time for the arithmetic that every exact method needs, at the speed
of matrix products on the same device, measured in the same run.
"""

from __future__ import annotations

import json
import multiprocessing
import platform
import resource
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from eccentric import __version__, eccentric_loss
from eccentric.bench import rivals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure
    from torch import Tensor

OURS = "eccentric"
PLOTS = (".png", ".svg", ".pdf")
GROWTH_B = {"cpu": (64, 256, 1024, 4096), "cuda": (256, 1024, 4096, 16384, 65536, 262144)}
GROWTH_D = (4, 16, 64, 256, 1024)
SIZES = ((100, 8), (100, 64), (1024, 64), (4096, 64), (16384, 64))


@dataclass(frozen=True)
class Measurement:
    """One loss at one size.

    Attributes:
        name: name of the loss in the table.
        seconds: median time of forward and backward pass.
        ratio: seconds divided by ours at the same size.
        memory: peak bytes in addition to the input, or None if not measured.
        floor: seconds for the arithmetic alone.
    """

    name: str
    b: int
    d: int
    seconds: float
    ratio: float
    memory: float | None
    floor: float


def measure(
    sizes: Sequence[tuple[int, int]], device: torch.device, repeats: int = 5, memory: bool = True
) -> list[Measurement]:
    """Measure all losses at all sizes that they support."""
    rate = matmul_rate(device)
    found = []
    for b, d in sizes:
        torch.manual_seed(0)
        torch.compiler.reset()  # after several sizes it would continue uncompiled without a warning
        z = torch.randn(b, d, device=device, requires_grad=True)
        losses = {name: loss for name, loss in _losses().items() if b <= rivals.limit(name, device) and _runs(loss, z)}
        times = _side_by_side(losses, z, repeats)
        for name in losses:
            seconds = statistics.median(times[name])
            peak = _peak_memory(name, b, d, device) if memory else None
            floor = rivals.floor_flops(b, d) / rate
            found.append(Measurement(name, b, d, seconds, seconds / statistics.median(times[OURS]), peak, floor))
    return found


def _losses() -> dict[str, rivals.Loss]:
    return {OURS: eccentric_loss, **rivals.same_loss(), **rivals.other_losses()}


def _runs(loss: rivals.Loss, z: Tensor) -> bool:
    """Whether the loss runs on this machine: torch.compile and KeOps need a compiler."""
    try:
        _step(loss, z)()
    except (RuntimeError, ImportError, OSError) as error:
        if loss is eccentric_loss:
            raise
        print(f"left out: {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)
        return False
    return True


def _side_by_side(losses: dict[str, rivals.Loss], z: Tensor, repeats: int) -> dict[str, list[float]]:
    steps = {name: _step(loss, z) for name, loss in losses.items()}
    # Each timing takes at least 100 ms, so that clock and scheduler have little effect.
    once = {name: _time(step, 1, z) for name, step in steps.items()}
    calls = {name: max(1, int(0.1 / max(seconds, 1e-6))) for name, seconds in once.items()}
    times: dict[str, list[float]] = {name: [] for name in losses}
    for turn in range(repeats):
        for name, step in steps.items():
            if once[name] >= 1 and turn >= 2:
                continue  # slow losses get at most two turns
            if once[name] < 1:
                step()  # the previous rival has changed caches and memory
            times[name].append(_time(step, calls[name], z))
    return times


def _step(loss: rivals.Loss, z: Tensor) -> Callable[[], None]:
    def step() -> None:
        z.grad = None
        loss(z).backward()

    return step


def _time(step: Callable[[], None], calls: int, z: Tensor) -> float:
    if z.is_cuda:
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(calls):
            step()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1000 / calls
    begin = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - begin) / calls


def matmul_rate(device: torch.device) -> float:
    """Operations per second of a matrix product with float32 accuracy, large enough for the maximum speed of the
    device.

    On tensor cores, three tf32 products give one with float32 accuracy, which is used if it is faster.
    """
    if device.type == "cpu":
        return _matmul_rate(device)
    matmul = torch.backends.cuda.matmul
    # PyTorch 2.9 replaces the switch by the name of a precision, and refuses a mixture of the two.
    name, switch = (
        ("fp32_precision", ("ieee", "tf32")) if hasattr(matmul, "fp32_precision") else ("allow_tf32", (False, True))
    )
    before = getattr(matmul, name)
    rates = []
    try:
        for value, products in zip(switch, (1, 3), strict=True):
            setattr(matmul, name, value)
            rates.append(_matmul_rate(device) / products)
    finally:
        setattr(matmul, name, before)
    return max(rates)


def _matmul_rate(device: torch.device) -> float:
    side = 2048 if device.type == "cpu" else 8192
    a = torch.randn(side, side, device=device)
    out = torch.empty_like(a)

    def product() -> None:
        torch.mm(a, a, out=out)

    return 2 * side**3 / min(_time(product, 1, a) for _ in range(6))


def _peak_memory(name: str, b: int, d: int, device: torch.device) -> float | None:
    """Peak bytes in addition to the input and the memory of the library; measured in a separate process on the CPU."""
    if device.type == "cuda":
        loss = _losses()[name]
        z = torch.randn(b, d, device=device, requires_grad=True)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        loss(z).backward()
        return float(torch.cuda.max_memory_allocated(device) - before)
    if name == "dense, torch.compile":
        return None  # compiling in a new process would take more memory than the loss
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_resident_growth, (name, b, d))


def _resident_growth(name: str, b: int, d: int) -> float:
    loss = _losses()[name]
    loss(torch.randn(64, d, requires_grad=True)).backward()  # threads and buffers that remain
    z = torch.randn(b, d, requires_grad=True)
    before = _peak_resident(reset=True)
    loss(z).backward()
    return _peak_resident() - before


def _peak_resident(reset: bool = False) -> float:
    """Peak resident bytes, counted from now on with `reset` if the system supports it."""
    clear, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    try:
        if reset:
            clear.write_text("5")
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024.0 * int(line.split()[1])
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def conditions(device: torch.device) -> str:
    """Device and versions in one line."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()
    where = name if device.type == "cuda" else f"{name}, {torch.get_num_threads()} threads"
    return f"{where}; PyTorch {torch.__version__}, Python {platform.python_version()}, eccentric {__version__}; float32"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def table(found: Sequence[Measurement]) -> str:
    """Markdown table of time, ratio to ours and memory, with a row for each loss and a column for each size."""
    sizes = list(dict.fromkeys((m.b, m.d) for m in found))
    names = list(dict.fromkeys(m.name for m in found))
    cells = {(m.name, m.b, m.d): m for m in found}
    lines = ["| time (ratio), memory | " + " | ".join(f"b = {b:,}, d = {d}" for b, d in sizes) + " |"]
    lines.append("| --- |" + " --- |" * len(sizes))
    for name in names:
        row = [_cell(cells.get((name, b, d))) for b, d in sizes]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    floors = {(m.b, m.d): m.floor for m in found}
    lines.append("| floor: the arithmetic alone | " + " | ".join(_duration(floors[size]) for size in sizes) + " |")
    return "\n".join(lines)


def _cell(m: Measurement | None) -> str:
    if m is None:
        return ""
    ratio = "" if m.name == OURS else f" ({m.ratio:.2g}x)" if m.ratio < 10 else f" ({m.ratio:.0f}x)"
    # The start of a process has a peak of memory that hides smaller values.
    memory = "" if m.memory is None else f", {m.memory / 1e6:,.0f} MB" if m.memory >= 1e6 else ", < 1 MB"
    return _duration(m.seconds) + ratio + memory


def _duration(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def growth(
    device: torch.device, b: Sequence[int], d: Sequence[int], repeats: int
) -> tuple[list[Measurement], list[Measurement]]:
    """Measurements of time over b at d = 64, and over d at b = 2048."""
    by_b = measure([(size, 64) for size in b], device, repeats, memory=False)
    return by_b, measure([(2048, size) for size in d], device, repeats, memory=False)


def growth_plot(by_b: Sequence[Measurement], by_d: Sequence[Measurement]) -> Figure:
    """Plot time against b and against d on logarithmic axes, with the floor."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2), layout="constrained", dpi=150)
    axes = figure.subplots(1, 2, sharey=True)
    fixed = (f"d = {by_b[0].d}", f"b = {by_d[0].b:,}")
    for ax, found, key, title in zip(axes, (by_b, by_d), ("b", "d"), fixed, strict=True):
        for name in dict.fromkeys(m.name for m in found):
            points = [(getattr(m, key), m.seconds) for m in found if m.name == name]
            style = {"linewidth": 2.5, "zorder": 3} if name == OURS else {"linewidth": 1.2}
            ax.loglog(*zip(*points, strict=True), marker="o", markersize=4, label=name, **style)
        floor = sorted({(getattr(m, key), m.floor) for m in found})
        ax.loglog(*zip(*floor, strict=True), "--", color="0.4", label="floor: arithmetic alone")
        ax.set_xlabel({"b": "batch size b", "d": "latent dimensions d"}[key])
        ax.set_title(title)
        ax.grid(color="0.9")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("seconds, forward and backward")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    return figure


def write_plot(path: Path, figure: Figure) -> None:
    from eccentric.files import atomic

    with atomic(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower())


def write_json(path: Path, found: Sequence[Measurement], device: torch.device) -> None:
    from eccentric.files import atomic

    with atomic(path) as temporary:
        report = {"conditions": conditions(device), "measurements": [asdict(m) for m in found]}
        temporary.write_text(json.dumps(report, indent=1), encoding="utf-8")
