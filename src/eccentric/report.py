"""A run folder -> figures/*.png and report.html, one file to read, print and send.

Everything is drawn from the run folder alone, so a folder that was copied elsewhere, without its data, can be reported.

>>> from eccentric.report import write_report
>>> from eccentric.training import Run
>>> write_report(Run("runs/digits"))  # doctest: +SKIP
PosixPath('runs/digits/report.html')
"""

from __future__ import annotations

import base64
import math
import shlex
from dataclasses import dataclass, fields
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np

from eccentric import plots
from eccentric.errors import EccentricError
from eccentric.files import atomic
from eccentric.training.config import TrainConfig
from eccentric.training.loop import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor, nn

    from eccentric.training.run import Run

__all__ = ["Picture", "write_report"]

REPORT, FIGURES = "report.html", "figures"
PAIR, GRID = 2.0, 1.5
"""Standard deviations to either side in pairs and in the grid."""
CLOSE = 0.05
"""Neighbouring eigenvalues that differ by less than this share may mix; a trace as near to d is called close."""


@dataclass(frozen=True)
class Picture:
    """One figure of the report."""

    name: str
    """Of its file in figures/, without the suffix."""
    title: str
    caption: str
    alt: str
    png: bytes

    @property
    def src(self) -> str:
        return "data:image/png;base64," + base64.b64encode(self.png).decode()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int.from_bytes(self.png[16:20], "big"), int.from_bytes(self.png[20:24], "big")


def write_report(run: Run, *, encoder: nn.Module | None = None, decoder: nn.Module | None = None) -> Path:
    """Write the pictures and the report of a run into its folder.

    Args:
        run: an opened run folder that training has completed.
        encoder, decoder: the modules, where the run was trained with modules of its own.

    Returns:
        The path of report.html.

    Raises:
        UsageError: the run was trained with modules of its own and they are not given.
        EccentricError: training has not ended, a file of the run is missing or damaged, or the report cannot be
            written. Nothing is written unless all of it could be drawn.
    """
    if run.config["status"] == "training":
        raise EccentricError(f"training of {run.path} has not ended, or was broken off; train again with --overwrite")
    contents = _Contents(run, encoder, decoder)
    pictures = contents.pictures()
    page = contents.page(pictures)
    folder = run.path / FIGURES
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise EccentricError(f"cannot make the folder {folder}: {error.strerror}") from None
    for picture in pictures:
        with atomic(folder / f"{picture.name}.png") as temporary:
            temporary.write_bytes(picture.png)
    with atomic(run.path / REPORT) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return run.path / REPORT


