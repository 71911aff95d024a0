"""`eccentric explore`: open the interactive page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eccentric.cli.app import RunArgument, app, console, print_note


@app.command()
def explore(
    path: RunArgument,
    other: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RUN]", help="A second run on the same data, shown next to the first.", show_default=False
        ),
    ] = None,
    attributes: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="The training data of RUN. Each of its boolean columns becomes a direction; by default, the labels "
            "become directions.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 selects a free port.")] = 8050,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on. If other machines can reach it, the page requires a token, which is part of "
            "the address printed."
        ),
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Open a page with a slider for each component of a run, which shows the decoded item live."""
    from eccentric.explorer import explore as serve
    from eccentric.runs import Run

    def ready(address: str) -> None:
        if "?token=" in address:
            print_note("other machines can reach this page, unencrypted; give the address only to people you trust")
        console.print(f"Explorer: {address}  (Ctrl-C stops it)", markup=False, highlight=False, soft_wrap=True)

    second = None if other is None else Run(other)
    serve(Run(path), second, attributes=attributes, host=host, port=port, browser=browser, on_ready=ready)
