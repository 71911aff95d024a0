"""The command that opens the explorer."""

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
            metavar="[RUN]", help="A second run on the same data, shown beside the first.", show_default=False
        ),
    ] = None,
    attributes: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="The data that RUN was trained on: each of its columns of yes-or-no values becomes a direction. "
            "By default the labels do.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")] = 8050,
    host: Annotated[
        str, typer.Option(help="Address to listen on. One that other machines can reach requires the token shown.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Open a page on which the components of a run are sliders and the decoder answers live."""
    from eccentric.explorer import explore as serve
    from eccentric.runs import Run

    def ready(address: str) -> None:
        if "?token=" in address:
            print_note("other machines can reach this page, unencrypted; give the address only to people you trust")
        console.print(f"Explorer: {address}  (Ctrl-C ends it)", markup=False, highlight=False, soft_wrap=True)

    second = None if other is None else Run(other)
    serve(Run(path), second, attributes=attributes, host=host, port=port, browser=browser, on_ready=ready)
