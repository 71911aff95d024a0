"""`eccentric reproduce`: reproduction of the figures and tables of the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eccentric.cli.app import DeviceOption, FormatOption, app, console, print_note
from eccentric.cli.durations import parse_duration

BY_ROLE = "Either N for both data sets, or mnist=N and celeba=N; may be repeated."


@app.command()
def reproduce(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="ITEM...",
            help="fig1 to fig9, table1 to table5, or all; list shows the requirements of each item, page only writes "
            "the page.",
        ),
    ],
    work: Annotated[Path, typer.Option(help="Folder for runs and results; finished runs in it are reused.")] = Path(
        "runs/paper"
    ),
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Data to use instead of the paper's: a name or path for both data sets, or mnist=NAME and "
            "celeba=NAME; may be repeated."
        ),
    ] = None,
    epochs: Annotated[
        list[str] | None,
        typer.Option(metavar="N", help=f"Passes over the training data; those of the recipe by default. {BY_ROLE}"),
    ] = None,
    runs: Annotated[
        list[str] | None,
        typer.Option(metavar="N", help=f"Number of seeds for each setting; that of the paper by default. {BY_ROLE}"),
    ] = None,
    batch_size: Annotated[
        list[str] | None, typer.Option(metavar="N", help=f"Items per batch; that of the recipe by default. {BY_ROLE}")
    ] = None,
    width: Annotated[
        float, typer.Option(help="Factor on the channels of the network for CelebA; 1 is the network of the paper.")
    ] = 1.0,
    recipe: Annotated[
        str,
        typer.Option(help="fast (a tenth of the paper's epochs with a higher learning rate) or paper (as published)."),
    ] = "fast",
    mu: Annotated[
        list[float] | None,
        typer.Option(help="Value of mu in Table 1; may be repeated. The five values of the paper by default."),
    ] = None,
    small: Annotated[
        bool,
        typer.Option("--small", help="Use the digits of scikit-learn, 20 epochs and 2 seeds; takes minutes on a CPU."),
    ] = False,
    device: DeviceOption = "auto",
    fid_weights: Annotated[
        Path | None,
        typer.Option(help="File with the Inception weights for Table 1; by default torch-fidelity downloads them."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of processes that compute the missing results, ordered by the number of open claims."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="H:MM:SS", help="Stop after this time; rerun the command to resume. Implies --jobs 1."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            help="Also write the page to this file; small results and figures are stored in folders next to it, and "
            "used again where the runs are missing."
        ),
    ] = None,
    format: FormatOption = "png",
) -> None:
    """Reproduce figures and tables of the paper and compare our numbers with the published ones."""
    from eccentric.paper import ITEMS, RunStore, Scale, find_items
    from eccentric.paper import reproduce as make
    from eccentric.paper.display import QueueProgress, ReproductionProgress, items_table, left_text
    from eccentric.paper.page import PAGE, write_page
    from eccentric.paper.queue import Queue
    from eccentric.paper.run_store import Stopped
    from eccentric.paper.scale import data_sources, numbers_by_role
    from eccentric.paper.writing import RESULT, RUNS, Kept
    from eccentric.training import stop_on_signal
    from eccentric.training.stopping import outlive_terminal

    context.with_resource(outlive_terminal())  # until the end: also while the page is written
    by_role = {"epochs": epochs, "runs": runs, "batch_size": batch_size}
    given: dict[str, Any] = {
        name: numbers_by_role(f"--{name.replace('_', '-')}", v or []) for name, v in by_role.items()
    }
    given |= {"mus": mu or None, "fid_weights": fid_weights}
    chosen = {name: value for name, value in given.items() if value is not None}
    scale = (Scale.small if small else Scale)(
        **chosen, data=data_sources(data or []), recipe=recipe, width=width, device=device
    )
    seconds = None if until is None else parse_duration(until, "--until")
    if "list" in names:
        console.print(items_table(RunStore(work, scale)))
        return
    if names == ["page"]:
        console.print(f"Page: {write_page(work, ITEMS, page)}", markup=False, soft_wrap=True)
        return
    items = find_items(names)

    def update_page() -> None:
        if page is not None and any((work / name / RESULT).is_file() for name in ITEMS):  # some items may have failed
            write_page(work, ITEMS, page)

    records = None if page is None else Kept(page).results / RUNS
    if jobs is not None or seconds is not None:
        kept = (lambda name: None) if page is None else Kept(page).read
        with stop_on_signal() as stop:
            store = RunStore(work, scale, records=records, format=format, stop=stop)
            queue = Queue(items, store, kept, QueueProgress(console, work).show)
            left = queue.work_off(jobs or 1, seconds)
        if any((work / name / RESULT).is_file() for name in ITEMS):
            write_page(work, ITEMS)
        update_page()
        console.print(left_text(left), markup=False, soft_wrap=True)
        if stop.asked:
            raise typer.Exit(128 + stop.signum)
        if left.failed:
            raise typer.Exit(1)
        return
    with stop_on_signal() as stop, ReproductionProgress(console) as progress:
        store = RunStore(
            work,
            scale,
            records=records,
            format=format,
            stop=stop,
            on_progress=progress.show,
            on_note=print_note,
        )
        try:
            make(items, store, on_made=progress.made, on_item=progress.item)
        except Stopped as stopped:
            console.print(f"{stopped}", markup=False, soft_wrap=True)
            raise typer.Exit(128 + stop.signum) from None
        finally:
            update_page()
    console.print(f"Page: {page or work / PAGE}", markup=False, soft_wrap=True)
