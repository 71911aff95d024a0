"""`eccentric train`: one run, or several seeds in parallel."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from eccentric.cli.app import DataArgument, DropOption, ItemKindOption, LabelOption, app, console, names, print_note
from eccentric.cli.options import given_settings, merged, was_given, with_settings
from eccentric.cli.progress import ReadingProgress, SeveralProgress, TrainingProgress
from eccentric.errors import UsageError
from eccentric.training.config import TrainConfig


@app.command()
@with_settings
def train(
    context: typer.Context,
    data: DataArgument,
    out: Annotated[Path, typer.Option(help="Folder for the run.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Named settings: paper (as published) or fast (a tenth of the steps); explicit options override them."
        ),
    ] = None,
    runs: Annotated[
        int,
        typer.Option(min=1, help="Number of seeds to train in parallel, starting at --seed, in OUT/seed-0 and so on."),
    ] = 1,
    logger: Annotated[
        list[str] | None,
        typer.Option(help="Log to tensorboard, wandb or mlflow in addition to metrics.csv; may be repeated."),
    ] = None,
    push: Annotated[
        str | None,
        typer.Option(
            metavar="NAME/REPOSITORY",
            help="Send the run with a model card to this repository of the Hugging Face Hub when training has ended.",
        ),
    ] = None,
    label: LabelOption = None,
    drop: DropOption = "",
    item_kind: ItemKindOption = "auto",
    image_size: Annotated[int | None, typer.Option(help="Resize images to this height and width.")] = None,
    test_fraction: Annotated[
        float, typer.Option(help="Fraction of items held out if the data have no test split.")
    ] = 0.2,
    split_seed: Annotated[int, typer.Option(min=0, help="Seed of the split; independent of --seed.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing run in OUT.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the run in OUT with its own settings, or start it.")
    ] = False,
    **settings: Any,
) -> None:
    """Train an autoencoder on DATA and write a run folder with its report.

    Under torchrun or srun, all ranks train one model on shares of each batch.
    """
    from eccentric.data import load
    from eccentric.report import write_report
    from eccentric.runs.claim import check_folder
    from eccentric.training import Run, stop_on_signal
    from eccentric.training.engine import first_rank
    from eccentric.training.recipes import check_recipe
    from eccentric.training.recipes import recipe as settings_of
    from eccentric.training.stopping import outlive_terminal
    from eccentric.training.train import train as train_run

    context.with_resource(outlive_terminal())  # until the end: also while data are read and the report is written
    given = given_settings(context)
    TrainConfig(**given)  # check the settings before the data are read, which can take long
    if recipe is not None:
        check_recipe(recipe)
    if push is not None and first_rank():
        _check_push(push, runs)
    if runs > 1:
        _train_several(context, out, [settings["seed"] + number for number in range(runs)])
        return
    if first_rank():
        check_folder(out, overwrite, resume)
    else:
        console.quiet = True  # only the first rank prints
    run = Run(out) if resume and (out / "config.json").exists() else None
    begun = None if run is None else run.config
    reading: dict[str, Any] = {
        "label": label,
        "drop": names(drop),
        "item_kind": item_kind,
        "image_size": image_size,
        "test_fraction": test_fraction,
        "seed": split_seed,
    }
    for name in reading:  # options that are not given keep the values of the run
        if (
            begun is not None
            and name in begun["data"]
            and not was_given(context, "split_seed" if name == "seed" else name)
        ):
            reading[name] = begun["data"][name]
    with ReadingProgress(f"Reading {data}") as bar:
        loaded = load(data, **reading, on_progress=bar.show)
    for note in loaded.notes:
        print_note(note)
    base = settings_of(recipe, loaded.spec) if recipe is not None else {}
    if recipe is None and run is not None:
        base = vars(TrainConfig.of_run(run))
    config = merged(base, given)
    with stop_on_signal() as stop, TrainingProgress(config, len(loaded.train.x)) as progress:
        result = train_run(
            loaded,
            config,
            out,
            source={"source": data, **reading},
            overwrite=overwrite,
            resume=resume,
            loggers=logger or (),
            stop=stop,
            on_metrics=progress.show,
            on_note=print_note,
        )
    if not first_rank():
        return
    with console.status("Writing the report"):
        report = write_report(result)
    _print_summary(result.components.eigenvalues.tolist() if result.has_spectrum else [], result.evaluation)
    console.print(f"Report: {report}", markup=False, soft_wrap=True)
    if not result.finished:
        console.print(
            f"Training was interrupted; {out} is a complete run folder and can be resumed with --resume.",
            markup=False,
            soft_wrap=True,
        )
        raise typer.Exit(128 + stop.signum)
    if push is not None:
        from eccentric.hub import push as send

        with console.status(f"Sending the run to {push}"):
            address = send(result, push)
        console.print(f"Hub: {address}", markup=False, soft_wrap=True)


def _check_push(repository: str, runs: int) -> None:
    """Before the training."""
    from eccentric.hub import check_repository

    if runs > 1:
        raise UsageError(
            "--push sends one run, but --runs trains several; train them without it and push the chosen one"
        )
    check_repository(repository)


def _train_several(context: typer.Context, out: Path, seeds: list[int]) -> None:
    from eccentric.runs.claim import check_folder
    from eccentric.training import Run, find_device, stop_on_signal
    from eccentric.training.several import folder_of, places, train_several

    if "TORCHELASTIC_RUN_ID" in os.environ:
        raise UsageError(
            "--runs trains several seeds in parallel, torchrun one model on several ranks; they cannot be combined"
        )
    for seed in seeds:
        check_folder(folder_of(out, seed), context.params["overwrite"], context.params["resume"])
    arguments: list[str] = []
    for option in context.command.params:
        if option.name in ("out", "seed", "runs") or not was_given(context, str(option.name)):
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
    with stop_on_signal() as stop, SeveralProgress(seeds) as progress:
        train_several(
            arguments, out, seeds, stop, at_once=places(find_device(context.params["device"])), on_epoch=progress.show
        )
    runs = {seed: Run(folder_of(out, seed)) for seed in seeds if (folder_of(out, seed) / "evaluation.json").exists()}
    table = Table("seed", "reconstruction error", "trace", "eigenvalues")
    for seed, run in runs.items():
        values = run.components.eigenvalues.tolist() if run.has_spectrum else []
        shown = "  ".join(f"{value:.2f}" for value in values[:8]) + ("  ..." if len(values) > 8 else "")
        trace = f"{sum(values):.2f}" if values else "-"
        table.add_row(str(seed), f"{run.evaluation['test_reconstruction']:.4f}", trace, shown)
    if runs:
        console.print(table)
    if stop.asked:
        console.print("Training was interrupted; repeat the command with --resume to continue.", soft_wrap=True)
        raise typer.Exit(128 + stop.signum)
    if all(run.has_spectrum for run in runs.values()):  # the others have no components to align
        quoted = shlex.quote(str(out))
        command = f"eccentric align {quoted}/seed-* --out {quoted}/alignment"
        console.print(f"To compare the runs: {command}", markup=False, soft_wrap=True)


def _print_summary(eigenvalues: list[float], evaluation: dict[str, Any]) -> None:
    """Print a summary of a run. Eigenvalues are empty for a method without principal components."""
    if eigenvalues:
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
