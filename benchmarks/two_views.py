"""The study of docs/self-supervised.md: four regularizers and none, over four decades of weights.

    python -m benchmarks.two_views run runs/two-views     # resumable; one JSON file for each training
    python -m benchmarks.two_views write runs/two-views docs

`run` trains, in this order: each regularizer at full decades of its weight with one seed; two more seeds at the weight
that scored best on validation images; half decades. It copies the trainings that docs/self-supervised.json holds with
the same settings, so that only missing ones are trained; `--afresh` repeats them. `write` prints the tables and draws
the picture of what there is by then, and keeps the numbers as JSON.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eccentric.files import read_json, write_json
from eccentric.two_views import REGULARIZERS
from eccentric.two_views.training import Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

SOURCES = ("mnist", "celeba")
DECADES = tuple(10.0**k for k in range(-3, 2))
HALVES = tuple(float(f"{3.16 * 10.0**k:.3g}") for k in range(-3, 1))
SEEDS = (0, 1, 2)
TITLES = {"eccentric": "Eccentric", "sigreg": "SIGReg", "vicreg": "VICReg", "uniformity": "uniformity", "none": "none"}
DATA_TITLES = {"mnist": "MNIST, accuracy", "celeba": "10,000 faces, mean area under the ROC curve"}
KEPT = Path(__file__).parents[1] / "docs" / "self-supervised.json"
TOLERANCE = 0.02
"""A weight is on the plateau if its score is within two points of the best one of the same regularizer."""

Cell = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "write"])
    parser.add_argument("folder", type=Path, help="where the JSON files are")
    parser.add_argument("docs", type=Path, nargs="?", help="for write: the folder of documentation")
    parser.add_argument("--sources", nargs="+", default=list(SOURCES))
    parser.add_argument("--steps", type=int, default=Setting.steps)
    parser.add_argument("--small", action="store_true", help="a toy: one weight and few images")
    parser.add_argument("--afresh", action="store_true", help="use no results of docs/self-supervised.json")
    args = parser.parse_args()
    if args.action == "run":
        run(args.folder, args.sources, args.steps, args.small, None if args.afresh or args.small else KEPT)
    elif args.docs is None:
        parser.error("write needs the folder of documentation")
    else:
        write(args.folder, args.docs)


def run(folder: Path, sources: list[str], steps: int, small: bool = False, kept: Path | None = None) -> None:
    from eccentric.two_views.data import material
    from eccentric.two_views.training import train_and_probe

    folder.mkdir(parents=True, exist_ok=True)
    known = read_json(kept) if kept is not None and kept.exists() else []
    materials: dict[str, Any] = {}
    for source, setting in plan(folder, sources, steps, small):
        path = folder / f"{name_of(source, setting)}.json"
        settings = {"source": source, **asdict(setting)}
        if path.exists():
            if not settings.items() <= read_json(path).items():
                raise SystemExit(f"{path} was trained with other settings; choose another folder")
            continue
        same = next((cell for cell in known if settings.items() <= cell.items()), None)
        if same is not None:
            write_json(path, same)
            continue
        if source not in materials:
            materials[source] = material(source, small)
        data = materials[source]
        found = train_and_probe(setting, data.views, data.train, data.probes, data.others)
        write_json(path, {**settings, **found})
        print(f"{path.stem}: linear {found['test']['linear']:.4f}, rank {found['effective_rank']:.1f}", flush=True)


def name_of(source: str, setting: Setting) -> str:
    projected = "projector" if setting.projector else "direct"
    return f"{source}-{setting.regularizer}-{setting.weight:g}-{projected}-seed{setting.seed}"


def plan(folder: Path, sources: list[str], steps: int, small: bool = False) -> Iterator[tuple[str, Setting]]:
    """The trainings in their order; the second part looks at what the first has written."""
    kinds = list(itertools.product(sources, (False, True)))
    for weight in (0.1,) if small else sorted(DECADES, key=lambda w: abs(math.log10(w) + 0.5)):
        for (source, projector), regularizer in itertools.product(kinds, REGULARIZERS):
            yield source, Setting(regularizer, weight, projector, steps=steps)  # type: ignore[arg-type]
    for source, projector in kinds:
        yield source, Setting("eccentric", 0.0, projector, steps=steps)
    if small:
        return
    for seed, (source, projector), regularizer in itertools.product(SEEDS[1:], kinds, [*REGULARIZERS, "none"]):
        tried = [
            cell
            for cell in read(folder)
            if (cell["source"], cell["projector"], cell["seed"], cell["steps"]) == (source, projector, 0, steps)
            and kind_of(cell) == regularizer
            and cell["weight"] in (*DECADES, 0.0)
        ]
        best = max(tried, key=lambda cell: cell["validation"]["linear"])
        yield source, Setting(best["regularizer"], best["weight"], projector, seed, steps)
    for weight, (source, projector), regularizer in itertools.product(
        sorted(HALVES, key=lambda w: abs(math.log10(w) + 0.5)), kinds, REGULARIZERS
    ):
        yield source, Setting(regularizer, weight, projector, steps=steps)  # type: ignore[arg-type]


def read(folder: Path) -> list[Cell]:
    return [read_json(path) for path in sorted(folder.glob("*.json"))]


def kind_of(cell: Cell) -> str:
    """The regularizer's name; "none" at weight 0."""
    return str(cell["regularizer"]) if cell["weight"] else "none"


