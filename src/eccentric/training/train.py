"""One training run from data to a complete run folder."""

from __future__ import annotations

import platform
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from eccentric.components import DeepComponents
from eccentric.errors import EccentricError, UsageError
from eccentric.evaluation.probes import neighbour_error, neighbours_for, pca_encodings
from eccentric.files import write_json, write_tensors
from eccentric.models import Autoencoder, build_pair, choose_architecture
from eccentric.training import run as folder
from eccentric.training.config import TrainConfig
from eccentric.training.loop import Metrics, Stop, encode, find_device, fit, reconstruction_error

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import Tensor, nn

    from eccentric.data import Data, Split

EXAMPLES = 24


def train(
    data: Data,
    config: TrainConfig | None = None,
    out: str | Path = "run",
    *,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    source: dict[str, Any] | None = None,
    overwrite: bool = False,
    stop: Stop | None = None,
    on_metrics: Callable[[Metrics], None] = lambda metrics: None,
) -> folder.Run:
    """Train an autoencoder on `data` and write everything about it to the folder `out`.

    Args:
        data: from `eccentric.data.load` or `from_arrays`.
        config: settings; the paper's by default.
        out: the run folder, made here.
        encoder, decoder: modules of one's own, (n, *shape) -> (n, dim) and back, on standardised data.
        source: how the data were loaded, for config.json.
        overwrite: replace a run that already lies in `out`.
        stop: set `stop.asked` to end after the step in hand; the folder is complete all the same.
        on_metrics: called with each row of metrics.

    Raises:
        UsageError: the settings do not fit the data, or `out` holds something.
        EccentricError: training diverged, or the folder cannot be written.
    """
    config = config or TrainConfig()
    stop = stop or Stop()
    out = Path(out)
    folder.check_folder(out, overwrite)
    device = find_device(config.device)
    model = build_model(data, config, encoder, decoder).to(device)
    chosen = choose_architecture(config.architecture, data.shape) if encoder is None else "custom"
    config = replace(config, architecture=chosen)
    folder.claim_folder(out)
    description = describe(data, config, source, device)
    write_json(out / folder.CONFIG, description)

    file = folder.MetricsFile(out)
    for metrics in fit(model, data.train.x, data.test.x, config, stop):
        file.write(metrics)
        on_metrics(metrics)

    z = {"train": encode(model, data.train.x), "test": encode(model, data.test.x)}
    if not all(latents.isfinite().all() for latents in z.values()):
        raise EccentricError(f"latents are NaN or infinite after step {metrics.step}; lower the learning rate")
    write_tensors(out / folder.MODEL, model.state_dict())
    components = DeepComponents().fit(z["train"])
    components.save(out / folder.COMPONENTS)
    splits = {"train": data.train, "test": data.test}
    latents = {
        name: folder.Latents(components.encode(z[name]).numpy(), label_names(data, split), split.rows)
        for name, split in splits.items()
    }
    folder.write_latents(out / folder.LATENTS, latents)
    write_tensors(out / folder.EXAMPLES, {"x": choose_examples(data.test.x)})
    write_json(out / folder.EVALUATION, evaluate(model, data, latents["train"].p, latents["test"].p))
    description["status"] = f"stopped after {metrics.step} steps" if stop.asked else "finished"
    write_json(out / folder.CONFIG, description)
    return folder.Run(out)


def build_model(data: Data, config: TrainConfig, encoder: nn.Module | None, decoder: nn.Module | None) -> Autoencoder:
    """The model with its first weights, which depend on the seed alone."""
    if (encoder is None) != (decoder is None):
        raise UsageError("give both encoder and decoder, or neither")
    if len(data.train.x) < 2:
        raise UsageError(f"the training split of {data.name} holds {len(data.train.x)} item; at least 2 make a pair")
    if encoder is None or decoder is None:
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            encoder, decoder = build_pair(config.architecture, data.shape, config.dim)
    if data.is_image:
        return Autoencoder(encoder, decoder)
    x = data.train.x.double()
    spread = x.std(0)
    spread[spread == 0] = 1  # a constant column stays constant
    return Autoencoder(encoder, decoder, x.mean(0), spread)


def describe(data: Data, config: TrainConfig, source: dict[str, Any] | None, device: torch.device) -> dict[str, Any]:
    """All that is needed to repeat the run, for config.json."""
    from eccentric import __version__

    return {
        "status": "training",
        "data": {"name": data.name, "split": data.split, "notes": list(data.notes), **(source or {})},
        "train": asdict(config),
        "shape": list(data.shape),
        "items": {"train": len(data.train.x), "test": len(data.test.x)},
        "feature_names": list(data.feature_names),
        "label_names": list(data.label_names),
        "device": _device_name(device),
        "versions": {"eccentric": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }


def evaluate(model: Autoencoder, data: Data, train_p: np.ndarray, test_p: np.ndarray) -> dict[str, Any]:
    """Test reconstruction and nearest-neighbour error, beside PCA with the same number of components."""
    shift, scale = model.shift.cpu(), model.scale.cpu()
    pca_train, pca_test, pca_error = pca_encodings(
        data.train.x, data.test.x, train_p.shape[1], lambda x: ((x - shift) / scale).flatten(1).numpy()
    )
    result: dict[str, Any] = {
        "test_reconstruction": reconstruction_error(model, data.test.x),
        "pca_test_reconstruction": pca_error,
    }
    # Labels that nearly all differ name items, not classes.
    if data.train.labels is not None and data.test.labels is not None and 2 * len(data.label_names) <= len(train_p):
        neighbours = neighbours_for(len(train_p))
        labels = data.train.labels, data.test.labels
        result |= {
            "neighbours": neighbours,
            "neighbour_error": neighbour_error(train_p, labels[0], test_p, labels[1], neighbours),
            "pca_neighbour_error": neighbour_error(pca_train, labels[0], pca_test, labels[1], neighbours),
        }
    return result


def choose_examples(x: Tensor) -> Tensor:
    """A few items of the test split, at random (the same for every run), since a split may be sorted by class."""
    chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:EXAMPLES]
    return x[chosen]


def label_names(data: Data, split: Split) -> np.ndarray | None:
    """The labels as text, (n,), or None."""
    import numpy as np

    return None if split.labels is None else np.array(data.label_names)[split.labels]


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"{platform.machine()} CPU, {threads} thread{'s' if threads > 1 else ''}"
    return device.type