class _Contents:
    """What the report says, computed from one run."""

    def __init__(self, run: Run, encoder: nn.Module | None, decoder: nn.Module | None) -> None:
        self.run, self.config, self.metrics = run, run.config, run.metrics
        self.settings: dict[str, Any] = run.config["train"]
        self.components = run.components
        self.eigenvalues = run.components.eigenvalues.numpy()
        self.dim = len(self.eigenvalues)
        self.trace = float(self.eigenvalues.sum())
        self.shape = tuple(run.config["shape"])
        self.is_image = len(self.shape) == 3
        self.model = run.model(encoder, decoder)
        self.examples = run.examples
        self.test = run.latents("test")
        self.items = {name: int(self._need(run.config, "items", name)) for name in ("train", "test")}
        self.recon = float(self._need(run.evaluation, "test_reconstruction"))
        self.pca_recon = float(self._need(run.evaluation, "pca_test_reconstruction"))
        self.pca_dim = min(self.dim, self.items["train"], math.prod(self.shape))
        self.pca_exact = self.pca_recon < 1e-9  # but for rounding: as many components as columns
        self.neighbours: tuple[int, float, float] | None = None
        if "neighbour_error" in run.evaluation:
            names = ("neighbours", "neighbour_error", "pca_neighbour_error")
            k, ours, theirs = (self._need(run.evaluation, name) for name in names)
            self.neighbours = int(k), float(ours), float(theirs)
        missing = [field.name for field in fields(TrainConfig) if field.name not in self.settings]
        if missing:
            raise EccentricError(f"{run.path / 'config.json'} has no {', '.join(missing)}; the file is damaged")
        if not len(self.metrics["step"]):
            raise EccentricError(f"{run.path / 'metrics.csv'} has no rows; the run was not trained")
        if not len(self.test.p) or not len(self.examples):
            raise EccentricError(f"{run.path} holds no test items; the folder is damaged")

    def _need(self, mapping: dict[str, Any], *keys: str) -> Any:
        value: Any = mapping
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                raise EccentricError(f"{self.run.path} says nothing of {' '.join(keys)}; its JSON files are damaged")
            value = value[key]
        return value

    @cached_property
    def feature_names(self) -> list[str]:
        names = [str(name) for name in self.config.get("feature_names") or []]
        count = math.prod(self.shape)
        return names if len(names) == count else [f"column {i + 1}" for i in range(count)]

    def decode(self, z: Tensor) -> np.ndarray:
        """Raw units for latents (..., d), as (..., *shape)."""
        return decode(self.model, z.reshape(-1, self.dim)).numpy().reshape(*z.shape[:-1], *self.shape)

    # --- the pictures -----------------------------------------------------------------------------------------------

    def pictures(self) -> list[Picture]:
        pictures = [self.curves(), self.spectrum(), self.scatter()]
        if not self.is_image:
            return [*pictures, self.effects(), self.feature_errors()]
        pictures += [self.eigenpairs(), self.reconstructions(), self.samples()]
        return pictures if self.dim == 1 else [*pictures, self.grid()]

    def curves(self) -> Picture:
        m = self.metrics
        test = m["test_reconstruction"]
        figure = plots.curves(
            m["step"] / self.steps_per_epoch,
            m["reconstruction"],
            test,
            m["eccentric"],
            m["trace"],
            self.dim,
            None if self.pca_exact else self.pca_recon,
        )
        first, last = m["reconstruction"][[0, -1]]
        measured = np.flatnonzero(np.isfinite(test))
        if len(m["step"]) == 1:
            caption = f"Training wrote one row of measurements only, so there is no course to see: error {_sig(last)}"
            caption += f" on training items, {_sig(test[measured[-1]])} on test items." if len(measured) else "."
        else:
            went = "fell" if last < first else "rose"
            caption = f"The reconstruction error ({self.error_unit}) on training items {went} from {_sig(first)} "
            caption += f"to {_sig(last)}"
            if len(measured):
                final, best = test[measured[-1]], measured[np.argmin(test[measured])]
                caption += f"; on test items, which the model never trained on, it ended at {_sig(final)}"
                if final > 1.02 * test[best]:
                    caption += f", after a lowest {_sig(test[best])} at epoch {m['epoch'][best]:.0f}"
            caption += (
                f". {'PCA' if self.pca_exact else 'The dashed line in the top panel is what PCA'} with "
                f"{_count(self.pca_dim, 'component')} "
                f"{'rebuilds the items exactly' if self.pca_exact else 'reaches on test items'}. "
                "The Eccentric loss is shown before its weight; it may be negative. "
                f"The trace, measured on batches while the weights were changing, ended at {m['trace'][-1]:.2f}"
                + (f"; the loss pulls it towards d = {self.dim}." if self.aims else ".")
            )
        return self.picture("curves", "The course of training", figure, caption, "Line charts of the losses by epoch.")

    def spectrum(self) -> Picture:
        values, d = self.eigenvalues, self.dim
        caption = (
            "How much the training items vary along each component. The orange line at 1 is where a standard normal "
            f"distribution, or a sphere of radius √{d}, has every component. The variances add up to the trace, "
            f"{self.trace:.2f}: {self.trace_verdict}."
        )
        if d > 1:
            caption += f" They run from {values[0]:.2f} (p1) to {values[-1]:.2f} (p{d})"
            caption += f", a ratio of {values[0] / values[-1]:.1f}." if values[-1] > 0.01 else "."
            caption += f" {self.neighbours_in_variance()}"
        idle = int((values < 0.01).sum())
        if idle:
            hardly = "hardly varies" if idle == 1 else "hardly vary"
            caption += f" {_count(idle, 'component')} {hardly} at all (below 0.01)."
        alt = f"Bar chart of {_count(d, 'eigenvalue')}, trace {self.trace:.2f}."
        return self.picture("spectrum", "Spectrum", plots.spectrum(values), caption, alt)

    def neighbours_in_variance(self) -> str:
        values = self.eigenvalues
        near = [k for k in range(self.dim - 1) if values[k] - values[k + 1] < CLOSE * values[k + 1]]
        if not near:
            return (
                f"No two neighbours lie within {100 * CLOSE:.0f} % of each other, which makes it less likely that "
                "components trade places when training is repeated."
            )
        which = _listing(f"p{k + 1} and p{k + 2}" for k in near) if len(near) <= 3 else "such pairs"
        return (
            f"{len(near)} of the {self.dim - 1} pairs of neighbours {'lies' if len(near) == 1 else 'lie'} within "
            f"{100 * CLOSE:.0f} % of each other; {which} may trade places or mix when training is repeated."
        )

    def scatter(self) -> Picture:
        p, labels = self.test.p, self.test.labels
        n = len(p)
        if self.dim == 1:
            figure = plots.histogram(p, labels)
            caption = f"How the {n:,} test items lie along the only component."
            title, alt = "The items along the component", "Histogram of the first component."
        else:
            figure = plots.scatter(p, labels, self.eigenvalues, circle=self.dim == 2)
            which = f"A random {plots.MOST_POINTS:,} of the {n:,}" if n > plots.MOST_POINTS else f"The {n:,}"
            share = self.eigenvalues[:2].sum() / max(self.trace, 1e-30)
            caption = f"{which} test items by their first two components"
            caption += f", which hold {_percent(share)} of the variance." if self.dim > 2 else "."
            if self.dim == 2:
                caption += (
                    f" The circle has radius √2{', where the Eccentric loss pulls the items' * self.aims}; the median "
                    f"distance of these items from the centre is {np.median(np.linalg.norm(p, axis=1)):.2f}."
                )
            title, alt = "The first two components", "Scatter plot of the test items on the first two components."
        kind = plots.label_kind(labels)
        kinds = len(np.unique(labels)) if labels is not None else 0
        caption += {
            "none": " The data have no labels.",
            "classes": " Colours are the labels, which training did not see.",
            "numbers": " Colours are the labels, which training did not see."
            if self.dim > 1
            else f" The labels have {kinds} different values and are not shown.",
            "frequent": f" The nine most frequent of {kinds} labels, which training did not see, have colours.",
            "too many": f" The {kinds} different labels are too many to colour.",
        }[kind]
        return self.picture("scatter", title, figure, caption, alt)

    def eigenpairs(self) -> Picture:
        shown = min(self.dim, plots.MOST_PAIRS)
        images = self.decode(self.components.eigenpairs(shown, PAIR))
        who = "What each component does to an image: all others held at their mean, this one"
        caption = (
            f"{who if self.dim > 1 else 'What the component does to an image:'} moved {PAIR:g} standard deviations to "
            "its minus side (left) and to its plus side (right). What differs within a pair is what the component "
            "encodes; which side is called plus is a convention. In brackets the eigenvalue. "
        )
        caption += f"The first {shown} of {self.dim} components are shown." if shown < self.dim else ""
        alt = f"{_count(shown, 'pair')} of images, one for each component."
        title = "What each component does" if self.dim > 1 else "What the component does"
        return self.picture("eigenpairs", title, plots.eigenpairs(images, self.eigenvalues), caption, alt)

    def reconstructions(self) -> Picture:
        z = encode(self.model, self.examples)
        figure = plots.reconstructions(self.examples.numpy(), self.decode(z))
        caption = (
            f"Test items, and under each what the model draws from the {_count(self.dim, 'number')} it keeps of it; "
            "chosen at random. Over all test items the mean squared error is "
            f"{_sig(self.recon)} (pixel values from 0 to 1), {self.recon_verdict}."
        )
        return self.picture("reconstructions", "Reconstructions", figure, caption, "Test images and reconstructions.")

    def samples(self) -> Picture:
        standard = self.decode(self.components.sample(60, "standard", seed=0))
        matched = self.decode(self.components.sample(60, "matched", seed=0))
        caption = (
            "Images decoded from random latents, not chosen. Left: from a standard normal distribution. Right: from a "
            "Gaussian with the mean and covariance of the encoded training items. Both start from the same random "
            "numbers. The report does not score them; look whether they are as varied and as clean as the originals."
        )
        return self.picture("samples", "Samples", plots.samples(standard, matched), caption, "Two grids of images.")

    def grid(self) -> Picture:
        chosen = list(range(min(self.dim, 6)))
        half = math.ceil(len(chosen) / 2)
        across, down = chosen[:half], chosen[half:]
        images = self.decode(self.components.grid(across, down, GRID))
        caption = (
            f"Every combination of {_listing(f'p{k + 1}' for k in across)} (across) and "
            f"{_listing(f'p{k + 1}' for k in down)} (down) at {GRID:g} standard deviations to their plus or minus side"
            + (", all other components at their mean." if self.dim > len(chosen) else ".")
            + " A component that means the same whatever the others are changes the image in the same way everywhere."
        )
        return self.picture(
            "grid", "Components combined", plots.grid(images, across, down), caption, "A grid of images."
        )

    def effects(self) -> Picture:
        shown = min(self.dim, plots.MOST_PAIRS)
        pairs = self.decode(self.components.eigenpairs(shown, PAIR)).reshape(shown, 2, -1)
        effects = (pairs[:, 1] - pairs[:, 0]) / np.broadcast_to(self.model.scale.numpy().reshape(-1), pairs.shape[2:])
        greatest = [int(np.abs(effects[k]).argmax()) for k in range(min(shown, 3))]
        said = _listing(
            f"{self.feature_names[j]} ({effects[k, j]:+.1f})".replace("(-", "(−") for k, j in enumerate(greatest)
        )
        drawn, columns = min(effects.shape[1], plots.MOST_FEATURES), effects.shape[1]
        caption = (
            f"What each component does to the columns: the change from {PAIR:g} standard deviations on its minus side "
            f"to {PAIR:g} on its plus side, all other components at their mean, in standard deviations of the column. "
            f"Greatest for {'p1' if shown == 1 else f'p1 to p{len(greatest)}'}: {said}. "
        )
        if drawn < columns:
            caption += f"Shown are the {drawn} of {columns} columns with the greatest change. "
        if shown < self.dim:
            caption += f"The first {shown} of {self.dim} components are shown. "
        caption += "Which side is called plus is a convention."
        figure = plots.feature_effects(effects, self.feature_names)
        title = "What each component does" if self.dim > 1 else "What the component does"
        return self.picture("effects", title, figure, caption, "Map of the change of each column with each component.")

    def feature_errors(self) -> Picture:
        redrawn = self.decode(encode(self.model, self.examples))
        gap = (redrawn - self.examples.numpy()) / self.model.scale.numpy()
        errors = (gap**2).mean(0).reshape(-1)
        poor = int((errors >= 1).sum())
        caption = (
            f"How far each column is off when {_count(len(gap), 'test item')} (chosen at random, all "
            "that the run folder keeps) are rebuilt from their components, as a share of the column's variance over "
            "the training items: 0 is perfect; at 1 (orange line) the column's mean would be as good an answer. With "
            f"so few items the order is rough. {_count(poor, 'column')} of {len(errors)} "
            f"{'is' if poor == 1 else 'are'} at 1 or beyond. Over all {self.items['test']:,} test items and all "
            f"columns the error is {_sig(self.recon)}, {self.recon_verdict}."
        )
        figure = plots.feature_errors(errors, self.feature_names)
        return self.picture("feature-errors", "Reconstruction by column", figure, caption, "Error of each column.")

    def picture(self, name: str, title: str, figure: Any, caption: str, alt: str) -> Picture:
        return Picture(name, title, caption.strip(), alt, plots.png(figure))

    # --- the words --------------------------------------------------------------------------------------------------

    def page(self, pictures: list[Picture]) -> str:
        environment = jinja2.Environment(
            autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        template = environment.from_string(
            resources.files("eccentric").joinpath("report.html.j2").read_text(encoding="utf-8")
        )
        return template.render(
            name=self._need(self.config, "data").get("name", self.run.path.name),
            status=str(self.config["status"]),
            summary=self.summary(),
            key_numbers=self.key_numbers(),
            facts=self.facts(),
            notes=[str(note) for note in self.config["data"].get("notes") or []],
            command=self.command(),
            pictures=pictures,
            comparison=self.comparison(),
            verdict=self.verdict(),
            pca_dim=self.pca_dim,
            version=self.config.get("versions", {}).get("eccentric", "unknown"),
        )

    @property
    def error_unit(self) -> str:
        return "squared, pixel values from 0 to 1" if self.is_image else "squared, in units of each column's variance"

    @property
    def recon_verdict(self) -> str:
        return f"{_against(self.recon, self.pca_recon)} PCA's" + (
            ", which is exact" if self.pca_exact else f" {_sig(self.pca_recon)}"
        )

    @property
    def trace_verdict(self) -> str:
        off = self.trace / self.dim - 1
        beside = f"{_percent(abs(off))} {'below' if off < 0 else 'above'} d = {self.dim}"
        if not self.aims:
            return f"{beside}, to which the loss does not pull it, as N was given as a number"
        beside += ", where the Eccentric loss pulls it"
        if abs(off) <= CLOSE:
            return beside
        return f"{beside}; " + ("its weight was 0" if self.settings["weight"] == 0 else "in this run it is not close")

    @property
    def aims(self) -> bool:
        """Whether the loss is balanced at a trace of d, for which N is chosen unless it is given as a number."""
        return isinstance(self.settings["N"], str)

    def summary(self) -> str:
        items = "images" if self.is_image else "rows of a table"
        name = self.config["data"].get("name", "the data")
        text = (
            f"An autoencoder learnt from {self.items['train']:,} {items} ({name}) to describe each by "
            f"{_count(self.dim, 'number')} and to rebuild it from them. "
        )
        if self.dim > 1:
            text += (
                "Turned so that the first varies most, the second next, and so on, they are called the deep principal "
                f"components, p1 {'and' if self.dim == 2 else 'to'} p{self.dim}; the figures below show what each of "
                "them does. "
            )
        else:
            text += "It is called the deep principal component, p1; the figures below show what it does. "
        return text + f"On {self.items['test']:,} test items that it never trained on, " + self.verdict(short=True)

    def verdict(self, short: bool = False) -> str:
        """The run beside PCA, in words that say no more than the numbers do."""
        text = f"the reconstruction error is {_against(self.recon, self.pca_recon)} that of PCA"
        text += f" with {_count(self.pca_dim, 'component')}" if short else ""
        text += ", which is exact with as many components as columns" if self.pca_exact else ""
        if self.neighbours is None:
            return text + ("." if short else ". The data have no labels, so there is no nearest-neighbour error.")
        _, ours, theirs = self.neighbours
        n = len(self.test.p)
        both = f"({_percent(ours)} against {_percent(theirs)})"
        if _percent(ours) == _percent(theirs):
            text += f"; the nearest-neighbour error is not lower than PCA's: both {_percent(ours)}"
        elif ours < theirs:
            text += f", and nearest neighbours are wrong less often {both}"
        else:
            text += f"; the nearest-neighbour error is not lower than PCA's {both}"
        # Standard error of a difference of two proportions; taken as independent, which errs on the careful side.
        doubt = 2 * math.sqrt((ours * (1 - ours) + theirs * (1 - theirs)) / n)
        if 0.0005 < abs(ours - theirs) < doubt:
            text += f", a difference that chance could make with {n:,} test items"
        return text + "."

    def key_numbers(self) -> list[tuple[str, str, str]]:
        """(what, number, beside what)."""
        numbers = [
            ("components", f"{self.dim}", f"of {_dimensions(self.shape)}"),
            ("trace", f"{self.trace:.2f}", f"d = {self.dim}"),
            ("reconstruction error", _sig(self.recon), f"PCA {_sig(self.pca_recon)}"),
        ]
        if self.neighbours:
            numbers.append(
                ("nearest-neighbour error", _percent(self.neighbours[1]), f"PCA {_percent(self.neighbours[2])}")
            )
        return numbers

    def comparison(self) -> list[tuple[str, str, str]]:
        """Rows of the table: what, this run, PCA."""
        rows = [(f"Reconstruction error ({self.error_unit})", _sig(self.recon), _sig(self.pca_recon))]
        if self.neighbours:
            k, ours, theirs = self.neighbours
            rows.append((f"Nearest-neighbour error ({_count(k, 'neighbour')})", _percent(ours), _percent(theirs)))
        if self.neighbours and self.test.labels is not None:
            _, counts = np.unique(self.test.labels, return_counts=True)
            blind = _percent(1 - counts.max() / counts.sum())
            rows.append(("For scale: always answering the most frequent label", blind, blind))
        return rows

    @cached_property
    def steps_per_epoch(self) -> int:
        items = self.items["train"]
        return max(1, items // min(int(self.settings["batch_size"]), items))

    def facts(self) -> list[tuple[str, str]]:
        """What was trained and how."""
        s, config = self.settings, self.config
        device = str(config.get("device", "unknown"))
        versions = ", ".join(f"{name} {version}" for name, version in config.get("versions", {}).items())
        parameters = sum(p.numel() for p in self.model.parameters())
        step, rate = self.metrics["step"], self.metrics["images_per_second"]
        seconds = float((np.diff(step, prepend=0) * min(s["batch_size"], self.items["train"]) / rate).sum())
        epochs = step[-1] / self.steps_per_epoch
        kind = f"images, {self.shape[2]} × {self.shape[1]}" if self.is_image else "table"
        colour = {1: ", grey", 3: ", colour"}.get(self.shape[0], f", {self.shape[0]} channels") if self.is_image else ""
        return [
            ("Data", f"{config['data'].get('name', 'unknown')} ({kind}{colour}, {_dimensions(self.shape)})"),
            (
                "Split",
                f"{self.items['train']:,} training and {self.items['test']:,} test items; "
                f"{config['data'].get('split', 'how is not recorded')}",
            ),
            ("Model", f"architecture {s['architecture']}, {parameters:,} parameters, d = {self.dim}"),
            (
                "Objective",
                f"mean squared error + {s['weight']:g} × Eccentric loss (mu = {s['mu']:g}, N = {s['N']})",
            ),
            (
                "Training",
                f"{epochs:g} of {s['epochs']} epochs, {step[-1]:,.0f} steps of "
                f"{min(s['batch_size'], self.items['train'])} items; Adam, learning rate {s['learning_rate']:g}, "
                f"weight decay {s['weight_decay']:g}; seed {s['seed']}",
            ),
            ("Time", f"{_duration(seconds)} of training steps, {np.median(rate):,.0f} items a second, on {device}"),
            ("Versions", versions),
            ("Status", str(config["status"])),
        ]

    def command(self) -> str | None:
        """The command line that repeats the run, where the folder says how the data were loaded."""
        data = self.config["data"]
        if "command" in data:
            return data["command"] if isinstance(data["command"], str) else shlex.join(map(str, data["command"]))
        if "source" not in data or self.settings["architecture"] == "custom":
            return None
        options = {f"--{name.replace('_', '-')}": value for name, value in self.settings.items()}
        names = {"label": "label", "image_size": "image-size", "test_fraction": "test-fraction", "seed": "split-seed"}
        options |= {f"--{option}": data[name] for name, option in names.items() if data.get(name) is not None}
        if data.get("drop"):
            options["--drop"] = ",".join(map(str, data["drop"]))
        words = ["--out RUN", *(shlex.join([option, str(value)]) for option, value in options.items())]
        lines = [f"eccentric train {shlex.quote(str(data['source']))}"]
        for word in words:
            if len(lines[-1]) + len(word) > 66:
                lines.append(" ")
            lines[-1] += f" {word}"
        return " \\\n".join(lines)


def _against(ours: float, theirs: float) -> str:
    """Completes "the error is ... PCA's"."""
    if ours > 100 * theirs:  # PCA with as many components as columns has no error but rounding
        return "not lower than"
    change = ours / theirs - 1
    if abs(change) < 0.005:
        return "about the same as"
    if change < 0:
        return f"{-100 * change:.0f} % lower than"
    return f"not lower but {100 * change:.0f} % higher than" if change < 1 else f"not lower but {1 + change:.1f} times"


def _sig(value: float) -> str:
    """Three significant digits, zeros at the end included; what is nothing but rounding is 0."""
    return f"{value:#.3g}".rstrip(".") if abs(value) >= 1e-9 else "0"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + "s" * (n != 1)


def _listing(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _dimensions(shape: tuple[int, ...]) -> str:
    return f"{math.prod(shape):,} {'pixel values' if len(shape) == 3 else 'columns'}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
