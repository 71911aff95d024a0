"""Alignment and comparison of runs on the same data (`eccentric align`)."""

from __future__ import annotations

import itertools
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eccentric.alignment import GAP, Alignment, Method, Similarity, Stability, align, similarity, stability
from eccentric.errors import EccentricError, UsageError
from eccentric.files import atomic, write_json
from eccentric.runs.latents import Latents, latents_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow
    from jaxtyping import Float
    from matplotlib.figure import Figure

    from eccentric.plots.style import Format
    from eccentric.runs import Run

RESULT, ALIGNED, FIGURE = "alignment.json", "aligned.parquet", "cross_correlation.png"


@dataclass(frozen=True, eq=False)
class Pair:
    """Two runs, as indices of `Comparison.names`, and the similarity of their encodings of test items."""

    first: int
    second: int
    before: Similarity
    after: Similarity


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs that are aligned to the first run on training items and compared on test items.

    Attributes:
        names: paths of the runs, as given.
        settings: training settings of each run.
        method, gap: as for `align`.
        train_items: number of items to which the alignments are fitted.
        test: encoding of the test items by each run, before alignment.
        alignments: alignment of each run; that of the first run is the identity.
        pairs: all pairs of runs, in the order of `names`.
        stability: stability of each component over these pairs.
    """

    names: list[str]
    settings: list[dict[str, Any]]
    method: Method
    gap: float
    train_items: int
    test: list[Latents]
    alignments: list[Alignment]
    pairs: list[Pair]
    stability: Stability

    def aligned(self) -> list[Float[np.ndarray, "n d"]]:
        """Encoding of the test items by each run, in the components of the first run."""
        return _aligned(self.alignments, self.test)


def compare(runs: Sequence[Run], method: Method = "assignment", *, gap: float = GAP) -> Comparison:
    """Align every run to the first run, and measure the agreement of the runs.

    Raises:
        UsageError: there are fewer than two runs, a run is given twice, or the runs have encoded different items or
            have different numbers of components.
        EccentricError: a run folder is damaged.
    """
    if len(runs) < 2:
        raise UsageError(f"name at least two runs to compare, not {len(runs)}")
    for first, second in itertools.combinations(runs, 2):
        if first.path.resolve() == second.path.resolve():
            raise UsageError(f"{first.path} and {second.path} are one run; name runs that were trained independently")
    for run in runs:
        if not run.has_spectrum:
            method_name = run.config["method"]["name"]
            raise UsageError(f"{run.path} was trained with method {method_name}, which has no components to align")
    reference = runs[0].latents("train")
    alignments, test = [Alignment(np.eye(reference.p.shape[1]))], [runs[0].latents("test")]
    if len(test[0].p) < 2:
        raise UsageError(f"{runs[0].path} has fewer than 2 test items to judge by; train with a larger --test-fraction")
    for run in runs[1:]:
        train = run.latents("train")
        test.append(run.latents("test"))
        _check_same_items(runs[0], run, {"train": (reference, train), "test": (test[0], test[-1])})
        alignments.append(align(train.p, reference.p, method, gap=gap))
    aligned = _aligned(alignments, test)
    pairs = [
        Pair(i, j, similarity(test[i].p, test[j].p), similarity(aligned[i], aligned[j]))
        for i, j in itertools.combinations(range(len(runs)), 2)
    ]
    return Comparison(
        names=[str(run.path) for run in runs],
        settings=[run.config["train"] for run in runs],
        method=method,
        gap=gap,
        train_items=len(reference.p),
        test=test,
        alignments=alignments,
        pairs=pairs,
        stability=stability([pair.after for pair in pairs]),
    )


def write_comparison(folder: Path, comparison: Comparison, format: Format = "png") -> None:
    """Write the numbers, the aligned encodings of test items and the figure of the cross-correlations.

    `alignment.json` contains the component of each run that corresponds to each component of the first run, with its
    sign; if components are rotated, the whole matrix (aligned = p @ matrix.T). `aligned.parquet` has the columns of
    `latents.parquet` and the column `run`.

    Args:
        folder: created if it does not exist; files of the same names are replaced.
        comparison: the result.
        format: with "svg" or "pdf", the figure is written in this format as well as in PNG.

    Raises:
        EccentricError: a file cannot be written.
    """
    import pyarrow.parquet as pq

    from eccentric.plots import write_figure

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EccentricError(f"cannot write to the folder {folder}: {error.strerror}; choose another") from None
    write_json(folder / RESULT, _record(comparison))
    with atomic(folder / ALIGNED) as temporary:
        pq.write_table(_table(comparison), temporary)
    write_figure(folder / FIGURE, _figure(comparison), format)


def _aligned(alignments: list[Alignment], test: list[Latents]) -> list[Float[np.ndarray, "n d"]]:
    return [alignment.apply(latents.p) for alignment, latents in zip(alignments, test, strict=True)]


def _check_same_items(first: Run, second: Run, splits: dict[str, tuple[Latents, Latents]]) -> None:
    difference = next(_differences(first, second, splits), None)
    if difference is not None:
        raise UsageError(
            f"{first.path} and {second.path} cannot be compared: {difference}; train them on the same data, split the "
            "same way, with the same --dim"
        )


def _differences(first: Run, second: Run, splits: dict[str, tuple[Latents, Latents]]) -> Iterator[str]:
    for split, (a, b) in splits.items():
        if a.p.shape[1] != b.p.shape[1]:
            yield f"they have {a.p.shape[1]} and {b.p.shape[1]} components"
        if len(a.p) != len(b.p):
            yield f"they have {len(a.p)} and {len(b.p)} {split} items"
        elif not np.array_equal(a.rows, b.rows):
            yield f"their {split} items are not the same rows of the data"
        if a.labels is not None and b.labels is not None and not np.array_equal(a.labels, b.labels):
            yield f"the labels of their {split} items differ"
    prints = [run.config["data"].get("fingerprint") for run in (first, second)]
    if None not in prints and prints[0] != prints[1] and any(latents.labels is None for latents in splits["train"]):
        yield "they were trained on different data"
    # A data set may have several names, such as a hub id and a path. If the labels agree, the names may differ.
    names = [run.config["data"]["name"] for run in (first, second)]
    if names[0] != names[1] and any(latents.labels is None for latents in splits["train"]):
        yield f"they were trained on {names[0]} and {names[1]}"


def _record(comparison: Comparison) -> dict[str, Any]:
    from eccentric._version import versions

    names = comparison.names
    found = zip(names, comparison.settings, comparison.alignments, strict=True)
    return {
        "method": comparison.method,
        **({"gap": comparison.gap} if comparison.method == "procrustes" else {}),
        "items": {"train": comparison.train_items, "test": len(comparison.test[0].p)},
        "runs": [{"path": name, **_mapping(alignment), "train": settings} for name, settings, alignment in found],
        "pairs": [
            {
                "runs": [names[pair.first], names[pair.second]],
                "before": _numbers(pair.before),
                "after": _numbers(pair.after),
            }
            for pair in comparison.pairs
        ],
        "component_stability": _numbers(comparison.stability),
        "versions": versions(),
    }


def _mapping(alignment: Alignment) -> dict[str, Any]:
    if alignment.permutation is None or alignment.signs is None:
        return {"matrix": alignment.matrix.tolist()}
    return {"components": [f"p{k + 1}" for k in alignment.permutation], "signs": alignment.signs.tolist()}


def _numbers(result: Similarity | Stability) -> dict[str, Any]:
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in asdict(result).items()}


def _table(comparison: Comparison) -> pyarrow.Table:
    import pyarrow as pa

    tables = []
    for name, latents, p in zip(comparison.names, comparison.test, comparison.aligned(), strict=True):
        table = latents_table({"test": Latents(p.astype(np.float32), latents.labels, latents.rows)})
        tables.append(table.add_column(0, "run", pa.array([name] * len(p))))
    return pa.concat_tables(tables, promote_options="default")  # some runs may have no labels


def _figure(comparison: Comparison) -> Figure:
    from eccentric.alignment import cross_correlation
    from eccentric.plots import alignment

    reference = comparison.test[0].p
    before = np.array([cross_correlation(latents.p, reference) for latents in comparison.test[1:]])
    after = np.array([cross_correlation(p, reference) for p in comparison.aligned()[1:]])
    # Long paths are truncated at the end, where they differ, so common parent folders are left out.
    paths = [Path(name).resolve() for name in comparison.names]
    shared = os.path.commonpath([path.parent for path in paths])
    short = [str(path.relative_to(shared)) for path in paths]
    return alignment.cross_correlation(before, after, short[1:], short[0])
