"""The command line: parse, call, print."""

from __future__ import annotations

import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from eccentric import __version__
from eccentric.alignment import GAP
from eccentric.errors import EccentricError, UsageError
from eccentric.training.config import TrainConfig

app = typer.Typer(
    help="Deep principal components that you can trust.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
console = Console()
DEFAULT = TrainConfig()
HELP = {field.name: field.metadata["help"] for field in fields(TrainConfig)}

DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="digits (embedded), mnist or celeba (from the hub), a hub id, or a path: a folder of images or of a "
        "data set, an .npy, .npz, .csv or .parquet file.",
    ),
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a training run.")]
LabelOption = Annotated[str | None, typer.Option(help="Column that holds the labels, where it is not found by itself.")]
DropOption = Annotated[str, typer.Option(help="Columns of a table to leave out, separated by commas.")]


def run() -> None:
    """Run the command line; a user's mistake ends in one line and exit status 2 or 1."""
    try:
        app()
    except EccentricError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except (MemoryError, RuntimeError) as error:
        # PyTorch's CPU allocator has no exception of its own; that of accelerators is a RuntimeError too.
        if not isinstance(error, MemoryError) and "memory" not in str(error).lower():
            raise
        print("error: not enough memory; try a smaller --dim, --batch-size or --image-size", file=sys.stderr)
        sys.exit(1)


def _version(asked: bool) -> None:
    if asked:
        console.print(f"eccentric {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def train(
    context: typer.Context,
    data: DataArgument,
    out: Annotated[Path, typer.Option(help="Folder to write the run to.")],
    dim: Annotated[int, typer.Option(help=HELP["dim"])] = DEFAULT.dim,
    weight: Annotated[float, typer.Option(help=HELP["weight"])] = DEFAULT.weight,
    mu: Annotated[float, typer.Option(help=HELP["mu"])] = DEFAULT.mu,
    kernel_constant: Annotated[str, typer.Option("--N", metavar="N", help=HELP["N"])] = str(DEFAULT.N),
    epochs: Annotated[int, typer.Option(help=HELP["epochs"])] = DEFAULT.epochs,
    batch_size: Annotated[int, typer.Option(help=HELP["batch_size"])] = DEFAULT.batch_size,
    learning_rate: Annotated[float, typer.Option(help=HELP["learning_rate"])] = DEFAULT.learning_rate,
    weight_decay: Annotated[float, typer.Option(help=HELP["weight_decay"])] = DEFAULT.weight_decay,
    architecture: Annotated[str, typer.Option(help=HELP["architecture"])] = DEFAULT.architecture,
    schedule: Annotated[str, typer.Option(help=HELP["schedule"])] = DEFAULT.schedule,
    seed: Annotated[int, typer.Option(help=HELP["seed"])] = DEFAULT.seed,
    device: Annotated[str, typer.Option(help=HELP["device"])] = DEFAULT.device,
    precision: Annotated[str, typer.Option(help=HELP["precision"])] = DEFAULT.precision,
    compile: Annotated[str, typer.Option(help=HELP["compile"])] = DEFAULT.compile,
    log_every: Annotated[int, typer.Option(help=HELP["log_every"])] = DEFAULT.log_every,
    checkpoint_seconds: Annotated[float, typer.Option(help=HELP["checkpoint_seconds"])] = DEFAULT.checkpoint_seconds,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="paper (to the letter) or fast (as far in a tenth of the steps); options given go before it."
        ),
    ] = None,
    runs: Annotated[
        int, typer.Option(min=1, help="Train this many seeds at once, from --seed on, into OUT/seed-0 and so on.")
    ] = 1,
    logger: Annotated[
        list[str] | None, typer.Option(help="tensorboard, wandb or mlflow beside metrics.csv; may be repeated.")
    ] = None,
    label: LabelOption = None,
    drop: DropOption = "",
    image_size: Annotated[int | None, typer.Option(help="Resize images to this height and width.")] = None,
    test_fraction: Annotated[float, typer.Option(help="Share held out where the data have no test split.")] = 0.2,
    split_seed: Annotated[int, typer.Option(min=0, help="Seed of that split, apart from the run's own.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that already lies there.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that lies there, or begin it; settings are its own.")
    ] = False,
) -> None:
    """Train an autoencoder on DATA and write a run folder with its report.

    Under torchrun or srun, all ranks train one model on shares of each batch.
    """
    from eccentric.data import load
    from eccentric.report import write_report
    from eccentric.training import Run, stop_on_signal
    from eccentric.training.claim import check_folder
    from eccentric.training.engine import first_rank
    from eccentric.training.recipes import recipe as settings_of
    from eccentric.training.train import train as train_run

    values = {**context.params, "N": _number_or_name(kernel_constant)}
    given = {name: values[name] for name in HELP if _was_given(context, "kernel_constant" if name == "N" else name)}
    TrainConfig(**given)  # a mistake is named before the data are read, which may take long
    if recipe is not None:
        settings_of(recipe, ())
    if runs > 1:
        _train_several(context, out, [seed + number for number in range(runs)])
        return
    if first_rank():
        check_folder(out, overwrite, resume)
    else:
        console.quiet = True  # the first rank speaks for all
    source: dict[str, Any] = {
        "source": data,
        "label": label,
        "drop": _names(drop),
        "image_size": image_size,
        "test_fraction": test_fraction,
        "seed": split_seed,
    }
    with console.status(f"Reading {data}"):
        loaded = load(
            data,
            label=label,
            drop=_names(drop),
            image_size=image_size,
            test_fraction=test_fraction,
            seed=split_seed,
        )
    for note in loaded.notes:
        _print_note(note)
    settings = settings_of(recipe, loaded.shape) if recipe is not None else {}
    if resume and (out / "config.json").exists():
        settings = settings or Run(out).config["train"]
    config = TrainConfig(**{**settings, **given})
    with stop_on_signal() as stop, _TrainingProgress(config, len(loaded.train.x)) as progress:
        result = train_run(
            loaded,
            config,
            out,
            source=source,
            overwrite=overwrite,
            resume=resume,
            loggers=logger or (),
            stop=stop,
            on_metrics=progress.show,
            on_note=_print_note,
        )
    if not first_rank():
        return
    with console.status("Writing the report"):
        report = write_report(result)
    _print_summary(result.components.eigenvalues.tolist(), result.evaluation)
    console.print(f"Report: {report}", markup=False, soft_wrap=True)
    if stop.asked:
        console.print(f"Stopped early; {out} is complete as far as training went.", markup=False, soft_wrap=True)
        raise typer.Exit(128 + stop.signum)


