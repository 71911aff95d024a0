"""Commands on finished runs: report, encode, sample, align."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from eccentric.alignment import GAP
from eccentric.cli.app import DataArgument, FormatOption, LabelOption, RunArgument, app, console, print_note
from eccentric.cli.progress import ReadingProgress
from eccentric.errors import UsageError


@app.command()
def report(path: RunArgument, format: FormatOption = "png") -> None:
    """Write the report of a finished run."""
    from eccentric.report import write_report
    from eccentric.training import Run

    with console.status("Writing the report"):
        written = write_report(Run(path), format=format)
    console.print(f"Report: {written}", markup=False, soft_wrap=True)


@app.command()
def encode(
    path: RunArgument,
    data: DataArgument,
    out: Annotated[Path, typer.Option(help="File to write: .parquet or .csv.")],
    label: LabelOption = None,
) -> None:
    """Encode all items of DATA and write their components."""
    from eccentric.export import check_encoding_path, encode_data, write_encoding
    from eccentric.training import Run

    check_encoding_path(out)
    with ReadingProgress(f"Encoding {data}") as bar:
        splits = encode_data(Run(path), data, label=label, on_progress=bar.show, on_note=print_note)
        write_encoding(out, splits)
    count = sum(len(split.p) for split in splits.values())
    console.print(f"{count} item{'s' if count > 1 else ''}: {out}", markup=False, soft_wrap=True)


@app.command()
def sample(
    path: RunArgument,
    out: Annotated[
        Path, typer.Option(help="File to write: .png for images, .csv for tables and sequences, .npy for any.")
    ],
    count: Annotated[
        int | None, typer.Option(min=1, help="Number of samples; 64 by default.", show_default=False)
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="Latents from a standard normal (standard), from a Gaussian fitted to the training latents (matched) "
            "or from a mixture of Gaussians fitted to them (mixture); a method may have its own distribution, such "
            "as uniform or categorical. The default depends on the method of the run.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, help="Seed of the random latents; 0 by default.", show_default=False),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(
            help="Steps of each sequence; the median of the training sequences by default.", show_default=False
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Decode the one item whose state was saved on the page of eccentric explore.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Decode random latents, or a saved state, to new items."""
    from eccentric.export import check_samples_path, write_samples
    from eccentric.export import sample as draw
    from eccentric.training import Run

    trained = Run(path)
    check_samples_path(out, trained)
    if state is not None:
        from eccentric.explorer.states import decode_states, read_state_file

        given = {"--count": count, "--method": method, "--seed": seed, "--length": length}
        if others := [name for name, value in given.items() if value is not None]:
            raise UsageError(f"--state decodes one saved item; leave out {' and '.join(others)}")
        values, notes = read_state_file(state, trained)
        for note in notes:
            print_note(note)
        item = decode_states(trained.model(), trained.components, trained.spec, values[None])
        write_samples(out, item, trained.spec, trained.feature_names)
        console.print(f"1 item: {out}", markup=False, soft_wrap=True)
        return
    count = 64 if count is None else count
    write_samples(out, draw(trained, count, method, seed or 0, length), trained.spec, trained.feature_names)
    console.print(f"{count} sample{'s' if count > 1 else ''}: {out}", markup=False, soft_wrap=True)


@app.command()
def align(
    paths: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of two or more runs on the same items.")],
    out: Annotated[Path, typer.Option(help="Folder for numbers, aligned encodings and a figure.")],
    method: Annotated[
        Literal["assignment", "paper", "procrustes"],
        typer.Option(
            help="assignment: match components one to one by correlation; paper: Algorithm 1 of the paper; "
            "procrustes: match "
            "one to one, then rotate components with close eigenvalues."
        ),
    ] = "assignment",
    gap: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Maximum spread of eigenvalues within a rotated group, relative to its largest eigenvalue.",
        ),
    ] = GAP,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing alignment in OUT.")] = False,
    format: FormatOption = "png",
) -> None:
    """Align runs to the first run on training items, and measure their agreement on test items."""
    from eccentric.comparison.runs import RESULT, compare, write_comparison
    from eccentric.training import Run

    if (out / RESULT).exists() and not overwrite:
        raise UsageError(f"{out} already holds an alignment; choose another folder or pass --overwrite")
    with console.status("Aligning"):
        comparison = compare([Run(path) for path in paths], method, gap=gap)
        write_comparison(out, comparison, format)
    _print_comparison(comparison)
    console.print(f"Written: {out}", markup=False, soft_wrap=True)


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
