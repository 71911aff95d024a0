"""The run folder, which is readable without this package and contains no executable content."""

from __future__ import annotations

import os
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from eccentric.components import DeepComponents
from eccentric.data.items import ItemSpec
from eccentric.errors import EccentricError, UsageError
from eccentric.files import check_name, read_json, read_tensors
from eccentric.methods.registry import find, known_settings, make_method
from eccentric.models import build_model
from eccentric.runs.checksums import verify
from eccentric.runs.latents import Latents, read_latents
from eccentric.runs.manifest import read_manifest
from eccentric.runs.metrics import read_metrics
from eccentric.runs.names import COMPONENTS, CONFIG, EVALUATION, EXAMPLES, LATENTS, MODEL
from eccentric.runs.schema import Evaluation, check

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from eccentric.explorer import InlinePage
    from eccentric.models import Autoencoder


class Run:
    """A run folder opened for reading. Each part is read on first access.

    Raises:
        EccentricError: the folder or a file in it is missing or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._known: set[str] = set()
        check_name(self.path)
        if not self.path.is_dir():
            raise EccentricError(f"there is no run folder {self.path}")
        if not (self.path / CONFIG).is_file():
            if os.path.lexists(self.path / CONFIG):
                raise EccentricError(f"{self.path / CONFIG} is not a regular file; restore the file of the run")
            raise EccentricError(
                f"{self.path} is not a run folder, because it has no {CONFIG}; give the --out folder of a training run"
            )
        for entry in sorted(self.path.iterdir()):
            if not entry.is_file() and not entry.is_dir():  # reading a pipe would wait forever for its writer
                raise EccentricError(f"{entry} is neither a file nor a folder; remove it")

    @cached_property
    def config(self) -> dict[str, Any]:
        """The content of config.json in the form of `schema.Config`, for every version that wrote it."""
        return read_manifest(self.path)

    @property
    def finished(self) -> bool:
        """Whether the run was trained to its last epoch."""
        return bool(self.config["status"] == "finished")

    @cached_property
    def spec(self) -> ItemSpec:
        """Specification of one item."""
        return ItemSpec.from_json(self.config)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: (channels, height, width), (features,) or (steps, features)."""
        return self.spec.shape

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns of a table, in order; empty for images."""
        names: list[str] = self.config["feature_names"]
        return names

    @cached_property
    def metrics(self) -> dict[str, np.ndarray]:
        """Columns of metrics.csv by name, (rows,) float64; NaN where a row has no value."""
        return read_metrics(self.path)

    @property
    def has_spectrum(self) -> bool:
        """Whether the latents of the run's method have principal components."""
        return find(self.config["method"]["name"]).traits.has_spectrum

    @cached_property
    def components(self) -> DeepComponents:
        """The principal components of the training items' latents.

        Raises:
            EccentricError: the method has no principal components, or the file is missing or damaged.
        """
        self.must_have_ended()
        if not self.has_spectrum:
            name = self.config["method"]["name"]
            raise EccentricError(f"{self.path} was trained with method {name}, which has no principal components")
        return DeepComponents.load(self._verified(COMPONENTS))

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        """The content of evaluation.json, measured at the end of training."""
        evaluation: dict[str, Any] = read_json(self._verified(EVALUATION))
        check(evaluation, Evaluation, self.path / EVALUATION)
        return evaluation

    @cached_property
    def examples(self) -> Tensor:
        """A few raw test items, (k, *shape), to show reconstructions without the data."""
        return read_tensors(self._verified(EXAMPLES), expected=("x",))["x"]

    def must_have_ended(self) -> None:
        """Raise `EccentricError` if the run is still being trained, or if training was killed."""
        if self.config["status"] == "training":
            raise EccentricError(
                f"training of {self.path} has not ended; wait for it, or if it was interrupted, resume it with "
                f"eccentric train DATA --out {self.path} --resume"
            )

    def model(self, encoder: nn.Module | None = None, decoder: nn.Module | None = None) -> Autoencoder:
        """The trained model on the CPU in evaluation mode. Custom modules must be given as they were trained."""
        self.must_have_ended()
        settings = self.config["train"]
        networks = None
        if settings["architecture"] == "custom":
            if encoder is None or decoder is None:
                raise UsageError(
                    f"{self.path} was trained with custom modules; pass encoder and decoder to Run.model or "
                    "write_report"
                )
            networks = encoder, decoder
        weights = read_tensors(self._verified(MODEL), expected=("shift", "scale"))
        method = self.config["method"]
        own = known_settings(method["name"], method["settings"])
        try:
            model = build_model(
                self.spec,
                settings["architecture"],
                settings["dim"],
                method=partial(make_method, method["name"], own, settings["dim"]),
                width=settings.get("width", 1.0),  # missing in folders of 0.1.0
                start=settings.get("start", "auto"),  # also missing in the first folders with a method
                networks=networks,
                units=(weights["shift"], weights["scale"]),
            )
        except UsageError as error:
            if networks is not None:
                raise
            raise EccentricError(f"{self.path / CONFIG}: {error}; the file is damaged") from None
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise EccentricError(f"{self.path / MODEL} does not fit the model: {str(error).splitlines()[-1]}") from None
        return model.to_inference()

    def latents(self, split: str) -> Latents:
        """Encoded items of the split "train" or "test"."""
        self.must_have_ended()
        return read_latents(self._verified(LATENTS), split)

    def training_latents(self) -> Tensor:
        """Latents of the training items, (n, d) float32; folders of 0.1.0 contain only their components."""
        saved = self.latents("train")
        return self.components.decode(torch.from_numpy(saved.p)) if saved.z is None else torch.from_numpy(saved.z)

    def explore(self, other: Run | None = None) -> InlinePage:
        """Show the page of `eccentric explore` in a notebook; the browser must run on the kernel's machine.

        Args:
            other: a second run on the same data, shown beside this one.

        Returns:
            What a notebook shows as a frame; its `close` stops the server.

        Raises:
            EccentricError: a file of the run is missing or damaged, or the extra 'explore' is not installed.
            UsageError: the run has no components, or the runs do not go together.
        """
        from eccentric.explorer import InlinePage

        return InlinePage(self, other)

    def _verified(self, name: str) -> Path:
        """The path of a result, after comparison with its checksum. Each file is hashed once."""
        path = self.path / name
        if name not in self._known:
            verify(path)
            self._known.add(name)
        return path
