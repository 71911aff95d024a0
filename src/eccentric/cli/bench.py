"""`eccentric bench`: benchmarks against other implementations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eccentric.cli.app import DeviceOption, app, console, names
from eccentric.errors import UsageError

bench = typer.Typer(help="Benchmarks against other implementations.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@bench.command("loss")
def bench_loss(
    sizes: Annotated[
        str, typer.Option(help="Batch sizes and dimensions, such as 1024x64,4096x64; those of the README by default.")
    ] = "",
    device: DeviceOption = "auto",
    repeats: Annotated[int, typer.Option(min=1, help="Number of repetitions; the median is reported.")] = 5,
    memory: Annotated[bool, typer.Option(help="Also measure peak memory.")] = True,
    json: Annotated[Path | None, typer.Option(help="JSON file for the results.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="File for a plot of time against batch size and dimension (.png or .svg).")
    ] = None,
) -> None:
    """Compare the loss with the paper's listing, dense formulas, KeOps (if installed) and other regularizers."""
    from eccentric.bench import loss
    from eccentric.training import find_device

    where = find_device(device)
    if where.type not in loss.GROWTH_B:
        raise UsageError(f"the benchmark runs on {' or '.join(loss.GROWTH_B)}, not on {where.type}")
    for path in (json, plot):
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {path.parent}; create it first")
    if plot is not None and plot.suffix.lower() not in loss.PLOTS:
        raise UsageError(f"plots are written as {', '.join(loss.PLOTS)}, not {plot.name!r}")
    chosen = [_size(text) for text in names(sizes)] or list(loss.SIZES)
    with console.status("Measuring"):
        found = loss.measure(chosen, where, repeats, memory)
    print(f"{loss.conditions(where)}\n\n{loss.table(found)}")
    if json is not None:
        loss.write_json(json, found, where)
    if plot is not None:
        with console.status("Measuring growth"):
            by_b, by_d = loss.growth(where, loss.GROWTH_B[where.type], loss.GROWTH_D, repeats)
        loss.write_plot(plot, loss.growth_plot(by_b, by_d))


def _size(text: str) -> tuple[int, int]:
    b, _, d = text.partition("x")
    if not (b.isdigit() and d.isdigit() and int(b) >= 2 and int(d) >= 2):
        raise UsageError(f"a size must be written as 1024x64, with both numbers at least 2, not {text!r}")
    return int(b), int(d)
