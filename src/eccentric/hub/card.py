"""The model card of a run, which contains the same facts as its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eccentric.report import words
from eccentric.report.facts import read_facts
from eccentric.report.formats import sig
from eccentric.runs.names import FIGURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eccentric.report.facts import Facts
    from eccentric.runs import Run

__all__ = ["model_card"]

SHOWN = {
    "eigenpairs": "Each pair shows decoded items at minus and plus two standard deviations along one component.",
    "effects": "Change of each column from minus to plus two standard deviations along each component.",
    "spectrum": "Variances along the components.",
    "reconstructions": "Items, and below them their reconstructions.",
    "scatter": "Test items on the first two components.",
}
"""Figures of the report that the card shows, in this order, with their captions."""


def model_card(run: Run, repository: str) -> str:
    """The model card of a run as Markdown, with the hub's metadata at the top.

    The figures are those in the folder figures/ of the run, which `eccentric report` writes.

    Args:
        run: an opened run folder whose training is complete.
        repository: hub id for the example in the card, such as "name/digits".

    Raises:
        EccentricError: a file of the run is missing or damaged.
    """
    facts = read_facts(run)
    parameters = sum(weights.numel() for weights in run.model().parameters()) if not _custom(run) else 0
    sections = {
        "Use": _use(run, repository),
        "Data": _data(facts),
        "Method": _method(facts, run.config),
        "Components": _components(facts, run),
        "Results": _table(("", "this model", "PCA of the same size"), words.comparison(facts)),
        "Limits": _limits(facts, run.config),
        "Training": _table(("", ""), words.setup(facts, run.config, parameters)),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items() if text)
    return f"{_metadata(facts)}\n# {repository.rpartition('/')[2]}\n\n{_plain(words.summary(facts))}\n\n{body}\n"


def _custom(run: Run) -> bool:
    return bool(run.config["train"]["architecture"] == "custom")


def _metadata(f: Facts) -> str:
    tags = ["eccentric", "autoencoder", "dimensionality-reduction", "nonlinear-pca", f.settings.method]
    lines = ["---", "library_name: eccentric", "pipeline_tag: feature-extraction", "tags:"]
    return "\n".join([*lines, *(f"  - {tag}" for tag in tags), "---", ""])


def _use(run: Run, repository: str) -> str:
    if _custom(run):
        return (
            "The run was trained with custom modules, whose code is not in this repository. Download the folder and "
            "pass the modules to `eccentric.runs.Run(folder).model(encoder, decoder)`."
        )
    load = f"from eccentric.hub import fetch\nfrom eccentric.runs import Run\n\nrun = Run(fetch({repository!r}))"
    use = "model, components = run.model(), run.components" if run.has_spectrum else "model = run.model()"
    encode = "components.encode(model.encode(x))" if run.has_spectrum else "model.encode(x)"
    shape = ", ".join(map(str, ("n", *run.spec.shape)))
    lines = [load, use, f"p = {encode}  # x: {run.spec.dtype} ({shape})"]
    if "estimator" in run.config:
        lines = [
            "from eccentric import EccentricAutoencoder",
            "",
            f"model = EccentricAutoencoder.from_pretrained({repository!r})",
            "model.transform(X)",
        ]
    code = "\n".join(lines)
    return (
        f'```python\n# pip install "eccentric[train]"\n{code}\n```\n\n'
        "The weights are safetensors, and no file executes code when it is read."
    )


def _data(f: Facts) -> str:
    held = "not used for training" if f.held_out else "also used for training"
    lines = [f"{_plain(f.name)}: {f.spec}, {f.train_items:,} training items and {f.test_items:,} test items ({held})."]
    return "\n".join([*lines, *(f"- {_plain(note)}" for note in f.notes)])


def _method(f: Facts, config: dict[str, Any]) -> str:
    objective = _plain(f.method.objective(f.method_settings))
    text = f"Method `{f.settings.method}` ({_plain(f.method.title)}). Objective: {objective}."
    command = words.command(config)
    return text if command is None else f"{text} The command that repeats the training:\n\n```\n{command}\n```"


def _components(f: Facts, run: Run) -> str:
    pictures = [
        f"![{caption}]({FIGURES}/{name}.png)\n\n*{caption}*"
        for name, caption in SHOWN.items()
        if (run.path / FIGURES / f"{name}.png").is_file()
    ]
    if not f.has_spectrum:
        return "\n\n".join(["The latents of this method have no principal components.", *pictures])
    known = run.config.get("estimator", {})
    stability, spread = known.get("component_stability_"), known.get("component_stability_std_")
    rows = []
    for k, variance in enumerate(f.eigenvalues):
        row = [f"p{k + 1}", sig(variance), f"{100 * variance / max(f.trace, 1e-30):.0f} %"]
        if stability:
            row.append(f"{stability[k]:.2f}" + (f" ± {spread[k]:.2f}" if spread else ""))
        rows.append(row)
    head = ["component", "variance", "share of the trace", *(["correlation between runs"] if stability else [])]
    return "\n\n".join([_table(head, rows), *pictures])


def _limits(f: Facts, config: dict[str, Any]) -> str:
    stable = config.get("estimator", {}).get("component_stability_")
    found = [
        "Components describe the variation of the training data. They are not causes, and items unlike the training "
        "data are encoded without a warning.",
    ]
    if f.has_spectrum and not stable:
        found.append("The stability of the components between training runs was not measured for this model.")
    if f.has_spectrum and stable and min(stable) < 0.7:
        weak = [f"p{k + 1}" for k, value in enumerate(stable) if value < 0.7]
        found.append(f"The correlation between runs is below 0.7 for {', '.join(weak)}: do not interpret them.")
    if f.error >= f.pca_error:
        found.append("The reconstruction error is not lower than that of PCA with as many components.")
    if not f.held_out:
        found.append("No items were held out, so the errors are those of training items.")
    found.append("The errors were measured on one split of one data set.")
    return "\n".join(f"- {line}" for line in found)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """Escape characters of text from the data that have a meaning in a Markdown table or in HTML."""
    for character, written in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("\n", " "), ("[", "\\["), ("`", "\\`")):
        text = text.replace(character, written)
    return text
