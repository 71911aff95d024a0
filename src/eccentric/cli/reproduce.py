"""The paper's figures and tables: `eccentric reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eccentric.cli.app import DEFAULT, HELP, app, console, print_note


@app.command()
def reproduce(
    names: Annotated[
        list[str],
        typer.Argument(metavar="ITEM...", help="fig1 to fig9, table1 to table5, or all; list shows what each needs."),
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
    epochs: Annotated[int | None, typer.Option(help="Passes over the training data; the recipe's by default.")] = None,
    runs: Annotated[int | None, typer.Option(help="Seeds for each setting; the paper's number by default.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Items a step; the recipe's by default. Smaller makes more steps of few epochs.")
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="fast (a tenth of the paper's epochs, at a higher rate) or paper (to the letter).")
    ] = "fast",
    mu: Annotated[
        list[float] | None, typer.Option(help="Only this mu in Table 1; may be repeated. The paper's five by default.")
    ] = None,
    small: Annotated[
        bool, typer.Option("--small", help="Minutes on a CPU: the embedded digits, 20 epochs, 2 runs.")
    ] = False,
    device: Annotated[str, typer.Option(help=HELP["device"])] = DEFAULT.device,
    fid_weights: Annotated[
        Path | None, typer.Option(help="Inception's weights for Table 1; torch-fidelity fetches them by default.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Write the page of all items here too, its pictures to images/ beside it.")
    ] = None,
) -> None:
    """Make figures and tables of the paper again, with our numbers beside the published ones."""
    from eccentric.paper import ITEMS, Scale, Workshop, find_items
    from eccentric.paper import reproduce as make
    from eccentric.paper.display import ReproductionProgress, items_table
    from eccentric.paper.workshop import Stopped, data_sources
    from eccentric.paper.writing import PAGE, RESULT, write_page
    from eccentric.training import stop_on_signal

    given = {"epochs": epochs, "runs": runs, "batch_size": batch_size, "mus": mu or None, "fid_weights": fid_weights}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    scale = (Scale.small if small else Scale)(**chosen, data=data_sources(data or []), recipe=recipe, device=device)
    if "list" in names:
        console.print(items_table(Workshop(work, scale)))
        return
    items = find_items(names)
    with stop_on_signal() as stop, ReproductionProgress(console) as progress:
        workshop = Workshop(work, scale, stop=stop, on_progress=progress.show, on_note=print_note)
        try:
            make(items, workshop, on_made=progress.made, on_item=progress.item)
        except Stopped as stopped:
            console.print(f"{stopped}", markup=False, soft_wrap=True)
            raise typer.Exit(128 + stop.signum) from None
        finally:
            if page is not None and any((work / name / RESULT).is_file() for name in ITEMS):  # of what could be made
                write_page(work, ITEMS, page, page.parent / "images" / page.stem)
    console.print(f"Page: {page or work / PAGE}", markup=False, soft_wrap=True)
