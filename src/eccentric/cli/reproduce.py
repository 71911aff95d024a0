"""The paper's figures and tables: `eccentric reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eccentric.cli.app import DeviceOption, app, console, print_note

BY_ROLE = "N for both data sets, or mnist=N, celeba=N; may be repeated."


@app.command()
def reproduce(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="ITEM...",
            help="fig1 to fig9, table1 to table5, or all; list shows what each needs, page only writes the page.",
        ),
    ],
    work: Annotated[Path, typer.Option(help="Folder of runs and results; finished runs in it are used again.")] = Path(
        "runs/paper"
    ),
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="In place of the paper's data: a name or a path for both, or mnist=NAME, celeba=NAME; may be repeated."
        ),
    ] = None,
    epochs: Annotated[
        list[str] | None,
        typer.Option(metavar="N", help=f"Passes over the training data; the recipe's by default. {BY_ROLE}"),
    ] = None,
    runs: Annotated[
        list[str] | None,
        typer.Option(metavar="N", help=f"Seeds for each setting; the paper's number by default. {BY_ROLE}"),
    ] = None,
    batch_size: Annotated[
        list[str] | None, typer.Option(metavar="N", help=f"Items a step; the recipe's by default. {BY_ROLE}")
    ] = None,
    width: Annotated[
        float, typer.Option(help="Factor on the channels of the network for faces; 1 is the paper's network.")
    ] = 1.0,
    recipe: Annotated[
        str, typer.Option(help="fast (a tenth of the paper's epochs, at a higher rate) or paper (to the letter).")
    ] = "fast",
    mu: Annotated[
        list[float] | None, typer.Option(help="Only this mu in Table 1; may be repeated. The paper's five by default.")
    ] = None,
    small: Annotated[
        bool, typer.Option("--small", help="Minutes on a CPU: the embedded digits, 20 epochs, 2 runs.")
    ] = False,
    device: DeviceOption = "auto",
    fid_weights: Annotated[
        Path | None, typer.Option(help="Inception's weights for Table 1; torch-fidelity fetches them by default.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Work off what is missing in this many processes, the most open claims first."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="H:MM:SS", help="End after this time; rerun the command to resume. Implies --jobs 1."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(help="Write the page here too; small results and pictures are kept in folders beside it."),
    ] = None,
) -> None:
    """Make figures and tables of the paper again, with our numbers beside the published ones."""
    from eccentric.paper import ITEMS, RunStore, Scale, find_items
    from eccentric.paper import reproduce as make
    from eccentric.paper.display import QueueProgress, ReproductionProgress, items_table, left_text
    from eccentric.paper.page import PAGE, write_page
    from eccentric.paper.queue import Queue
    from eccentric.paper.scale import data_sources, numbers_by_role
    from eccentric.paper.workshop import Stopped
    from eccentric.paper.writing import RESULT, Kept
    from eccentric.training import stop_on_signal

    by_role = {"epochs": epochs, "runs": runs, "batch_size": batch_size}
    given: dict[str, Any] = {
        name: numbers_by_role(f"--{name.replace('_', '-')}", v or []) for name, v in by_role.items()
    }
    given |= {"mus": mu or None, "fid_weights": fid_weights}
    chosen = {name: value for name, value in given.items() if value is not None}
    scale = (Scale.small if small else Scale)(
        **chosen, data=data_sources(data or []), recipe=recipe, width=width, device=device
    )
    seconds = None if until is None else _seconds(until)
    if "list" in names:
        console.print(items_table(RunStore(work, scale)))
        return
    if names == ["page"]:
        console.print(f"Page: {write_page(work, ITEMS, page)}", markup=False, soft_wrap=True)
        return
    items = find_items(names)

    def update_page() -> None:
        if page is not None and any((work / name / RESULT).is_file() for name in ITEMS):  # of what could be made
            write_page(work, ITEMS, page)

    if jobs is not None or seconds is not None:
        kept = (lambda name: None) if page is None else Kept(page).read
        with stop_on_signal() as stop:
            queue = Queue(items, RunStore(work, scale, stop=stop), kept, QueueProgress(console, work).show)
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
        workshop = RunStore(work, scale, stop=stop, on_progress=progress.show, on_note=print_note)
        try:
            make(items, workshop, on_made=progress.made, on_item=progress.item)
        except Stopped as stopped:
            console.print(f"{stopped}", markup=False, soft_wrap=True)
            raise typer.Exit(128 + stop.signum) from None
        finally:
            update_page()
    console.print(f"Page: {page or work / PAGE}", markup=False, soft_wrap=True)


def _seconds(text: str) -> float:
    """A time as H:MM:SS, MM:SS or seconds."""
    from eccentric.errors import UsageError

    try:
        parts = [int(part) for part in text.split(":")]
        if not 1 <= len(parts) <= 3 or min(parts) < 0 or not any(parts):
            raise ValueError
    except ValueError:
        raise UsageError(f"--until {text}: give a time as H:MM:SS, such as 2:30:00") from None
    return float(sum(part * 60**k for k, part in enumerate(reversed(parts))))
