"""`eccentric export`: write a trained model as a program for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from eccentric.cli.app import RunArgument, app, console


@app.command()
def export(
    path: RunArgument,
    format: Annotated[
        Literal["pt2", "onnx"] | None,
        typer.Option(
            help="pt2: for PyTorch; onnx: for ONNX Runtime and others. The suffix of --out by default, or pt2."
        ),
    ] = None,
    part: Annotated[
        Literal["autoencoder", "encoder", "decoder"],
        typer.Option(
            help="autoencoder: raw items to components and reconstructions; encoder: raw items to components; "
            "decoder: components to items."
        ),
    ] = "autoencoder",
    out: Annotated[
        Path | None,
        typer.Option(help="File to write, .pt2 or .onnx; by default it has the name of the run and is next to it."),
    ] = None,
) -> None:
    """Write the trained model as one program, from raw data to components and back.

    The command compares the results of the program on test items with those of the model in double precision. It writes
    nothing if the error is more than 1e-5 and more than four times that of the model itself in float32.
    """
    from eccentric.deploy import check_path, export_run
    from eccentric.errors import UsageError
    from eccentric.runs import Run

    run, place = Run(path), path.resolve()
    named = f"{place.name}{'' if part == 'autoencoder' else f'-{part}'}.{format or 'pt2'}"
    out = out or place.with_name(named)
    if check_path(out) != (format or check_path(out)):
        raise UsageError(f"--format {format} does not fit the file name {out.name}; leave one of them out")
    with console.status(f"Exporting the {part}"):
        written = export_run(run, out, part)
    console.print(
        f"{written.path}: error {written.error:.1g} against double precision; the model's own: {written.own_error:.1g}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
