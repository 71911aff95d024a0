"""One training run of the estimator: settings, initial weights, and selection of the best weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from eccentric.estimator.progress import Progress
from eccentric.evaluation.importance import ERRORS, standard_error
from eccentric.inference import components_of, item_errors
from eccentric.models import Autoencoder, start_model
from eccentric.training import engine as engines
from eccentric.training.loop import Training
from eccentric.training.schedule import decay_epoch
from eccentric.training.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.data.items import ItemSpec
    from eccentric.estimator.sources import Source
    from eccentric.evaluation.folds import Neighbourhoods
    from eccentric.models.pca import LinearPCA
    from eccentric.training.config import TrainConfig
    from eccentric.training.metrics import Metrics

STEPS = 1500  # steps for "auto" epochs if training does not end by `has_converged`
LEAST_STEPS, MOST_STEPS = 400, 3 * STEPS  # before the decay; and in all, if training ends by `has_converged`
LEAST_GAIN, LEAST_GAIN_IF_STRICT = 0.1, 0.05  # relative
LEAST_ABSOLUTE_GAIN = 0.001  # in standardised units, for data with hardly any noise
FEWEST_EPOCHS = 3
RATE, IMAGE_RATE = 1e-3, 4e-3  # maximum; the higher rate lowers the error on MNIST
IMAGE_ANCHOR = 0.001  # chosen on MNIST
UNSIZED_EPOCHS = 10  # for loaders of unknown length
LEVEL = 0.0228  # of significance, one-sided: that of two standard errors
PATIENCE = 0.2  # fraction of the epochs without a lower error on held-out rows


@dataclass(frozen=True)
class Trained:
    """One run.

    Attributes:
        model: the model on the CPU, in evaluation mode.
        metrics: rows of metrics, at least one per epoch.
        errors: error of each held-out item, or of training items if there are none.
        kept_first: whether the initial weights were kept, because the gain of training was not significant.
        engine: description of the engine of the training.
    """

    model: Autoencoder
    metrics: list[Metrics]
    errors: Float[Tensor, " n"]
    kept_first: bool
    engine: engines.Engine


def batch_size_for(items: int | None, images: bool) -> int:
    """A sixteenth of the rows from 32 to 1024, of images a thirty-second from 32 to 128: enough steps on few rows."""
    parts, most = (32, 128) if images else (16, 1024)
    return most if items is None else min(most, max(32, items // parts))


def epochs_for(steps: int | None, wanted: int = STEPS) -> int:
    """The number of epochs of `steps` batches that gives `wanted` steps, at least three."""
    return UNSIZED_EPOCHS if steps is None else max(FEWEST_EPOCHS, math.ceil(wanted / steps))


def has_converged(errors: Sequence[float], strict: bool = False) -> bool:
    """Whether doubling the training time lowered the lowest held-out error by less than 10 % or 0.001.

    Args:
        errors: held-out error before training and after each epoch, at a constant learning rate.
        strict: 5 % instead of 10 %.
    """
    earlier = min(errors[: len(errors) // 2 + 1])
    least = LEAST_GAIN_IF_STRICT if strict else LEAST_GAIN
    return earlier - min(errors) < max(least * earlier, LEAST_ABSOLUTE_GAIN)


def make_model(
    config: TrainConfig, x: Shaped[Tensor, "n ..."], spec: ItemSpec, standardize: bool
) -> tuple[Autoencoder, list[int]]:
    """The model with initial weights for training rows such as x, and the columns of x that are constant.

    The columns of tables are scaled to mean 0 and standard deviation 1, or with `standardize=False` to a mean variance
    of 1. Images are scaled from their range (0 to 255 for uint8) to that of the decoder, 0 to 1.
    """
    return start_model(
        x,
        spec,
        config.architecture,
        config.dim,
        method=config.make_method,
        width=config.width,
        seed=config.seed,
        standardize=standardize,
        start=config.start,
    )


def train_once(
    model: Autoencoder,
    source: Source,
    config: TrainConfig,
    near: Neighbourhoods,
    *,
    patience: int | None,
    strict: bool = False,
    verbose: int = 0,
    name: str = "",
) -> Trained:
    """Train the model and keep the weights with the lowest error on the held-out rows.

    The best of many states has a lower error on these rows by chance. It is therefore kept only if its gain over the
    initial weights is significant. For tables, the initial weights are those of PCA.

    Args:
        model: model with initial weights.
        source: the data.
        config: settings without "auto" values. With the schedule "trapezoid", the learning rate decays when training
            has converged, and the decay begins from the best weights.
        near: neighbourhoods of training rows, with which a folded code is recognised. While the code is folded, the
            error hardly falls, and then falls again when the code unfolds, so training has not converged.
        patience: epochs to wait for a lower error on held-out rows, counted from the end of the fading of linear maps;
            None trains to the end and keeps the last weights.
        strict: apply the strict threshold of `has_converged`.
        verbose, name: see `Progress`.

    Raises:
        EccentricError: training diverged.
    """
    images = source.spec.is_image
    open_ended = config.schedule == "trapezoid"
    usual = config.epochs * STEPS // MOST_STEPS if open_ended else config.epochs
    work = engines.work_of(model, source.sample) * (source.items or 0) * usual
    engine = engines.start(config, work, images=images, ranks=False)  # one rank, also under torchrun or SLURM
    device = engine.fabric.device
    held_out = source.held_out if len(source.held_out) else None
    first_errors = item_errors(model.to(device), source.judged)
    best, best_epoch, first, kept = math.inf, 0, None, None
    faded = 0  # the last epoch in which linear maps faded, so that the error might rise
    curve = [first_errors.mean().item()]
    if patience is not None and held_out is not None:
        best, first = first_errors.mean().item(), _copy(model)
        kept = first

    def is_folded() -> bool:
        return near.kept(model).is_folded(near.pca)

    rows: list[Metrics] = []
    stop, progress = Stop(), Progress(verbose, usual, config.epochs, name)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(config.seed)
        training = Training(model, source.batches(config.batch_size, config.seed, device), config, engine, held_out)
        for row in training.run(stop):
            rows.append(row)
            if verbose > 1 or held_out is None or row.test_reconstruction is not None:
                progress.show(row)
            if kept is None or row.test_reconstruction is None:
                continue
            if any(skip.share > 0 for skip in model.skips):
                faded = row.epoch
            if row.test_reconstruction < best:
                best, best_epoch, kept = row.test_reconstruction, row.epoch, _copy(model)
            if open_ended:
                curve.append(row.test_reconstruction)
                constant = training.last_epoch == config.epochs and row.epoch < decay_epoch(config.epochs)
                if constant and row.step >= LEAST_STEPS and has_converged(curve, strict) and not is_folded():
                    model.load_state_dict(kept)
                    training.decay()
            elif patience is not None and row.epoch - max(best_epoch, faded) >= patience:
                stop.asked = True
    errors = _settle_for(model, kept, source.judged)
    kept_first = first is not None and not is_gain((first_errors - errors).cpu())
    gained = not kept_first or kept is first
    progress.end("" if gained else "keeping the initial weights: no significant held-out gain")
    if kept_first:
        errors = _settle_for(model, first, source.judged)
    return Trained(model.to_inference(), rows, errors.cpu(), kept_first, engine)


@torch.no_grad()
def find_components(
    model: Autoencoder, rows: Iterable[Shaped[Tensor, "b ..."]], axes: str, pca: LinearPCA
) -> DeepComponents:
    """Fit the components to the latents of all rows in one pass.

    Args:
        model: trained model on the CPU.
        rows: batches of raw rows.
        axes: "principal" or "anchored".
        pca: PCA of the rows.
    """
    return components_of(model, ((x, model.encode(x)) for x in rows), pca if axes == "anchored" else None)


def _settle_for(model: Autoencoder, state: dict[str, Tensor] | None, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    """Errors of the model with the given weights; None uses its current weights."""
    if state is not None:
        model.load_state_dict(state)
    return item_errors(model, x)


def is_gain(gains: Float[Tensor, " n"]) -> bool:
    """Whether errors are lower in the mean and significantly: by two standard errors, or by Wilcoxon's test of ranks.

    Each test finds gains that the other misses. A few rows with large errors, such as those that differ from the others
    in an almost constant column, dominate the standard error; a gain of few rows hardly changes the ranks. The second
    test is about the typical row: it also passes a network that is better for most rows and much worse for rare ones,
    if few of the rare ones are among the given rows.
    """
    mean = gains.double().mean()
    if mean <= 0:
        return False
    if mean > ERRORS * standard_error(gains):
        return True
    from scipy.stats import wilcoxon  # slow to import

    return bool(wilcoxon(gains.numpy(), alternative="greater").pvalue < LEVEL)


def _copy(model: Autoencoder) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def history(rows: list[Metrics]) -> dict[str, np.ndarray]:
    """Columns of the metrics by name, (rows,) float64; NaN if a row has no value."""
    table = [row.row() for row in rows]
    return {
        name: np.array([math.nan if row[name] is None else row[name] for row in table], float)
        for name in (table[0] if table else ())
    }
