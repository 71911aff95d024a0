"""Writing of the report of a run."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import jinja2

from eccentric.errors import EccentricError
from eccentric.evaluation.random_latents import random_latents
from eccentric.files import atomic
from eccentric.plots import file_bytes
from eccentric.report import words
from eccentric.report.facts import read_facts
from eccentric.report.pictures import draw
from eccentric.runs.claim import check_no_link
from eccentric.runs.names import FIGURES, REPORT

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from eccentric.plots.style import Format
    from eccentric.report.facts import Facts
    from eccentric.report.pictures import Picture
    from eccentric.runs import Run

TEMPLATE = "report.html.j2"
SAMPLES = 60


def write_report(
    run: Run, *, encoder: nn.Module | None = None, decoder: nn.Module | None = None, format: Format = "png"
) -> Path:
    """Write the figures and the report of a run to its folder.

    Args:
        run: run folder of a finished training.
        encoder, decoder: the custom modules, if the run was trained with custom modules.
        format: with "svg" or "pdf", the figures are written in this format as well as in PNG.

    Returns:
        The path of report.html.

    Raises:
        UsageError: the run was trained with custom modules that are not given, or figures/ is a link.
        EccentricError: training has not ended, a file of the run is missing or damaged, or the report cannot be
            written. Nothing is written unless all figures can be drawn.
    """
    run.must_have_ended()
    check_no_link(run.path / FIGURES)
    facts = read_facts(run)
    model = run.model(encoder, decoder)
    components = run.components if run.has_spectrum else None

    def random(sampling: str) -> Tensor:
        return random_latents(model.method, components, run.training_latents, SAMPLES, sampling, seed=0)

    pictures = draw(facts, model, components, run.examples, random)
    parameters = sum(weights.numel() for weights in model.parameters())
    page = render(facts, pictures, words.setup(facts, run.config, parameters), words.command(run.config))
    folder = run.path / FIGURES
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise EccentricError(f"cannot make the folder {folder}: {error.strerror}") from None
    for picture in pictures:
        with atomic(folder / f"{picture.name}.png") as temporary:
            temporary.write_bytes(picture.png)
        if format != "png":
            with atomic(folder / f"{picture.name}.{format}") as temporary:
                temporary.write_bytes(file_bytes(picture.figure, format))
    with atomic(run.path / REPORT) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return run.path / REPORT


def render(facts: Facts, pictures: list[Picture], setup: list[tuple[str, str]], command: str | None) -> str:
    """The page as HTML. All text that comes from the data is escaped."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = resources.files("eccentric.report").joinpath(TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(template).render(
        facts=facts,
        summary=words.summary(facts),
        key_numbers=words.key_numbers(facts),
        setup=setup,
        command=command,
        pictures=pictures,
        comparison=words.comparison(facts),
    )
