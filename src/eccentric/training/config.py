"""Settings of a training run, with the paper's defaults (A.5)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from eccentric.errors import EccentricError, UsageError
from eccentric.methods import registry
from eccentric.models import ARCHITECTURES, STARTS, choose_architecture, choose_start
from eccentric.runs.names import CONFIG
from eccentric.settings import setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eccentric.data.items import ItemSpec
    from eccentric.methods import Method
    from eccentric.runs import Run

ANCHOR = "anchor"  # name of the term in metrics.csv
CHOICES = {
    "schedule": ("constant", "one-cycle", "trapezoid"),
    "precision": ("auto", "32-true", "bf16-mixed"),
    "compile": ("auto", "on", "off"),
    "start": STARTS,
    "axes": ("principal", "anchored"),
}


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one run. The defaults are those of the paper (A.5) if it specifies them.

    `architecture` is "custom" in the record of a run with custom modules.

    Raises:
        UsageError: a setting is out of range.
    """

    dim: int = setting(8, "Number of latent dimensions and components (the paper's d).")
    method: str = setting(registry.DEFAULT, "Training method; `eccentric methods` lists them.")
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the method by name. Defaults are filled in, so that all settings are recorded."""
    epochs: int = setting(100, "Passes over the training data; the paper uses 1000 for MNIST and 100 for CelebA.")
    batch_size: int = setting(100, "Items per batch; an incomplete last batch of an epoch is dropped.")
    learning_rate: float = setting(1e-4, "Learning rate of Adam; the maximum for the one-cycle schedule.")
    schedule: str = setting(
        "constant",
        "Learning-rate schedule: constant, one-cycle (10 % linear warm-up, cosine decay), or trapezoid (100 steps of "
        "warm-up, constant, linear decay in the last third of the epochs).",
    )
    weight_decay: float = setting(1e-6, "Weight decay of Adam.")
    architecture: str = setting("auto", "auto (by kind and shape), mnist, celeba, conv, mlp, gru or linear.")
    width: float = setting(1.0, "Factor on the channels of every hidden layer of the architecture.")
    start: str = setting(
        "auto",
        "Initial weights: random, or pca (a linear map in parallel to each network is initialised to PCA); auto is "
        "pca for tables, random for images and sequences.",
    )
    anchor: float = setting(
        0.0,
        "Weight of the mean squared distance between latents and scaled PCA scores, for trainings that start from PCA. "
        "Components then agree better between runs, and the reconstruction error is higher.",
    )
    axes: str = setting(
        "principal",
        "Axes of the components: principal (of the latents, as in the paper), or anchored (the rotation of the latents "
        "nearest to the scores of a linear PCA of the data, which agrees better between runs).",
    )
    seed: int = setting(0, "Seed of the initial weights and the order of batches.")
    device: str = setting("auto", "PyTorch device; auto uses an accelerator if available.")
    precision: str = setting(
        "auto", "auto, 32-true or bf16-mixed; auto uses bfloat16 for images if the hardware supports it."
    )
    compile: str = setting("auto", "auto, on or off; auto compiles if the training is long enough to save time.")
    log_every: int = setting(50, "Steps between rows of metrics.csv; each epoch also ends with a row.")
    checkpoint_seconds: float = setting(
        60.0, "Minimum seconds between checkpoints; they are written after rows of metrics."
    )

    def __post_init__(self) -> None:
        for name in ("dim", "epochs", "log_every"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.dim >= 2**31:  # the limit of PyTorch's tensors
            raise UsageError(f"dim must be less than 2**31, not {self.dim}")
        if self.batch_size < 2:
            raise UsageError(
                f"batch_size must be at least 2, not {self.batch_size}, because the loss is defined on pairs"
            )
        if not 0 < self.learning_rate < math.inf:
            raise UsageError(f"learning_rate must be a positive number, not {self.learning_rate}")
        if not 0 <= self.weight_decay < math.inf:
            raise UsageError(f"weight_decay must be zero or a positive number, not {self.weight_decay}")
        if not 0 <= self.anchor < math.inf:
            raise UsageError(f"anchor must be zero or a positive number, not {self.anchor}")
        if not 0 < self.width < math.inf:
            raise UsageError(f"width must be a positive number, not {self.width}")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"unknown {name} {getattr(self, name)!r}; choose one of {', '.join(choices)}")
        if not 0 <= self.checkpoint_seconds < math.inf:
            raise UsageError(f"checkpoint_seconds must be zero or more, not {self.checkpoint_seconds}")
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"seed must lie between 0 and 2**63, not {self.seed}")
        if self.architecture not in ("auto", *ARCHITECTURES, "custom"):
            known = ", ".join(("auto", *ARCHITECTURES))
            raise UsageError(f"unknown architecture {self.architecture!r}; choose one of {known}")
        settings = registry.check_settings(self.method, self.settings, self.dim)
        object.__setattr__(self, "settings", asdict(settings))

    def make_method(self) -> Method:
        """Create the method with its initial state."""
        return registry.make_method(self.method, self.settings, self.dim)

    @property
    def term_titles(self) -> dict[str, str]:
        """Terms of the objective, in order: those of the method, and "anchor" if its weight is not zero."""
        anchor = {ANCHOR: "squared distance from PCA scores"} if self.anchor else {}
        return {**registry.find(self.method).term_titles, **anchor}

    def starts_from_pca(self, spec: ItemSpec) -> bool:
        """Whether the weights before training are PCA's, for such items."""
        method = registry.find(self.method)
        chosen = self.architecture
        if chosen != "custom":
            chosen = choose_architecture(chosen, spec, method)
        return method.traits.starts_from_pca and choose_start(self.start, spec, chosen) == "pca"

    def to_json(self) -> dict[str, Any]:
        """The entries "method" and "train" of config.json."""
        train = {name: value for name, value in asdict(self).items() if name not in ("method", "settings")}
        return {"method": {"name": self.method, "settings": dict(self.settings)}, "train": train}

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> TrainConfig:
        """Read the settings from the content of config.json; settings unknown to this version are ignored."""
        method = config["method"]
        known = {field.name for field in fields(cls)}
        train = {name: value for name, value in config["train"].items() if name in known}
        own = registry.known_settings(method["name"], method["settings"])
        return cls(**train, method=method["name"], settings=own)

    @classmethod
    def of_run(cls, run: Run) -> TrainConfig:
        """The settings of a run.

        Raises:
            EccentricError: config.json is missing or has an invalid setting.
        """
        try:
            return cls.from_json(run.config)
        except (UsageError, TypeError, ValueError) as error:
            raise EccentricError(f"{run.path / CONFIG}: {error}; the file is damaged") from None
