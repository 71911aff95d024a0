"""The run folder: everything about a run, readable without this package, and nothing in it executes when loaded."""

from __future__ import annotations

import csv
import platform
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eccentric.components import DeepComponents
from eccentric.errors import EccentricError, UsageError
from eccentric.files import atomic, read_json, read_tensors, write_json, write_tensors
from eccentric.models import Autoencoder, build_pair
from eccentric.training.window import Metrics

if TYPE_CHECKING:
    import pyarrow
    from jaxtyping import Shaped
    from torch import Tensor, nn

CONFIG, METRICS, MODEL = "config.json", "metrics.csv", "model.safetensors"
COMPONENTS, LATENTS, EVALUATION = "components.safetensors", "latents.parquet", "evaluation.json"
EXAMPLES, CHECKPOINTS, REPORT = "examples.safetensors", "checkpoint", "report.html"
METRIC_NAMES = [field.name for field in fields(Metrics)]


@dataclass(frozen=True)
class Latents:
    """Encoded items of one split.

    Attributes:
        p: (n, d) float32, coordinates along the components.
        labels: (n,) names as text, or None.
        rows: (n,) int64, the item's row in its source.
    """

    p: np.ndarray
    labels: np.ndarray | None
    rows: np.ndarray


class Run:
    """A run folder opened for reading. Each part is read when first asked for.

    Raises:
        EccentricError: the folder, or a file in it, is missing or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise EccentricError(f"there is no run folder {self.path}")
        if not (self.path / CONFIG).is_file():
            raise EccentricError(f"{self.path} is no run folder, it has no {CONFIG}; name the --out of a training run")

    @cached_property
    def config(self) -> dict[str, Any]:
        """What config.json holds: `data`, `train`, `shape`, `status`, versions."""
        config: dict[str, Any] = read_json(self.path / CONFIG)
        keys = ("data", "train", "shape", "status", "feature_names")
        missing = [key for key in keys if key not in config] if isinstance(config, dict) else keys
        if missing:
            raise EccentricError(f"{self.path / CONFIG} has no {', '.join(missing)}; the file is damaged")
        return config

    @property
    def finished(self) -> bool:
        """Whether it was trained to its last epoch."""
        return bool(self.config["status"] == "finished")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one item: (channels, height, width) or (features,)."""
        return tuple(self.config["shape"])

    @property
    def feature_names(self) -> list[str]:
        """Columns of a table, in order; empty for images."""
        names: list[str] = self.config["feature_names"]
        return names

    @cached_property
    def metrics(self) -> dict[str, np.ndarray]:
        """Columns of metrics.csv by name, (rows,) float64; NaN where a row has no value."""
        try:
            with (self.path / METRICS).open(newline="", encoding="utf-8") as file:
                header, *rows = csv.reader(file)
            if header != METRIC_NAMES:
                raise ValueError("its first line is not the names of the metrics")
            columns = zip(*rows, strict=True) if rows else [()] * len(header)
            return {name: np.array([float(v or "nan") for v in col]) for name, col in zip(header, columns, strict=True)}
        except OSError as error:
            raise EccentricError(f"cannot read {self.path / METRICS}: {error.strerror}") from None
        except ValueError as error:
            raise EccentricError(f"{self.path / METRICS} is damaged ({error})") from None

    @cached_property
    def components(self) -> DeepComponents:
        self.must_have_ended()
        return DeepComponents.load(self.path / COMPONENTS)

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        """What evaluation.json holds, measured when training ended."""
        evaluation: dict[str, Any] = read_json(self.path / EVALUATION)
        return evaluation

    @cached_property
    def examples(self) -> Tensor:
        """A few raw test items, (k, *shape), so that reconstructions can be drawn without the data."""
        return read_tensors(self.path / EXAMPLES, expected=("x",))["x"]

    def must_have_ended(self) -> None:
        """Raise `EccentricError` while the run is being trained, or where training was killed."""
        if self.config["status"] == "training":
            raise EccentricError(
                f"training of {self.path} has not ended; wait for it, or if it was broken off go on with "
                f"eccentric train DATA --out {self.path} --resume"
            )

    def model(self, encoder: nn.Module | None = None, decoder: nn.Module | None = None) -> Autoencoder:
        """The trained model on the CPU, in evaluation mode. Modules of one's own must be given as they were trained."""
        self.must_have_ended()
        settings = self.config["train"]
        if settings["architecture"] == "custom":
            if encoder is None or decoder is None:
                raise UsageError(
                    f"{self.path} has modules of its own; pass encoder and decoder to Run.model or write_report"
                )
        else:
            with torch.random.fork_rng(devices=[]):  # first weights, which are replaced at once
                width = settings.get("width", 1.0)  # folders of 0.1.0 lack it
                encoder, decoder = build_pair(settings["architecture"], self.shape, settings["dim"], width)
        weights = read_tensors(self.path / MODEL, expected=("shift", "scale"))
        model = Autoencoder(encoder, decoder, weights["shift"], weights["scale"])
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise EccentricError(f"{self.path / MODEL} does not fit the model: {str(error).splitlines()[-1]}") from None
        return model.at_rest()

    def latents(self, split: str) -> Latents:
        """The encoded items of "train" or "test"."""
        self.must_have_ended()
        return read_latents(self.path / LATENTS, split)