@app.command()
def report(path: RunArgument) -> None:
    """Draw the report of a run again."""
    from eccentric.report import write_report
    from eccentric.training import Run

    with console.status("Writing the report"):
        written = write_report(Run(path))
    console.print(f"Report: {written}", markup=False, soft_wrap=True)


@app.command()
def encode(
    path: RunArgument,
    data: DataArgument,
    out: Annotated[Path, typer.Option(help="File to write: .parquet or .csv.")],
    label: LabelOption = None,
) -> None:
    """Write the components of every item of DATA."""
    from eccentric.export import check_encoding_path, encode_data, write_encoding
    from eccentric.training import Run

    check_encoding_path(out)
    with console.status(f"Encoding {data}"):
        splits = encode_data(Run(path), data, label=label)
        write_encoding(out, splits)
    count = sum(len(split.p) for split in splits.values())
    console.print(f"{count} item{'s' if count > 1 else ''}: {out}", markup=False, soft_wrap=True)


@app.command()
def sample(
    path: RunArgument,
    out: Annotated[Path, typer.Option(help="File to write: .png for images, .csv for tables, .npy for either.")],
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 64,
    method: Annotated[
        Literal["standard", "matched"],
        typer.Option(help="Latents from a standard normal, or from a Gaussian matched to the training latents."),
    ] = "matched",
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed.")] = 0,
) -> None:
    """Decode random latents into new items."""
    from eccentric.export import check_samples_path, write_samples
    from eccentric.export import sample as draw
    from eccentric.training import Run

    trained = Run(path)
    check_samples_path(out, trained)
    write_samples(out, draw(trained, count, method, seed), trained.feature_names)
    console.print(f"{count} sample{'s' if count > 1 else ''}: {out}", markup=False, soft_wrap=True)


