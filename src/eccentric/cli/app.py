"""The application, its console, and arguments shared by several commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from eccentric._version import __version__
from eccentric.cli.output import tolerate_lost_output
from eccentric.errors import EccentricError, UsageError
from eccentric.settings import help_texts
from eccentric.training.config import TrainConfig

app = typer.Typer(
    help="Deep principal components that you can trust.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
console = Console()

DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="digits (of scikit-learn), mnist or celeba (from the hub), a hub id, or a path: a folder of images or a "
        "data set, or one file (.csv, .tsv, .parquet, .json, .npy, .npz, .h5ad).",
    ),
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training run.")]
LabelOption = Annotated[str | None, typer.Option(help="Column with the labels; detected by default.")]
FormatOption = Annotated[
    Literal["png", "svg", "pdf"], typer.Option(help="Write figures in this format as well as in PNG.")
]
ItemKindOption = Annotated[
    Literal["auto", "image", "table", "sequence"],
    typer.Option(
        help="Kind of the items; auto decides by the source and by the shape and values of arrays. With sequence, each "
        ".csv file of a folder is a sequence, and columns of lists are features of sequences."
    ),
]
DeviceOption = Annotated[str, typer.Option(help=help_texts(TrainConfig)["device"])]
DropOption = Annotated[str, typer.Option(help="Columns of a table to leave out, separated by commas.")]


def run() -> None:
    """Run the command line; a user error prints one line and exits with status 2 or 1."""
    tolerate_lost_output()
    try:
        app()
    except EccentricError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except OSError as error:  # such as missing permissions for a file or folder
        where = f"{error.filename}: " if error.filename is not None else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(1)
    except UnicodeEncodeError as error:  # from a library that takes paths as UTF-8
        print(f"error: the path {error.object!r} is not text in UTF-8; rename it, or link to it", file=sys.stderr)
        sys.exit(1)
    except (MemoryError, RuntimeError) as error:
        # PyTorch's CPU allocator has no exception class; the one for accelerators is a RuntimeError, too.
        said = str(error).lower()
        if not isinstance(error, MemoryError) and "out of memory" not in said and "can't allocate memory" not in said:
            raise
        print("error: not enough memory; reduce the batch size or the size of the items", file=sys.stderr)
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


def print_note(note: str) -> None:
    console.print(f"note: {note}", markup=False, soft_wrap=True)


def names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