def chosen(cells: list[Cell]) -> list[Cell]:
    """All seeds at the full decade that scored best on validation images with the first seed."""
    first = [cell for cell in cells if cell["seed"] == 0 and cell["weight"] in (*DECADES, 0.0)]
    best = max(first, key=lambda cell: cell["validation"]["linear"])["weight"]
    return [cell for cell in cells if cell["weight"] == best]


def plateau(cells: list[Cell]) -> tuple[float, float]:
    """The smallest and the largest weight of the longest row of weights that score within TOLERANCE of the best."""
    first = sorted((cell for cell in cells if cell["seed"] == 0), key=lambda cell: cell["weight"])
    best = max(cell["test"]["linear"] for cell in first)
    rows: list[list[float]] = [[]]
    for cell in first:
        if cell["test"]["linear"] >= best - TOLERANCE:
            rows[-1].append(cell["weight"])
        else:
            rows.append([])
    row = max(rows, key=lambda weights: math.log(weights[-1] / weights[0]) if weights else -1.0)
    return row[0], row[-1]


def table(cells: list[Cell]) -> str:
    """One row for each regularizer, the best linear probe first."""
    lines = [
        "| regularizer | weight | seeds | linear probe, % | neighbours, % | effective rank | within 2 points "
        "| CPU ms a step |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    rows = []
    for kind in TITLES:
        own = [cell for cell in cells if kind_of(cell) == kind]
        if not own:
            continue
        best = chosen(own)
        linear = spread([100 * cell["test"]["linear"] for cell in best])
        near = spread([100 * cell["test"]["neighbours"] for cell in best])
        rank = spread([cell["effective_rank"] for cell in best])
        weight = width = ""
        if kind != "none":
            low, high = plateau(own)
            weight, width = f"{best[0]['weight']:g}", f"{low:g} to {high:g} ({math.log10(high / low):.1f} decades)"
        time = 1000 * min(cell["cpu_seconds_per_step"] for cell in own)  # least disturbed by other programs
        score = statistics.mean(cell["test"]["linear"] for cell in best)
        row = f"| {TITLES[kind]} | {weight} | {len(best)} | {linear} | {near} | {rank} | {width} | {time:.0f} |"
        rows.append((score, row))
    return "\n".join([*lines, *(row for _, row in sorted(rows, reverse=True))])


def spread(values: list[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def write(folder: Path, docs: Path) -> None:
    from eccentric.plots import png

    cells = read(folder)
    tables = []
    for source, projector in itertools.product(SOURCES, (False, True)):
        some = [cell for cell in cells if (cell["source"], cell["projector"]) == (source, projector)]
        if some:
            tables.append(f"{DATA_TITLES[source]}, {'with' if projector else 'without'} projector:\n\n{table(some)}\n")
    print("\n".join(tables))
    write_json(docs / "self-supervised.json", cells)
    (docs / "images").mkdir(exist_ok=True)
    (docs / "images" / "self-supervised-weights.png").write_bytes(png(drawn(cells)))


def drawn(cells: list[Cell]) -> Figure:
    """Score of the linear probe against the weight, one panel for each data set with and without projector."""
    from matplotlib.figure import Figure

    from eccentric.plots.style import BLUE, GREY, INK, ORANGE, WIDTH, styled

    colours = {"eccentric": BLUE, "sigreg": ORANGE, "vicreg": INK, "uniformity": GREY}
    styles = {"eccentric": "-", "sigreg": "-", "vicreg": "--", "uniformity": ":"}

    @styled
    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH * 1.3, WIDTH * 1.05), layout="constrained")
        grid = figure.subplots(2, 2, sharex=True, sharey="row")
        for axes, (source, projector) in zip(grid.flat, itertools.product(SOURCES, (False, True)), strict=True):
            some = [c for c in cells if (c["source"], c["projector"], c["seed"]) == (source, projector, 0)]
            for kind in REGULARIZERS:
                own = sorted((c for c in some if kind_of(c) == kind), key=lambda c: c["weight"])
                weights, scores = [c["weight"] for c in own], [100 * c["test"]["linear"] for c in own]
                axes.plot(weights, scores, styles[kind], marker=".", color=colours[kind], label=TITLES[kind])
            for cell in some:
                if kind_of(cell) == "none":
                    axes.axhline(100 * cell["test"]["linear"], color=GREY, linewidth=0.7, label="none")
            axes.set_xscale("log")
            data = {"mnist": "MNIST", "celeba": "faces"}[source]
            axes.set_title(f"{data}, {'with' if projector else 'without'} projector")
        grid[0, 0].set_ylabel("linear probe: accuracy, %")
        grid[1, 0].set_ylabel("linear probe: mean ROC area, %")
        for axes in grid[1]:
            axes.set_xlabel("weight of the regularizer")
        grid[0, 0].legend(loc="best")
        return figure

    return draw()


if __name__ == "__main__":
    main()