@app.command()
def align(
    paths: Annotated[list[Path], typer.Argument(metavar="RUN", help="Two or more folders of runs on the same items.")],
    out: Annotated[Path, typer.Option(help="Folder to write numbers, aligned encodings and a picture to.")],
    method: Annotated[
        Literal["assignment", "paper", "procrustes"],
        typer.Option(
            help="Match components one to one by correlation; by the paper's Algorithm 1; or one to one, then rotated "
            "where eigenvalues are close."
        ),
    ] = "assignment",
    gap: Annotated[
        float, typer.Option(min=0, max=1, help="How much of its greatest eigenvalue a rotated group may span.")
    ] = GAP,
) -> None:
    """Align runs to the first of them on training items, and say how far they agree on test items."""
    from eccentric.comparison import compare, write_comparison
    from eccentric.training import Run

    with console.status("Aligning"):
        comparison = compare([Run(path) for path in paths], method, gap=gap)
        write_comparison(out, comparison)
    _print_comparison(comparison)
    console.print(f"Written: {out}", markup=False, soft_wrap=True)


bench = typer.Typer(help="Measure against rivals, side by side in one run.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@bench.command("loss")
def bench_loss(
    sizes: Annotated[
        str, typer.Option(help="Batch sizes and dimensions, as 1024x64,4096x64; the README's by default.")
    ] = "",
    device: Annotated[str, typer.Option(help=HELP["device"])] = "auto",
    repeats: Annotated[int, typer.Option(min=1, help="Turns each loss takes; the median counts.")] = 5,
    memory: Annotated[bool, typer.Option(help="Measure peak memory as well.")] = True,
    json: Annotated[Path | None, typer.Option(help="File for the numbers.")] = None,
    plot: Annotated[Path | None, typer.Option(help="File for a plot of growth with b and d (.png or .svg).")] = None,
) -> None:
    """The loss against the paper's listing, dense formulas, KeOps where installed, and other regularizers."""
    from eccentric.bench import loss
    from eccentric.training import find_device

    where = find_device(device)
    if where.type not in loss.GROWTH_B:
        raise UsageError(f"measurements know {' and '.join(loss.GROWTH_B)}, not {where.type}")
    for path in (json, plot):
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"there is no folder {path.parent} to write {path.name} to")
    if plot is not None and plot.suffix.lower() not in loss.PLOTS:
        raise UsageError(f"plots are written as {', '.join(loss.PLOTS)}, not {plot.name!r}")
    chosen = [_size(text) for text in _names(sizes)] or list(loss.SIZES)
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
        raise UsageError(f"a size is written as 1024x64 (b of 2 or more, d of 2 or more), not {text!r}")
    return int(b), int(d)


class _TrainingProgress:
    """A bar with the loss terms on a terminal; elsewhere about twenty lines in all."""

    def __init__(self, config: TrainConfig, items: int) -> None:
        self._total = config.epochs * (items // min(config.batch_size, items))
        self._dim = config.dim
        self._printed = 0.0
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[terms]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=self._total, epoch=f"0/{config.epochs}", terms="")
        self._epochs = config.epochs

    def __enter__(self) -> _TrainingProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, metrics: Any) -> None:
        terms = (
            f"reconstruction {metrics.reconstruction:.4f}  eccentric {metrics.eccentric:.3f}  "
            f"radius {metrics.mean_radius:.2f}  trace {metrics.trace:.2f} (d {self._dim})  "
            f"{metrics.images_per_second:,.0f} items/s"
        )
        self._bar.update(self._task, completed=metrics.step, epoch=f"{metrics.epoch}/{self._epochs}", terms=terms)
        done = metrics.step / self._total
        if not console.is_terminal and (done - self._printed >= 0.05 or done == 1):
            self._printed = done
            console.print(f"epoch {metrics.epoch}/{self._epochs}  {terms}", soft_wrap=True, highlight=False)


def _print_summary(eigenvalues: list[float], evaluation: dict[str, Any]) -> None:
    shown = "  ".join(f"{value:.2f}" for value in eigenvalues[:12]) + ("  ..." if len(eigenvalues) > 12 else "")
    console.print(f"Eigenvalues: {shown}", highlight=False, soft_wrap=True)
    console.print(f"Trace: {sum(eigenvalues):.2f} (d = {len(eigenvalues)})", highlight=False)
    table = Table("on test data", "this run", "PCA of the same size")
    rows = [("reconstruction error", "test_reconstruction", "pca_test_reconstruction", "{:.4f}")]
    if "neighbour_error" in evaluation:
        name = f"{evaluation['neighbours']}-nearest-neighbour error"
        rows.append((name, "neighbour_error", "pca_neighbour_error", "{:.1%}"))
    for name, ours, theirs, form in rows:
        table.add_row(name, form.format(evaluation[ours]), form.format(evaluation[theirs]))
    console.print(table)