def write_results(
    folder: Path,
    model: Autoencoder,
    components: DeepComponents,
    latents: dict[str, Latents],
    examples: Shaped[Tensor, "k ..."],
    evaluation: dict[str, Any],
) -> None:
    """What a trained model leaves in a run folder.

    Args:
        latents: by split, "train" and "test".
        examples: a few raw test items.
        evaluation: at least `test_reconstruction` and `pca_test_reconstruction`.
    """
    write_tensors(folder / MODEL, model.state_dict())
    components.save(folder / COMPONENTS)
    write_latents(folder / LATENTS, latents)
    write_tensors(folder / EXAMPLES, {"x": examples})
    write_json(folder / EVALUATION, evaluation)


def versions() -> dict[str, str]:
    """By which config.json says what a run was made with."""
    from eccentric import __version__

    return {"eccentric": __version__, "torch": torch.__version__, "python": platform.python_version()}


def latents_table(splits: dict[str, Latents]) -> pyarrow.Table:
    """An Arrow table with columns split, row, label (where there are labels) and p1 ... pd."""
    import pyarrow as pa

    parts = list(splits.items())
    columns: dict[str, Any] = {
        "split": np.concatenate([np.full(len(part.p), name) for name, part in parts]),
        "row": np.concatenate([part.rows for _, part in parts]),
    }
    if any(part.labels is not None for _, part in parts):  # one split alone may have them
        labels = [
            np.full(len(part.p), None) if part.labels is None else part.labels.astype(object) for _, part in parts
        ]
        columns["label"] = np.concatenate(labels)
    p = np.concatenate([part.p for _, part in parts])
    columns |= {f"p{k + 1}": np.ascontiguousarray(p[:, k]) for k in range(p.shape[1])}
    return pa.table(columns)


def write_latents(path: Path, splits: dict[str, Latents]) -> None:
    """The table of encoded items as Parquet."""
    import pyarrow.parquet as pq

    with atomic(path) as temporary:
        pq.write_table(latents_table(splits), temporary)


def read_latents(path: Path, split: str) -> Latents:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, filters=[("split", "=", split)])
        names = [name for name in table.column_names if name[0] == "p" and name[1:].isdigit()]
        p = np.stack([table[name].to_numpy() for name in names], 1)
        labelled = "label" in table.column_names and table["label"].null_count == 0
        labels = np.array(table["label"].to_pylist()) if labelled else None
        return Latents(p, labels, table["row"].to_numpy())
    except FileNotFoundError:
        raise EccentricError(f"there is no file {path}") from None
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise EccentricError(f"cannot read {path} ({str(error).splitlines()[0]}); the file is damaged") from None