def _train_several(context: typer.Context, out: Path, seeds: list[int]) -> None:
    from eccentric.training import Run, stop_on_signal
    from eccentric.training.claim import check_folder
    from eccentric.training.several import folder_of, train_several

    if "TORCHELASTIC_RUN_ID" in os.environ:
        raise UsageError("--runs trains seeds side by side, torchrun one model on many ranks; use one of them")
    for seed in seeds:
        check_folder(folder_of(out, seed), context.params["overwrite"], context.params["resume"])
    arguments: list[str] = []
    for option in context.command.params:
        if option.name in ("out", "seed", "runs") or not _was_given(context, str(option.name)):
            continue
        value = context.params[str(option.name)]
        if option.param_type_name == "argument":
            arguments.append(value)
        elif value is True:
            arguments.append(option.opts[0])
        else:
            arguments += [
                part for one in (value if isinstance(value, list) else [value]) for part in (option.opts[0], str(one))
            ]
    with stop_on_signal() as stop, _SeveralProgress(seeds) as progress:
        train_several(arguments, out, seeds, stop, progress.show)
    table = Table("seed", "reconstruction error", "trace", "eigenvalues")
    for seed in seeds:
        if (folder_of(out, seed) / "evaluation.json").exists():
            run = Run(folder_of(out, seed))
            values = run.components.eigenvalues.tolist()
            shown = "  ".join(f"{value:.2f}" for value in values[:8]) + ("  ..." if len(values) > 8 else "")
            table.add_row(str(seed), f"{run.evaluation['test_reconstruction']:.4f}", f"{sum(values):.2f}", shown)
    console.print(table)
    if stop.asked:
        raise typer.Exit(128 + stop.signum)
    console.print(f"Compare them: eccentric align {out}/seed-* --out {out}/alignment", markup=False, soft_wrap=True)


class _SeveralProgress:
    """A bar for each seed on a terminal; elsewhere a line for each fifth of the way."""

    def __init__(self, seeds: list[int]) -> None:
        columns = TextColumn("seed {task.fields[seed]}"), BarColumn(), TimeRemainingColumn()
        self._bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._tasks = {seed: self._bars.add_task("", total=None, seed=seed) for seed in seeds}
        self._printed = dict.fromkeys(seeds, 0)

    def __enter__(self) -> _SeveralProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, seed: int, epoch: int, epochs: int) -> None:
        if not epochs:
            return
        self._bars.update(self._tasks[seed], completed=epoch, total=epochs)
        if not console.is_terminal and 5 * epoch // epochs > self._printed[seed]:
            self._printed[seed] = 5 * epoch // epochs
            console.print(f"seed {seed}: epoch {epoch}/{epochs}", highlight=False)


def _print_comparison(comparison: Any) -> None:
    table = Table("on test data, before → after", "RMS distance", "mean cosine", "mean angle")
    for pair in comparison.pairs:
        found = pair.before, pair.after
        table.add_row(
            escape(f"{comparison.names[pair.first]}, {comparison.names[pair.second]}"),
            " → ".join(f"{side.distance:.2f}" for side in found),
            " → ".join(f"{side.cosine:.2f}" for side in found),
            " → ".join(f"{side.angle:.0f}°" for side in found),
        )
    console.print(table)
    stability = comparison.stability
    several = len(comparison.pairs) > 1
    values = "  ".join(
        f"p{k} {mean:.2f}" + (f" ± {spread:.2f}" if several else "")
        for k, (mean, spread) in enumerate(zip(stability.correlation[:12], stability.spread[:12], strict=True), 1)
    )
    more = "  ..." if len(stability.correlation) > 12 else ""
    console.print(f"Stability: {values}{more}", highlight=False, soft_wrap=True)


def _print_note(note: str) -> None:
    console.print(f"note: {note}", markup=False, soft_wrap=True)


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _number_or_name(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text  # TrainConfig checks names


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
